"""The files of heat maps that explanations leave: one row per frame and map."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.explain.spatial.measures.map_points import paste
from dfprobe.explain.spatial.measures.truth import Frames, Sizes
from dfprobe.status import Status
from dfprobe.store.parquet import read_parquet

MAP_SCHEMA = pl.Schema(
    {
        "clip_id": pl.String(),
        "label": pl.Int8(),
        "frame": pl.Int64(),
        "status": pl.String(),
        "method": pl.String(),
        "part": pl.String(),
        "logit": pl.Float64(),
        "clip_score": pl.Float64(),
        "rows": pl.Int64(),
        "cols": pl.Int64(),
        "heat": pl.List(pl.Float32),
        "affine": pl.List(pl.Float64),
        "width": pl.Int64(),
        "height": pl.Int64(),
    }
)


def read_maps(path: Path) -> pl.DataFrame:
    """Read the maps of one encoder on one test corpus.

    Raises
    ------
    DataError
        If a column is missing, or a map with status ``ok`` does not have one number per
        cell.
    """
    table = read_parquet(path)
    missing = [name for name in MAP_SCHEMA if name not in table.columns]
    if missing:
        raise DataError(
            f"{path}: expected the columns {', '.join(MAP_SCHEMA)}, got none named "
            f"{', '.join(missing)}. Make the maps anew."
        )
    table = table.select(list(MAP_SCHEMA)).cast(MAP_SCHEMA)
    cells = pl.col("heat").list.len() == pl.col("rows") * pl.col("cols")
    whole = cells & (pl.col("affine").list.len() == 6) & pl.col("frame").is_not_null()
    odd = table.filter(pl.col("status") == Status.OK, ~whole.fill_null(False))
    if odd.height:
        raise DataError(
            f"{path}: expected rows x cols numbers of heat and six of affine in every "
            f"map with status ok, got others for clip {odd['clip_id'][0]}, frame "
            f"{odd['frame'][0]}. Make the maps anew."
        )
    return table


def frame_sizes(maps: Mapping[str, pl.DataFrame]) -> Sizes:
    """Width and height of each clip's frames, of the clips with a map."""
    return {
        clip_id: (width, height)
        for table in maps.values()
        for clip_id, width, height in table.select("clip_id", "width", "height")
        .drop_nulls()
        .iter_rows()
    }


def explained_frames(maps: Mapping[str, pl.DataFrame]) -> Frames:
    """Frames that any encoder was asked to explain, by clip."""
    frames: dict[str, set[int]] = {}
    for table in maps.values():
        for clip_id, frame in table.select("clip_id", "frame").iter_rows():
            known = frames.setdefault(clip_id, set())
            if frame is not None:
                known.add(frame)
    return {clip_id: sorted(known) for clip_id, known in frames.items()}


def heat_image(row: Mapping[str, Any]) -> np.ndarray:
    """Heat of a map over its frame, counted from the map's lowest cell.

    Grad-CAM's maps begin at zero already. In exact maps the constants of the probe are
    spread over all cells, so that zero means nothing in them.

    Parameters
    ----------
    row : mapping
        Row of a table as in `MAP_SCHEMA`, status ``ok``.

    Returns
    -------
    np.ndarray of shape (height, width), float64
    """
    # heat is row-major: -> (rows, cols)
    grid = np.array(row["heat"], dtype=np.float64).reshape(row["rows"], row["cols"])
    affine = np.array(row["affine"]).reshape(2, 3)
    return paste(grid - grid.min(), affine, row["width"], row["height"])

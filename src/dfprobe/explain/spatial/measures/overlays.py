"""Which frames the figure of overlays shows, and what is laid over each of them."""

from collections.abc import Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from dfprobe.errors import ClipError
from dfprobe.explain.spatial.measures.heat import heat_image
from dfprobe.explain.spatial.measures.map_points import Point, peak
from dfprobe.explain.spatial.measures.region import Ellipse
from dfprobe.media.video import frames_at_25fps
from dfprobe.status import Status

MAIN_METHODS = ("exact", "gradcam")  # the first that an encoder has stands for it
MOST, LEAST = "most fake", "least fake"
_OF_EACH = 2  # frames of clips that look most, and least, fake


class Cell(NamedTuple):
    """What one map adds to a frame."""

    heat: np.ndarray  # (height, width) float64: from 0 to 1, the largest value
    peak: Point
    logit: float  # of the frame


class Overlay(NamedTuple):
    """One row of the figure: a frame and its maps."""

    clip_id: str
    frame: int  # at 25 frames a second
    rank: str  # `MOST` or `LEAST`: how the clip looks to the probes
    picture: np.ndarray  # (height, width, 3) uint8
    regions: list[Ellipse]  # what should be found
    cells: list[Cell | None]  # per column of the figure; None without an explanation


def of_main_method(table: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows of the method that stands for an encoder.

    That is the exact one where there is one, else Grad-CAM.

    Parameters
    ----------
    table : pl.DataFrame
        Rows of one encoder, with a column ``method``.
    """
    present = set(table["method"])
    main = next((name for name in MAIN_METHODS if name in present), None)
    return table.filter(pl.col("method").eq_missing(pl.lit(main, pl.String)))


def choose_frames(maps: Mapping[str, pl.DataFrame]) -> list[tuple[str, int, str]]:
    """Choose the frames to show: the same for all encoders, none by hand.

    Clips are those that the most encoders explain, ranked by the mean over encoders of
    the rank of the clip's score. The two first and the two last are shown, each with
    the first of its frames that the most encoders explain.

    Returns
    -------
    list of (clip_id, frame, rank)
        ``rank`` is `MOST` or `LEAST`; at most four, fewer where there are fewer clips.
    """
    frames = pl.concat(
        [
            table.select("clip_id", "frame", "clip_score")
            .unique()
            .with_columns(pl.lit(name).alias("encoder"))
            for name, table in maps.items()
        ]
    )
    known = frames.group_by("clip_id", "frame").len()
    known = known.filter(pl.col("len") == pl.col("len").max())
    first = known.group_by("clip_id").agg(pl.col("frame").min())
    scores = frames.join(first, on=["clip_id", "frame"])
    ranks = pl.col("clip_score").rank().over("encoder")
    order = (
        scores.with_columns(ranks.alias("rank"))
        .group_by("clip_id", "frame")
        .agg(pl.col("rank").mean())
        .sort("rank", "clip_id", descending=[True, False])
        .select("clip_id", "frame")
        .rows()
    )
    most = order[: min(_OF_EACH, (len(order) + 1) // 2)]
    least = order[len(most) :][-_OF_EACH:]
    return [(*one, MOST) for one in most] + [(*one, LEAST) for one in least]


def read_overlays(
    maps: Mapping[str, pl.DataFrame],
    points: pl.DataFrame,
    paths: Mapping[str, Path],
) -> tuple[list[tuple[str, str]], list[Overlay]]:
    """Decode the chosen frames and lay the maps over them.

    ``maps`` of each encoder, ``points`` (`POINT_SCHEMA`) and the ``paths`` of the clips
    are of one test corpus. Gives the columns of the figure (encoder, part), and its
    rows; a file that is not there any more has none.
    """
    good = pl.col("status") == Status.OK
    main = {n: of_main_method(table.filter(good)) for n, table in maps.items()}
    columns = [
        (name, part)
        for name, table in main.items()
        for part in table["part"].unique().sort()
    ]
    regions = _regions(points)
    cells = {
        (name, row["part"], row["clip_id"], row["frame"]): row
        for name, table in main.items()
        for row in table.iter_rows(named=True)
    }
    overlays = []
    for clip_id, frame, rank in choose_frames(main):
        try:
            picture = _frame(paths[clip_id], frame)
        except ClipError:
            continue
        found = [cells.get((*column, clip_id, frame)) for column in columns]
        drawn = [None if row is None else _cell(row) for row in found]
        known = regions.get((clip_id, frame), [])
        overlays.append(Overlay(clip_id, frame, rank, picture, known, drawn))
    return columns, overlays


def _regions(points: pl.DataFrame) -> dict[tuple[str, int], list[Ellipse]]:
    """Regions of each frame, each once."""
    regions: dict[tuple[str, int], list[Ellipse]] = {}
    unique = points.unique("target", keep="first", maintain_order=True)
    known = unique.select("clip_id", "frame", "region").drop_nulls()
    for clip_id, frame, region in known.iter_rows():
        regions.setdefault((clip_id, frame), []).append(Ellipse(*region))
    return regions


def _cell(row: Mapping[str, Any]) -> Cell | None:
    heat = heat_image(row)
    if not heat.max() > 0:
        return None
    return Cell(heat / heat.max(), peak(heat), row["logit"])


def _frame(path: Path, frame: int) -> np.ndarray:
    """Decode one frame of those at 25 a second, (height, width, 3) uint8."""
    chunk = next(islice(frames_at_25fps(path, 1), frame, None), None)
    if chunk is None:
        raise ClipError(Status.UNREADABLE, f"{path} has no frame {frame} any more")
    picture: np.ndarray = chunk[0]
    return picture

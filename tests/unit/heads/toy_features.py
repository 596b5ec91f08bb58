"""Small feature stores and manifests for the tests of heads."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.store.features import write_store

DIM = 24
PROVENANCE = {
    "encoder": {"name": "toy", "family": "toy"},
    "settings": {"dtype": "float16"},
    "crops": None,
    "rate_hz": 25.0,
    "first_row_s": 0.0,
}


class Corpus(NamedTuple):
    folder: Path
    manifest: Path
    stores: list[Path]
    rows: dict[str, np.ndarray]


def write_features(
    path, rows, statuses=None, key="key", dtype="float16", starts=None, **attributes
):
    """One store; ``statuses`` names the clips that failed and have no rows.

    ``starts``: time of row 0 of the clips that were trimmed.
    """
    statuses = statuses or {}
    attributes = PROVENANCE | {"encoder_key": key} | attributes
    starts = dict.fromkeys(rows, attributes["first_row_s"]) | (starts or {})
    ids = sorted([*rows, *statuses])
    index = pl.DataFrame(
        {
            "clip_id": ids,
            "status": [statuses.get(name, "ok") for name in ids],
            "detail": [""] * len(ids),
            "rows": [len(rows[name]) if name in rows else 0 for name in ids],
            "first_row_s": [starts.get(name, 0.0) for name in ids],
            "content_key": [""] * len(ids),
            "crops_key": [""] * len(ids),
        }
    )
    clips = [rows[name] for name in ids if name in rows]
    write_store(path, index, clips, DIM, dtype, attributes)
    return path


def write_manifest(path, clips):
    """``clips``: (clip_id, split, label) each."""
    table = pl.DataFrame(
        clips,
        schema={"clip_id": pl.String, "split": pl.String, "label": pl.Int8},
        orient="row",
    )
    manipulation = pl.when(pl.col("label") == 1).then(pl.lit("swap"))
    table = table.with_columns(manipulation=manipulation.otherwise(pl.lit("real")))
    table.sort("clip_id").write_parquet(path)
    return path

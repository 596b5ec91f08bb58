"""The curves of a head on a test corpus, with the times of their rows."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.rates import RowClock
from dfprobe.store.parquet import read_parquet

_SCHEMA = pl.Schema(
    {
        "clip_id": pl.String(),
        "curve": pl.List(pl.Float32),
        "rate_hz": pl.Float64(),
        "first_row_s": pl.Float64(),
    }
)


class TimedCurve(NamedTuple):
    """Values of a clip over time."""

    values: np.ndarray  # (rows,) float32: larger = more fake
    clock: RowClock  # times of the rows in the video, also of a clip that was trimmed


def read_curves(path: Path, clips: pl.DataFrame) -> list[TimedCurve | None]:
    """Read the curves of some clips.

    Parameters
    ----------
    path : Path
        As written by `dfprobe.heads.scoring.score_clips`.
    clips : pl.DataFrame
        ``clip_id``.

    Returns
    -------
    list of TimedCurve or None
        In the order of ``clips``; None for a clip without a score, or one with a value
        that is not finite.
    """
    table = read_parquet(path, columns=list(_SCHEMA)).cast(_SCHEMA)
    joined = clips.select("clip_id").join(
        table, on="clip_id", how="left", maintain_order="left"
    )
    curves: list[TimedCurve | None] = []
    columns = ("curve", "rate_hz", "first_row_s")
    for values, rate_hz, first_row_s in zip(
        *(joined[name] for name in columns), strict=True
    ):
        curve = np.zeros(0) if values is None else values.to_numpy()
        if curve.size and np.isfinite(curve).all():
            curves.append(TimedCurve(curve, RowClock(rate_hz, first_row_s)))
        else:
            curves.append(None)
    return curves

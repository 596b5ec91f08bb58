"""The curves of a head on a test corpus, with the times of their rows."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.features.trimming import silent_frames
from dfprobe.rates import VIDEO_FPS, RowClock
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
    """Values of a clip over time.

    Parameters
    ----------
    values : np.ndarray of shape (rows,), float32
        Larger = more fake.
    clock : RowClock
        Times of the rows in the file, also of a clip that was trimmed.
    cut_frames : int
        Video frames at the start that the encoder did not see.
    """

    values: np.ndarray
    clock: RowClock
    cut_frames: int = 0


def read_curves(
    path: Path, clips: pl.DataFrame, trimmed: bool
) -> list[TimedCurve | None]:
    """Read the curves of some clips.

    Parameters
    ----------
    path : Path
        As written by `dfprobe.heads.scoring.score_clips`.
    clips : pl.DataFrame
        ``clip_id``, and ``leading_silence_s`` (null without sound).
    trimmed : bool
        Whether the encoder read clips without their leading silence.

    Returns
    -------
    list of TimedCurve or None
        In the order of ``clips``; None for a clip without a score, or one with a value
        that is not finite.
    """
    table = read_parquet(path, columns=list(_SCHEMA)).cast(_SCHEMA)
    joined = clips.select("clip_id", "leading_silence_s").join(
        table, on="clip_id", how="left", maintain_order="left"
    )
    curves: list[TimedCurve | None] = []
    columns = ("curve", "rate_hz", "first_row_s", "leading_silence_s")
    for values, rate_hz, first_s, silence_s in zip(
        *(joined[name] for name in columns), strict=True
    ):
        curve = np.zeros(0) if values is None else values.to_numpy()
        if not curve.size or not np.isfinite(curve).all():
            curves.append(None)
            continue
        cut = silent_frames(silence_s) if trimmed else 0
        clock = RowClock(rate_hz, first_s + cut / VIDEO_FPS)
        curves.append(TimedCurve(curve, clock, cut))
    return curves

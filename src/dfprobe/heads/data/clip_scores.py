"""From the clips of a split to their scores; every clip keeps its row."""

from collections.abc import Iterator, Sequence

import polars as pl

from dfprobe.heads.data.alignment import Aligned, align
from dfprobe.heads.data.clips import StoreSet
from dfprobe.status import Status


def clip_rows(
    clips: pl.DataFrame, stores: Sequence[StoreSet]
) -> Iterator[Aligned | None]:
    """Rows of each clip with their times; None for a clip that has none.

    Parameters
    ----------
    clips : pl.DataFrame
        ``clip_id`` and ``status``.
    stores : sequence of StoreSet
        Two are brought to one rate and start.
    """
    for clip_id, status in clips.select("clip_id", "status").iter_rows():
        if status != Status.OK:
            yield None
            continue
        rows = [store.rows(clip_id) for store in stores]
        yield align(rows, [store.clock(clip_id) for store in stores])


def with_scores(clips: pl.DataFrame, scores: Sequence[float | None]) -> pl.DataFrame:
    """Add the scores; one that is not finite becomes null, with its status.

    Parameters
    ----------
    clips : pl.DataFrame
        With ``status``.
    scores : sequence of float or None
        One per clip; None stays null and changes no status.
    """
    score = pl.Series("score", scores, dtype=pl.Float64)
    finite = score.is_finite()  # null stays null
    return clips.with_columns(
        status=pl.when(finite.fill_null(True))
        .then("status")
        .otherwise(pl.lit(Status.NON_FINITE.value)),
        score=pl.when(finite).then(score),
    )

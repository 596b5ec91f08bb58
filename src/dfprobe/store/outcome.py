"""What became of a shard's clips: one line for the log, and when to stop."""

import logging

import polars as pl

from dfprobe.errors import DataError
from dfprobe.status import Status

_SHOWN = 20

log = logging.getLogger("dfprobe")


def report_outcome(
    task: str,
    index: pl.DataFrame,
    previous: pl.DataFrame | None,
    computed: int,
    resumed: int,
) -> None:
    """Log in one line how many clips a job computed and how many it need not.

    Parameters
    ----------
    task : str
        What was done.
    index : pl.DataFrame
        Index of the shard, with the columns ``clip_id`` and ``status``.
    previous : pl.DataFrame or None
        Index of the last whole version, whose clips may be gone.
    computed, resumed : int
        Clips computed now, and taken from the journal of a killed job; the rest was
        kept.
    """
    removed = 0
    if previous is not None:
        removed = previous.join(index, on="clip_id", how="anti").height
    failed = index.filter(pl.col("status") != Status.OK)["status"]
    counts = sorted(failed.value_counts().iter_rows())
    log.info(
        "%s: %d computed, %d resumed, %d kept, %d removed, failed: %s",
        task,
        computed,
        resumed,
        index.height - computed - resumed,
        removed,
        ", ".join(f"{count} {status}" for status, count in counts) or "none",
    )


def check_failures(task: str, index: pl.DataFrame, max_share: float) -> None:
    """Refuse an index with a larger share of clips that are not ``ok`` than accepted.

    Raises
    ------
    DataError
        With the first failed clips and their reasons.
    """
    failed = index.filter(pl.col("status") != Status.OK)
    if failed.height <= max_share * index.height:
        return
    shown = failed.head(_SHOWN).select("clip_id", "status", "detail").iter_rows()
    lines = [f"  {clip_id}: {status}. {detail}" for clip_id, status, detail in shown]
    if failed.height > _SHOWN:
        lines.append(f"  ... and {failed.height - _SHOWN} more")
    raise DataError(
        f"{task}: {failed.height} of {index.height} clips failed, more than "
        f"max_failed_share = {max_share:g} allows:\n" + "\n".join(lines) + "\n"
        "Mend or remove these files, or raise max_failed_share in the config if they "
        "are meant to be there. What was computed is kept."
    )

"""A feature store brought up to date: what still holds is kept, the rest is made."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dfprobe.errors import ClipError, DataError
from dfprobe.features.rows import Encoded, stored_rows
from dfprobe.progress import Progress
from dfprobe.status import Status
from dfprobe.store.features import INDEX_SCHEMA, FeatureReader, write_store
from dfprobe.store.files import Row, keep, kept, restore
from dfprobe.store.journal import Journal
from dfprobe.store.outcome import check_failures, report_outcome

log = logging.getLogger("dfprobe")


@dataclass(frozen=True)
class Origin:
    """What the rows of a store are, and where they come from.

    Parameters
    ----------
    dim : int
        Length of a row.
    dtype : str
        ``float16`` or ``float32``.
    attributes : mapping
        What the store says of them; ``encoder_key`` is a hash of all that changes them.
    """

    dim: int
    dtype: str
    attributes: Mapping[str, Any]


def update_store(
    task: str,
    out: Path,
    clips: pl.DataFrame,
    origin: Origin,
    encode: Callable[[pl.DataFrame], Iterable[Encoded]],
    max_failed_share: float,
) -> None:
    """Bring the feature store of one shard up to date.

    Clips whose keys still hold are taken from the last store; the others are noted in a
    journal beside it as they are made, so that a killed job goes on where it was.

    Parameters
    ----------
    task : str
        Name in the messages.
    out : Path
        Feature store to write, see `dfprobe.store.features`.
    clips : pl.DataFrame
        ``clip_id, content_key, crops_key`` of the shard's clips, sorted.
    origin : Origin
        What the rows are.
    encode : callable
        Gives the clips that it is handed, in any order, with their rows or an error.
    max_failed_share : float
        Share of failed clips that is accepted, 0 to 1.

    Raises
    ------
    DataError
        If too many clips failed. The journal keeps what was made.
    """
    key = origin.attributes["encoder_key"]
    entries = f"{key} with first_row_s"  # journals of an older dfprobe lack it
    with Journal(out.with_name(out.name + ".journal"), entries) as journal:
        valid, old = _still_valid(out, key, clips)
        finished = valid | _valid_ids(pl.DataFrame(list(journal.rows.values())), clips)
        waiting = clips.filter(~pl.col("clip_id").is_in(finished))
        progress = Progress(task, waiting.height)
        for clip in encode(waiting):
            journal.append(*_entry(clip, origin))
            progress.step()
        index = _index(clips, old, valid, journal)
        previous = None if old is None else old.index
        resumed = len(finished) - len(valid)
        report_outcome(task, index, previous, waiting.height, resumed)
        check_failures(task, index, max_failed_share)  # the journal stays
        if old is not None and _is_same(old, index, origin):
            restore(out)
        else:
            arrays = _arrays(index, old, valid, journal)
            dim, dtype = origin.dim, origin.dtype
            write_store(out, index, arrays, dim, dtype, origin.attributes)
            keep(out)
        journal.discard()


def _is_same(old: FeatureReader, index: pl.DataFrame, origin: Origin) -> bool:
    """Whether the last store holds what the new one would, and says the same of it."""
    attributes = {**origin.attributes, "dim": origin.dim}
    return old.attributes == attributes and old.index.drop("offset").equals(index)


def _valid_ids(rows: pl.DataFrame, clips: pl.DataFrame) -> set[str]:
    """Ids of the rows whose keys are those that the clips have now."""
    if rows.is_empty():
        return set()
    keys = ["clip_id", "content_key", "crops_key"]
    return set(rows.join(clips, on=keys, how="semi")["clip_id"])


def _still_valid(
    out: Path, key: str, clips: pl.DataFrame
) -> tuple[set[str], FeatureReader | None]:
    """Clips that need not be computed, and the store that holds them."""
    if not kept(out).exists():
        return set(), None
    try:
        old = FeatureReader(kept(out))
        old.verify()
    except DataError as error:
        log.warning("%s", error)
        return set(), None
    if old.attributes.get("encoder_key") != key:
        return set(), None
    return _valid_ids(old.index, clips), old


def _entry(clip: Encoded, origin: Origin) -> tuple[Row, dict[str, np.ndarray]]:
    """Index row and features of one clip; a named status where there are none."""
    keys = ("clip_id", "content_key", "crops_key")
    entry = {name: clip.row[name] for name in keys}
    entry["first_row_s"] = origin.attributes["first_row_s"] + clip.start_s
    try:
        stored = stored_rows(clip, origin.dim, origin.dtype)
    except ClipError as error:
        empty = np.empty((0, origin.dim), origin.dtype)
        failed = {"status": error.status, "detail": error.detail, "rows": 0}
        return entry | failed, {"features": empty}
    passed = {"status": Status.OK, "detail": clip.note, "rows": len(stored)}
    return entry | passed, {"features": stored}


def _index(
    clips: pl.DataFrame, old: FeatureReader | None, valid: set[str], journal: Journal
) -> pl.DataFrame:
    """Index of the whole shard, in the order of the clips."""
    rows = {clip_id: journal.rows[clip_id] for clip_id in journal.rows}
    if old is not None:
        held = {row["clip_id"]: row for row in old.index.iter_rows(named=True)}
        rows |= {clip_id: held[clip_id] for clip_id in valid}
    schema = {name: kind for name, kind in INDEX_SCHEMA.items() if name != "offset"}
    picked = [{name: rows[key][name] for name in schema} for key in clips["clip_id"]]
    return pl.DataFrame(picked, schema=schema)


def _arrays(
    index: pl.DataFrame, old: FeatureReader | None, valid: set[str], journal: Journal
) -> Iterator[np.ndarray]:
    for clip_id in index.filter(pl.col("rows") > 0)["clip_id"]:
        if old is not None and clip_id in valid:
            yield old.clip(clip_id)
        else:
            yield journal.arrays(clip_id)["features"]

"""The engine of the stages that make one product per shard, clip by clip.

What still holds of the last whole version is kept. The other clips are noted in a
journal beside the product as they are made, so that a killed job goes on where it was.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from dfprobe.errors import DataError
from dfprobe.progress import Progress
from dfprobe.store.files import Row, keep, kept, restore
from dfprobe.store.journal import Journal
from dfprobe.store.outcome import check_failures, report_outcome
from dfprobe.store.parquet import read_parquet

log = logging.getLogger("dfprobe")


@dataclass
class ShardProduct(ABC):
    """What a stage makes of one shard, and how.

    Parameters
    ----------
    task : str
        Name in the messages.
    files : tuple of Path
        Files of the product; the journal is beside the first.
    clips : pl.DataFrame
        The shard's clips, sorted by ``clip_id``, with the columns of `KEYS`.
    max_failed_share : float
        Share of failed clips that is accepted, 0 to 1.

    Attributes
    ----------
    KEYS : tuple of str
        Columns in which a row of the index must equal a clip's to hold still.
    SCHEMA : mapping
        Columns and types of the index.
    """

    task: str
    files: tuple[Path, ...]
    clips: pl.DataFrame
    max_failed_share: float

    KEYS: ClassVar = ("clip_id", "content_key", "crops_key")
    SCHEMA: ClassVar[Mapping[str, Any]]

    @property
    @abstractmethod
    def journal_key(self) -> str:
        """What the records of a journal depend on; another key discards them."""

    @abstractmethod
    def open_last(self) -> pl.DataFrame | None:
        """Index of the kept files; None if they were made otherwise.

        Raises
        ------
        DataError
            If they cannot be read.
        """

    def is_sound(self, clip_id: str) -> bool:
        """Whether what the kept files hold of a clip is undamaged."""
        return True

    def is_current(self) -> bool:
        """Whether new files would say the same of the kept rows as the kept ones do."""
        return True

    @abstractmethod
    def make(self, waiting: pl.DataFrame, journal: Journal) -> Iterator[None]:
        """Note clips in the journal, in any order; yield after each."""

    @abstractmethod
    def write(
        self, index: pl.DataFrame, valid: Collection[str], journal: Journal
    ) -> None:
        """Write the files; clips in ``valid`` are in the kept ones, others noted."""


def shard_clips(manifest: Path, shard: str) -> pl.DataFrame:
    """Clips of one shard of a manifest, sorted: ``clip_id, path, content_key``."""
    listed = read_parquet(manifest, ["clip_id", "path", "content_key", "shard"])
    return listed.filter(pl.col("shard") == shard).drop("shard").sort("clip_id")


def update_shard(product: ShardProduct) -> None:
    """Bring the product of one shard up to date.

    Raises
    ------
    DataError
        If too many clips failed. The journal keeps what was made.
    """
    first, clips = product.files[0], product.clips
    path = first.with_name(f"{first.name}.journal")
    with Journal(path, product.journal_key) as journal:
        last = _last(product)
        old_rows = [] if last is None else last.iter_rows(named=True)
        old = _with_equal_keys(product, old_rows)
        valid = {clip: row for clip, row in old.items() if product.is_sound(clip)}
        done = valid | _with_equal_keys(product, journal.rows.values())
        resumed = len(done) - len(valid)
        waiting = clips.filter(~pl.col("clip_id").is_in(list(done)))
        if waiting.height:
            progress = Progress(product.task, waiting.height)
            for _ in product.make(waiting, journal):
                progress.step()
        done = _with_equal_keys(product, journal.rows.values()) | valid
        rows = [
            {name: done[clip_id][name] for name in product.SCHEMA}
            for clip_id in clips["clip_id"]
        ]
        index = pl.DataFrame(rows, schema=product.SCHEMA)
        report_outcome(product.task, index, last, waiting.height, resumed)
        check_failures(product.task, index, product.max_failed_share)
        unchanged = last is not None and len(valid) == index.height == last.height
        if unchanged and product.is_current():
            for file in product.files:
                restore(file)
        else:
            product.write(index, valid, journal)
            for file in product.files:
                keep(file)
        journal.discard()


def _last(product: ShardProduct) -> pl.DataFrame | None:
    if not all(kept(file).exists() for file in product.files):
        return None
    try:
        return product.open_last()
    except DataError as error:
        log.warning("%s Now all its clips are computed.", error)
        return None


def _with_equal_keys(product: ShardProduct, rows: Iterable[Row]) -> dict[str, Row]:
    """Rows, by clip, whose keys are those that the clips have now."""
    now = set(product.clips.select(product.KEYS).iter_rows())
    return {
        row["clip_id"]: row
        for row in rows
        if tuple(row[name] for name in product.KEYS) in now
    }

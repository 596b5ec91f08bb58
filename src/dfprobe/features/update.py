"""The feature store of a shard, as the engine over shards makes it."""

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import polars as pl

from dfprobe.errors import ClipError
from dfprobe.features.rows import Encoded, stored_rows
from dfprobe.status import Status
from dfprobe.store.features import INDEX_SCHEMA, Attributes, FeatureReader, write_store
from dfprobe.store.files import Row, kept
from dfprobe.store.journal import Journal
from dfprobe.store.shards import ShardProduct


@dataclass
class FeatureProduct(ShardProduct):
    """The feature store of one shard, see `dfprobe.store.features`.

    Parameters
    ----------
    dim : int
        Length of a row.
    dtype : str
        ``float16`` or ``float32``.
    attributes : dict
        What the store says of its rows; ``encoder_key`` is a hash of all that changes
        them.
    encode : callable
        Gives the clips that it is handed, in any order, with their rows or an error.
    """

    dim: int
    dtype: str
    attributes: Attributes
    encode: Callable[[pl.DataFrame], Iterable[Encoded]]
    last: FeatureReader = field(init=False)

    SCHEMA: ClassVar = {k: v for k, v in INDEX_SCHEMA.items() if k != "offset"}

    @property
    def journal_key(self) -> str:
        """Key of the encoder; journals of an older dfprobe lack ``first_row_s``."""
        return f"{self.attributes['encoder_key']} with first_row_s"

    def open_last(self) -> pl.DataFrame | None:
        """Index of the kept store; None if another encoder made it."""
        self.last = FeatureReader(kept(self.files[0]))
        self.last.verify()
        key = self.attributes["encoder_key"]
        same = self.last.attributes.get("encoder_key") == key
        return self.last.index if same else None

    def is_current(self) -> bool:
        """Whether the kept store has the attributes of a new one."""
        return self.last.attributes == {**self.attributes, "dim": self.dim}

    def make(self, waiting: pl.DataFrame, journal: Journal) -> Iterator[None]:
        """Note rows as the encoder gives them."""
        for clip in self.encode(waiting):
            journal.append(*self._entry(clip))
            yield

    def _entry(self, clip: Encoded) -> tuple[Row, dict[str, np.ndarray]]:
        """Index row and features of one clip; a named status where there are none."""
        entry = {name: clip.row[name] for name in self.KEYS}
        entry["first_row_s"] = self.attributes["first_row_s"] + clip.start_s
        try:
            stored = stored_rows(clip, self.dim, self.dtype)
        except ClipError as error:
            empty = np.empty((0, self.dim), self.dtype)
            failed = {"status": error.status, "detail": error.detail, "rows": 0}
            return entry | failed, {"features": empty}
        passed = {"status": Status.OK, "detail": clip.note, "rows": len(stored)}
        return entry | passed, {"features": stored}

    def write(
        self, index: pl.DataFrame, valid: Collection[str], journal: Journal
    ) -> None:
        """Write the store, reading rows one clip after the other."""
        arrays = (
            self.last.clip(clip_id)
            if clip_id in valid
            else journal.arrays(clip_id)["features"]
            for clip_id in index.filter(pl.col("rows") > 0)["clip_id"]
        )
        write_store(self.files[0], index, arrays, self.dim, self.dtype, self.attributes)

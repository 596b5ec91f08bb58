"""The clips a head sees: features of all shards of a corpus joined with its labels."""

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.rates import RowClock
from dfprobe.status import Status
from dfprobe.store.features import FeatureReader

NO_LABEL = "no_label"  # why a clip is of no use to a head, beside its status


class StoreSet:
    """The feature stores of one encoder on one corpus, read as one.

    Clips stay in their memory-mapped files; nothing is loaded ahead.

    Parameters
    ----------
    paths : sequence of Path
        One ``.zarr.zip`` per shard.

    Attributes
    ----------
    encoder_key : str
        What made the numbers; the same in all stores.
    attributes : dict
        What the first store says of its rows, see
        `dfprobe.features.keys.provenance`.
    dim : int
        Length of a row.
    dtype : np.dtype
        Of the rows, float16 or float32.
    index : pl.DataFrame
        ``clip_id, status, rows, first_row_s, content_key`` of all clips of all stores.

    Raises
    ------
    DataError
        If there is no store, stores differ in encoder or length of row, or a clip is in
        two of them.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        if not paths:
            raise DataError("No feature store was given; expected one for each shard.")
        self._stack = ExitStack()
        readers = [self._stack.enter_context(FeatureReader(path)) for path in paths]
        first = readers[0]
        self.dim: int = first.dim
        self.dtype: np.dtype = first.dtype
        self.attributes = first.attributes
        self.encoder_key: str = first.attributes["encoder_key"]
        for reader in readers:
            self._check_like_first(reader, first)
        self._readers = readers
        columns = ["clip_id", "status", "rows", "first_row_s", "content_key"]
        self.index = pl.concat([reader.index.select(columns) for reader in readers])
        self._starts = dict(self.index.select("clip_id", "first_row_s").iter_rows())
        self._reader_of = {
            clip_id: reader for reader in readers for clip_id in reader.index["clip_id"]
        }
        if len(self._reader_of) != self.index.height:
            double = self.index.filter(pl.col("clip_id").is_duplicated())["clip_id"][0]
            raise DataError(f"Clip {double} is in more than one feature store.")

    def rows(self, clip_id: str) -> np.ndarray:
        """Features of one clip, (rows, dim), float16 or float32, read-only view."""
        return self._reader_of[clip_id].clip(clip_id)

    def clock(self, clip_id: str) -> RowClock:
        """Return the times of the rows of one clip."""
        return RowClock(self.attributes["rate_hz"], self._starts[clip_id])

    def verify(self) -> None:
        """Compare all rows with their checksums, once, in the order of the files.

        Raises
        ------
        DataError
            If a file was damaged after it was written.
        """
        for reader in self._readers:
            reader.verify()

    def reader_of(self, clip_id: str) -> FeatureReader:
        """Store that holds a clip."""
        return self._reader_of[clip_id]

    def _check_like_first(self, reader: FeatureReader, first: FeatureReader) -> None:
        key = reader.attributes["encoder_key"]
        if key != self.encoder_key or reader.dim != self.dim:
            raise DataError(
                f"{reader.path} holds rows of {reader.dim} from encoder {key}, but "
                f"{first.path} rows of {self.dim} from encoder {self.encoder_key}. "
                "Run the features stage again: all shards must come from one encoder."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


@dataclass(frozen=True)
class LabelledClips:
    """The clips of one split that a head can learn from."""

    split: str  # ``train`` or ``val``
    clip_ids: list[str]  # in the order of the manifest
    labels: np.ndarray  # (clips,), int64: 0 real, 1 fake
    # Number of clips left out for each reason: a status, or ``no_label``
    skipped: dict[str, int]


def with_status(
    clips: pl.DataFrame, streams: Sequence[StoreSet], min_rows: int
) -> pl.DataFrame:
    """Add to manifest rows what became of each clip.

    Parameters
    ----------
    clips : pl.DataFrame
        Rows of a manifest.
    streams : sequence of StoreSet
        The encoders whose rows are needed.
    min_rows : int
        Fewest rows of a clip that can be used.

    Returns
    -------
    pl.DataFrame
        The rows of ``clips`` in their order with ``status``: that of the first stream
        that is not ok; ``missing`` where no store knows the clip, ``too_short`` where
        it has too few rows.
    """
    reasons = []
    for stores in streams:
        few = (pl.col("status") == Status.OK.value) & (pl.col("rows") < min_rows)
        joined = clips.select("clip_id").join(
            stores.index, on="clip_id", how="left", maintain_order="left"
        )
        status = pl.when(few).then(pl.lit(Status.TOO_SHORT.value)).otherwise("status")
        known = joined.select(status.fill_null(Status.MISSING.value)).to_series()
        reasons.append(known.set(known == Status.OK.value, None))  # null: usable
    if len(streams) > 1:
        short = _common_rows(clips, streams) < min_rows
        reasons.append(
            short.replace_strict({True: Status.TOO_SHORT.value}, default=None)
        )
    status = pl.coalesce([*reasons, pl.lit(Status.OK.value)])
    return clips.with_columns(status=status)


def _common_rows(clips: pl.DataFrame, streams: Sequence[StoreSet]) -> pl.Series:
    """Rows of the slower stream in the time that all streams cover; null if unknown."""
    rates = [store.attributes["rate_hz"] for store in streams]
    indexes = [
        clips.join(store.index, "clip_id", "left", maintain_order="left")
        for store in streams
    ]
    starts = [index["first_row_s"] for index in indexes]
    ends = [
        start + index["rows"] / rate
        for start, index, rate in zip(starts, indexes, rates, strict=True)
    ]
    common = pl.min_horizontal(ends) - pl.max_horizontal(starts)
    return pl.select((common * min(rates) + 1e-6).floor()).to_series()


def labelled_clips(
    manifest: pl.DataFrame,
    split: str,
    streams: Sequence[StoreSet],
    min_rows: int = 1,
    real_only: bool = False,
) -> LabelledClips:
    """Choose the clips of a split that have features and a label; count the others.

    Parameters
    ----------
    manifest : pl.DataFrame
        ``clip_id, split, label``.
    split : str
        ``train`` or ``val``.
    streams : sequence of StoreSet
        The encoders whose rows are needed.
    min_rows : int
        Fewest rows of a clip that can be used.
    real_only : bool
        Whether fakes are passed over, uncounted.
    """
    clips = manifest.filter(pl.col("split") == split)
    if real_only:
        clips = clips.filter((pl.col("label") != 1).fill_null(True))
    clips = with_status(clips, streams, min_rows)
    reason = (
        pl.when(pl.col("status") != Status.OK.value)
        .then(pl.col("status"))
        .when(pl.col("label").is_null())
        .then(pl.lit(NO_LABEL))
    )
    clips = clips.with_columns(reason=reason)
    used = clips.filter(pl.col("reason").is_null())
    skipped = clips.drop_nulls("reason").group_by("reason").len().sort("reason")
    return LabelledClips(
        split=split,
        clip_ids=used["clip_id"].to_list(),
        labels=used["label"].to_numpy().astype(np.int64),
        skipped=dict(skipped.iter_rows()),
    )

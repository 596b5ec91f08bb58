"""The ragged feature store: one Zarr v3 in one uncompressed zip per shard.

Layout inside ``{shard}.zarr.zip``:

``features``  (total rows, dim), float16 or float32, in chunks of about 4 MB
``index/*``   one array per column, one entry per clip, sorted by ``clip_id``
attributes    encoder spec, ``encoder_key``, ``rate_hz``, ``first_row_s``, versions

``first_row_s`` in the index is the time of a clip's row 0, in seconds after the first
video frame, what was trimmed included; in the attributes it is that time in a clip of
which nothing was trimmed, and the one of all clips of an index without the column (of
an older dfprobe).

Any Zarr v3 library reads it. `FeatureReader` maps the chunks into memory instead, which
is possible because they are stored as they are, at offsets that are multiples of 64. It
compares each chunk with the zip's checksum before the first clip in it is read.
"""

import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self, TypeAlias

import numpy as np
import polars as pl
import zarr
from zarr.core.buffer import Buffer
from zarr.storage import ZipStore

from dfprobe.errors import DataError
from dfprobe.store.files import write_whole

CHUNK_BYTES = 4 * 2**20
_READ_BYTES = 2**20  # per read while a checksum is computed
_ALIGNMENT = 64
_PADDING_FIELD = struct.Struct("<HH")  # id and length of a zip extra field
_PADDING_ID = 0xD935  # the id that Android's zipalign uses for the same purpose
_LOCAL_HEADER = struct.Struct("<4s5H3I2H")  # of a zip entry, before name and extra
_FIXED_DATE = (1980, 1, 1, 0, 0, 0)  # equal content gives equal bytes
_DTYPES = (np.dtype(np.float16), np.dtype(np.float32))
INDEX_SCHEMA = pl.Schema(
    {
        "clip_id": pl.String,
        "status": pl.String,
        "detail": pl.String,
        "offset": pl.Int64,
        "rows": pl.Int64,
        "first_row_s": pl.Float64,
        "content_key": pl.String,
        "crops_key": pl.String,
    }
)

# What a store says of its rows: JSON values by name, see `dfprobe.features.keys`.
Attributes: TypeAlias = dict[str, Any]


class _AlignedZipStore(ZipStore):
    """A ZipStore whose entries begin at multiples of 64 bytes."""

    def _set(self, key: str, value: Buffer) -> None:
        entry = zipfile.ZipInfo(key, _FIXED_DATE)
        entry.compress_type = zipfile.ZIP_STORED
        entry.external_attr = 0o644 << 16
        header = _LOCAL_HEADER.size + len(key.encode()) + _PADDING_FIELD.size
        padding = -(self._zf.start_dir + header) % _ALIGNMENT
        entry.extra = _PADDING_FIELD.pack(_PADDING_ID, padding) + bytes(padding)
        self._zf.writestr(entry, value.to_bytes())


def write_store(
    path: Path,
    index: pl.DataFrame,
    clips: Iterable[np.ndarray],
    dim: int,
    dtype: str,
    attributes: Mapping[str, Any],
) -> None:
    """Write a feature store, whole or not at all.

    Parameters
    ----------
    path : Path
        ``.zarr.zip`` file to write.
    index : pl.DataFrame
        Columns ``clip_id, status, detail, rows, first_row_s, content_key, crops_key``,
        sorted by clip; ``rows`` is 0 where the status is not ``ok``. ``offset`` is
        added here.
    clips : iterable of np.ndarray of shape (rows, dim)
        Features of the clips with rows, in the order of ``index``.
    dim : int
        Length of a row.
    dtype : str
        ``float16`` or ``float32``.
    attributes : mapping
        JSON values kept with the store.
    """
    index = index.with_columns(offset=pl.col("rows").cum_sum() - pl.col("rows"))
    index = index.select(list(INDEX_SCHEMA)).cast(INDEX_SCHEMA)
    total = int(index["rows"].sum())
    chunk_rows = max(1, CHUNK_BYTES // (dim * np.dtype(dtype).itemsize))
    with write_whole(path) as draft:
        store = _AlignedZipStore(draft, mode="w")
        group = zarr.create_group(store, attributes=dict(attributes) | {"dim": dim})
        features = group.create_array(
            "features",
            shape=(total, dim),
            chunks=(min(chunk_rows, max(total, 1)), dim),
            dtype=dtype,
            compressors=None,
            config={"write_empty_chunks": True},
        )
        start = 0
        for block in _blocks(clips, features.chunks[0], dim, dtype):
            features[start : start + len(block)] = block
            start += len(block)
        if start != total:
            raise DataError(f"{path}: the index counts {total} rows, but got {start}.")
        for column in index.iter_columns():
            _write_column(group, column)
        store.close()


def _blocks(
    clips: Iterable[np.ndarray], size: int, dim: int, dtype: str
) -> Iterator[np.ndarray]:
    """Join clips to blocks of ``size`` rows; the last one may be shorter."""
    block = np.empty((size, dim), dtype)
    filled = 0
    for clip in clips:
        taken = 0
        while taken < len(clip):
            count = min(size - filled, len(clip) - taken)
            block[filled : filled + count] = clip[taken : taken + count]
            filled, taken = filled + count, taken + count
            if filled == size:
                yield block
                filled = 0
    if filled:
        yield block[:filled]


def _write_column(group: zarr.Group, column: pl.Series) -> None:
    text = column.dtype == pl.String
    values = column.to_numpy().astype(object) if text else column.to_numpy()
    array = group.create_array(
        f"index/{column.name}",
        shape=(len(column),),
        dtype="string" if text else values.dtype,
        chunks=(max(len(column), 1),),
    )
    array[:] = values


class FeatureReader:
    """Read one feature store, a ``.zarr.zip`` file, without loading it.

    Attributes
    ----------
    index : pl.DataFrame
        One row per clip, columns and types as in `INDEX_SCHEMA`.
    attributes : dict
        What the writer kept: ``dim``, ``rate_hz``, ``first_row_s``, ``encoder_key``...

    Raises
    ------
    DataError
        If the file is not there or is not a whole feature store; from the methods that
        read or check rows, if it was damaged after it was written.
    KeyError
        From the methods that take a clip, if the store does not know it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._open()
        except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
            raise DataError(
                f"{path} is not a whole feature store ({error}). Delete it and run "
                "the workflow again: its clips are computed anew."
            ) from error
        spans = self.index.select("clip_id", "offset", "rows").iter_rows()
        self._spans = {clip_id: (offset, rows) for clip_id, offset, rows in spans}
        self._unchecked = set(range(len(self._starts)))
        self._chunks = self._map_chunks()

    def _open(self) -> None:
        """Read all but the rows; the zip's checksums are compared on the way."""
        store = ZipStore(self.path, mode="r")
        # Of this format only: the older one may name a codec that unpickles.
        group = zarr.open_group(store, mode="r", zarr_format=3)
        features, index = group["features"], group["index"]
        assert isinstance(features, zarr.Array) and isinstance(index, zarr.Group)
        if features.ndim != 2 or features.dtype not in _DTYPES:  # mapped as they are
            raise DataError(
                f"{self.path}: expected features of 2 dimensions in float16 or "
                f"float32, got {features.ndim} in {features.dtype}. It is not a "
                "store of dfprobe."
            )
        self.attributes: Attributes = dict(group.attrs)
        self.dtype = features.dtype
        self.dim: int = features.shape[1]
        self.rows: int = features.shape[0]
        self._chunk_rows: int = features.chunks[0]
        self._starts, self._checksums = self._places()
        columns = {name: _column(index, name) for name in INDEX_SCHEMA if name in index}
        start_s = self.attributes.get("first_row_s", np.nan)
        columns.setdefault("first_row_s", np.full(len(columns["rows"]), start_s))
        self.index = pl.DataFrame(
            {name: columns[name] for name in INDEX_SCHEMA}, schema=INDEX_SCHEMA
        )
        store.close()

    def clip(self, clip_id: str) -> np.ndarray:
        """Rows of one clip.

        Returns
        -------
        np.ndarray of shape (rows, dim), float16 or float32
            A read-only view of the file; a copy where the clip crosses two chunks.
        """
        self.check(clip_id)
        parts = [
            self._chunks[chunk][start : start + count]
            for chunk, start, count in self._pieces(clip_id)
        ]
        if not parts:
            return np.empty((0, self.dim), self.dtype)
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def spans(self, clip_id: str) -> list[tuple[int, int]]:
        """Where the rows of one clip lie in the file, to read them without its map.

        Returns
        -------
        list of (int, int)
            Offset and length in bytes; several where the clip crosses chunks.
        """
        row_bytes = self.dim * self.dtype.itemsize
        return [
            (self._starts[chunk] + start * row_bytes, count * row_bytes)
            for chunk, start, count in self._pieces(clip_id)
        ]

    def _pieces(self, clip_id: str) -> Iterator[tuple[int, int, int]]:
        """Chunk, first row in it and number of rows of each piece of a clip."""
        offset, rows = self._spans[clip_id]
        while rows:
            chunk, start = divmod(offset, self._chunk_rows)
            count = min(rows, self._chunk_rows - start)
            yield chunk, start, count
            offset, rows = offset + count, rows - count

    def check(self, clip_id: str) -> None:
        """Compare the chunks of one clip with their checksums, each chunk once."""
        chunks = {chunk for chunk, _, _ in self._pieces(clip_id)}
        for chunk in sorted(chunks & self._unchecked):
            self._check_chunk(chunk)

    def verify(self) -> None:
        """Compare all chunks with their checksums; the index was when it was read."""
        for chunk in sorted(self._unchecked):
            self._check_chunk(chunk)

    def _check_chunk(self, chunk: int) -> None:
        # Not through the map: its pages would count as memory of the process.
        left = self._chunk_rows * self.dim * self.dtype.itemsize
        checksum = 0
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(self._starts[chunk])
                while left and (block := file.read(min(left, _READ_BYTES))):
                    checksum = zlib.crc32(block, checksum)
                    left -= len(block)
        except OSError as error:
            raise DataError(
                f"{self.path} cannot be read ({error}). Check the disk; if it is "
                "sound, delete this file and run the workflow again: its clips are "
                "computed anew."
            ) from error
        if left or checksum != self._checksums[chunk]:
            raise DataError(
                f"{self.path}: chunk {chunk} does not fit its checksum, so the file "
                "was damaged after it was written. Delete it and run the workflow "
                "again: its clips are computed anew."
            )
        self._unchecked.discard(chunk)

    def _places(self) -> tuple[list[int], list[int]]:
        """Offset of each chunk in the file, and its CRC-32."""
        with zipfile.ZipFile(self.path) as archive, self.path.open("rb") as file:
            count = -(-self.rows // self._chunk_rows)
            entries = [
                archive.getinfo(f"features/c/{chunk}/0") for chunk in range(count)
            ]
            starts = [_data_start(file, entry) for entry in entries]
            # Zarr takes an entry that it does not find for one of zeros or empty texts,
            # so a name must not have changed: opening compares it with its copy.
            for entry in archive.infolist():
                archive.open(entry).close()
        return starts, [entry.CRC for entry in entries]

    def _map_chunks(self) -> list[np.ndarray]:
        """Map every chunk; each has the full chunk's size, the last one padded."""
        if not self._starts:
            return []
        shape = (self._chunk_rows, self.dim)
        # One map of the whole file: one per chunk would cost a file handle each.
        whole = np.memmap(self.path, np.uint8, "r")
        return [
            np.ndarray(shape, self.dtype, buffer=whole, offset=start)
            for start in self._starts
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._chunks.clear()


def _column(index: zarr.Group, name: str) -> np.ndarray:
    array = index[name]
    assert isinstance(array, zarr.Array)
    return np.asarray(array[:])


def _data_start(file: Any, entry: zipfile.ZipInfo) -> int:
    """Offset in the file of the content of an uncompressed zip entry."""
    file.seek(entry.header_offset)
    *_, name_length, extra_length = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    return entry.header_offset + _LOCAL_HEADER.size + name_length + extra_length

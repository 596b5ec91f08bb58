"""Rows of clips in any order, in memory bounded by configuration.

Features of a corpus may be many times larger than memory (XLS-R 2B: 40 GB). The clips
read first stay in memory as far as it goes; the others are read again in every visit
into one buffer. Clips are read with positioned reads, not through the stores' memory
maps: pages of a map count as memory of the process.

While reads wait for the disk, the system is told which clips come next, so that it
reads several at a time. On two cores that is faster than threads that read ahead, which
take turns with the arithmetic.
"""

import os
import resource
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Self

import numpy as np
import polars as pl

from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.data.clips import StoreSet

MB = 2**20
_ARITHMETIC_MB = 256  # what training takes beside the rows that are fed to it
_SMALLEST_MB = 64  # a smaller buffer is refused: few clips are that large
_AHEAD_BYTES = 32 * MB  # how far ahead clips are named while reads have to wait
_ASK_BYTES = 256 * MB  # how long they are named after the last read that waited
_REQUEST_BYTES = MB // 2  # Linux cuts larger requests off
_MAX_OPEN = 128  # files; a process may open 1024, and the stores' maps take some
_LINUX = hasattr(os, "RWF_NOWAIT")  # others read as well, only not ahead


class ClipFeed:
    """The rows of clips in the order in which they are asked for.

    Parameters
    ----------
    stores : StoreSet
        Where the clips are.
    memory_bytes : int
        Bytes of rows that may be held in memory, see `buffer_budget`.

    Raises
    ------
    DataError
        If a store was damaged after it was written.
    """

    def __init__(self, stores: StoreSet, memory_bytes: int) -> None:
        # In the order of the files, which is faster than clip by clip in any other.
        stores.verify()
        self._stores = stores
        self._memory_bytes = memory_bytes
        self._row_bytes = stores.dim * stores.dtype.itemsize
        fits = pl.col("rows") <= memory_bytes // self._row_bytes
        self._too_large = frozenset(stores.index.filter(~fits)["clip_id"])
        # Rows that stay, then room for the largest clip of those that do not. Memory
        # that was never written to is not taken from the system.
        rows = stores.index.filter(fits)["rows"]
        largest = int(rows.max() or 0)  # type: ignore[arg-type]
        capacity = min(memory_bytes // self._row_bytes, int(rows.sum()) + largest)
        rows_held = np.empty((capacity, stores.dim), stores.dtype)
        self._bytes = rows_held.reshape(-1).view(np.uint8).data
        self._rows = rows_held.view()
        self._rows.flags.writeable = False
        self._staying_rows = capacity - largest
        self._staying: dict[str, slice] = {}
        self._filled = 0  # rows that stay

    def visit(self, clip_ids: Sequence[str]) -> Iterator[np.ndarray]:
        """Yield the rows of clips in the given order; one visit at a time.

        Yields
        ------
        np.ndarray of shape (rows, dim), float16 or float32
            As stored; read-only, and valid until the next is asked for.

        Raises
        ------
        DataError
            If a clip is larger than the memory, or a store cannot be read.
        """
        self._refuse_too_large(clip_ids)
        with _OpenFiles() as files:
            ahead = _ReadAhead(self, clip_ids, files)
            for position, clip_id in enumerate(clip_ids):
                if clip_id in self._staying:
                    yield self._rows[self._staying[clip_id]]
                    continue
                place, waited = self._read(clip_id, files)
                size = (place.stop - place.start) * self._row_bytes
                ahead.follow(position, size, waited)
                yield self._rows[place]

    def unread(self, clip_id: str) -> tuple[Path, list[tuple[int, int]]]:
        """File and spans (offset, length in bytes) to read for a clip, if any."""
        reader = self._stores.reader_of(clip_id)
        return reader.path, [] if clip_id in self._staying else reader.spans(clip_id)

    def _read(self, clip_id: str, files: "_OpenFiles") -> tuple[slice, bool]:
        """Read a clip; where its rows are now, and whether a read had to wait."""
        path, spans = self.unread(clip_id)
        rows = sum(length for _, length in spans) // self._row_bytes
        stays = self._filled + rows <= self._staying_rows
        first = self._filled if stays else self._staying_rows
        waited = False
        start = first * self._row_bytes
        for offset, length in spans:
            target = self._bytes[start : start + length]
            try:
                waited |= _fill(target, files.handle(path), offset)
            except OSError as error:
                raise DataError(
                    f"{path} cannot be read at clip {clip_id} ({error}). Check the "
                    "disk; if it is sound, delete this file and run the workflow "
                    "again: its clips are computed anew."
                ) from error
            start += length
        place = slice(first, first + rows)
        if stays:
            self._staying[clip_id] = place
            self._filled = place.stop
        return place, waited

    def _refuse_too_large(self, clip_ids: Sequence[str]) -> None:
        for clip_id in sorted(self._too_large.intersection(clip_ids)):
            path, spans = self.unread(clip_id)
            size_mb = sum(length for _, length in spans) / MB
            budget_mb = self._memory_bytes / MB
            raise DataError(
                f"Clip {clip_id} in {path} takes {size_mb:.1f} MB, but there is room "
                f"for {budget_mb:.1f} MB of features. Raise training.memory_mb by "
                f"{int(size_mb - budget_mb) + 1} or more, or leave the clip out of "
                "the manifest."
            )


def buffer_budget(limit_mb: int) -> int:
    """Bytes that a `ClipFeed` may take so that the process stays below a limit.

    Call it when everything else is loaded: what the process takes by then is subtracted
    from the limit, and a margin for the arithmetic.

    Parameters
    ----------
    limit_mb : int
        Memory of the process, ``training.memory_mb`` in the configuration.

    Raises
    ------
    ConfigError
        If too little is left.
    """
    taken_mb = -(-_resident_bytes() // MB) + _ARITHMETIC_MB
    if limit_mb - taken_mb < _SMALLEST_MB:
        raise ConfigError(
            f"training.memory_mb is {limit_mb}, but training takes {taken_mb} MB "
            f"beside the features, and needs {_SMALLEST_MB} MB for those. Set it to "
            f"{taken_mb + _SMALLEST_MB} or more."
        )
    return (limit_mb - taken_mb) * MB


def _resident_bytes() -> int:
    """Memory of this process now; its peak so far where the system does not tell."""
    statm = Path("/proc/self/statm")
    if statm.exists():
        return (
            int(statm.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
        )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


class _OpenFiles:
    """Files that are open for reading; closed together, and when there are too many."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._handles: dict[Path, int] = {}

    def handle(self, path: Path) -> int:
        """File descriptor; good until the next is asked for."""
        if path not in self._handles:
            if len(self._handles) == _MAX_OPEN:
                self._close()
            file = self._stack.enter_context(path.open("rb", buffering=0))
            self._handles[path] = file.fileno()
        return self._handles[path]

    def _close(self) -> None:
        self._handles.clear()
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()


class _ReadAhead:
    """Tells the system which clips come next, as long as reads wait for the disk."""

    def __init__(
        self, feed: ClipFeed, clip_ids: Sequence[str], files: _OpenFiles
    ) -> None:
        self._feed, self._clip_ids, self._files = feed, clip_ids, files
        self._read_bytes = 0  # of this visit
        self._named_bytes = 0  # of this visit, read or named
        self._next = 0  # position of the first clip that is neither read nor named
        self._until_bytes = 0

    def follow(self, position: int, size: int, waited: bool) -> None:
        """Note that a clip of ``size`` bytes was read; name the next ones."""
        self._read_bytes += size
        if waited:
            self._until_bytes = self._read_bytes + _ASK_BYTES
        if not _LINUX or self._read_bytes >= self._until_bytes:
            return
        if self._next <= position:
            self._next, self._named_bytes = position + 1, self._read_bytes
        while (
            self._next < len(self._clip_ids)
            and self._named_bytes < self._read_bytes + _AHEAD_BYTES
        ):
            with suppress(OSError):  # reading the clip will say so
                self._name(self._clip_ids[self._next])
            self._next += 1

    def _name(self, clip_id: str) -> None:
        path, spans = self._feed.unread(clip_id)
        self._named_bytes += sum(length for _, length in spans)
        for offset, length in spans:
            handle = self._files.handle(path)
            for start in range(offset, offset + length, _REQUEST_BYTES):
                size = min(_REQUEST_BYTES, offset + length - start)
                os.posix_fadvise(handle, start, size, os.POSIX_FADV_WILLNEED)


def _fill(target: memoryview, handle: int, offset: int) -> bool:
    """Fill bytes from a file; whether that had to wait for the disk."""
    done = _read_at_hand(target, handle, offset)
    waited = done < len(target)
    while done < len(target):
        count = os.preadv(handle, [target[done:]], offset + done)
        if count == 0:
            raise OSError("the file ends too early")
        done += count
    return waited


def _read_at_hand(target: memoryview, handle: int, offset: int) -> int:
    """Read what the system has in memory; number of bytes."""
    if not _LINUX:
        return 0
    try:
        return os.preadv(handle, [target], offset, os.RWF_NOWAIT)
    except OSError:  # nothing at hand, or the file system cannot tell
        return 0

"""Files that are whole or absent, and the side file that lets a killed job go on."""

import errno
import fcntl
import functools
import hashlib
import io
import json
import logging
import os
import platform
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

from dfprobe.errors import StorageError

log = logging.getLogger("dfprobe")

_HEADER = struct.Struct("<QI")  # payload length in bytes, CRC-32 of the payload
_ROW_LENGTH = struct.Struct("<I")  # bytes of the JSON row in front of the arrays


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` on success.

    A reader never sees a half-written file. On an error the temporary file is removed;
    what a killed process left is removed by the next one that writes in its folder.

    Raises
    ------
    StorageError
        If the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path.parent)
    draft = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.draft")
    try:
        with _explain_full_disk(path):
            yield draft
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@functools.cache  # a folder is looked through once a process, it may be large
def _remove_abandoned(folder: Path) -> None:
    """Remove the drafts of processes of this machine that are no more."""
    for draft in folder.glob(".*.draft"):
        *name, pid = draft.name.removesuffix(".draft").split(".")
        ours = ".".join(name).endswith(f".{platform.node()}") and pid.isdecimal()
        if ours and not _is_alive(int(pid)):
            draft.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # someone else's
        return True
    return True


@contextmanager
def _explain_full_disk(path: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not _is_full_disk(error):
            raise
        raise StorageError(
            f"{path} cannot be written: the disk is full, or a quota or a limit on "
            f"the size of files is reached ({error}). Make room and run the workflow "
            "again: it goes on from here."
        ) from error


def reserve(path: Path, size: int) -> None:
    """Make a file of a size, or fail now where the disk has no room for it.

    For libraries that cannot be trusted to fail well later. Systems that cannot reserve
    room are not asked.

    Parameters
    ----------
    path : Path
        File to write; what it holds is lost.
    size : int
        Bytes.

    Raises
    ------
    OSError
        If the disk is full, or a limit on the size of files is reached.
    """
    if size and hasattr(os, "posix_fallocate"):
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)


def _is_full_disk(error: BaseException | None) -> bool:
    """Whether a lack of space is behind an error.

    Libraries that write files in C or Rust keep the system's words, not its number.
    """
    if error is None:
        return False
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    said = any(os.strerror(number) in str(error) for number in numbers)
    if said or (isinstance(error, OSError) and error.errno in numbers):
        return True
    return _is_full_disk(error.__cause__ or error.__context__)


def kept(path: Path) -> Path:
    """Second name under which the last whole version of a product is kept."""
    return path.with_name(f".{path.name}.kept")


def keep(path: Path) -> None:
    """Give a whole product its second name, so that the next run can reuse it.

    Snakemake deletes a rule's outputs before the job starts and after it failed. The
    second name is a hard link: it costs no space and survives both. (Snakemake's own
    ``update()`` copies the file before every run, and takes the old version for current
    after a failure.)
    """
    _link(path, kept(path))


def restore(path: Path) -> None:
    """Bring a product back from its second name, as new."""
    _link(kept(path), path)
    os.utime(path)


def _link(source: Path, target: Path) -> None:
    with write_whole(target) as draft:
        os.link(source, draft)


def still_valid(
    rows: Iterable[dict[str, Any]], contents: Mapping[str, str], name: str, key: str
) -> dict[str, dict[str, Any]]:
    """Rows, by clip, of the clips whose keys are those that they have now.

    Parameters
    ----------
    rows : iterable of dict
        With ``clip_id``, ``content_key`` and the key of the stage that made them.
    contents : mapping of str to str
        Content key that each clip has now.
    name : str
        Field that holds the key of the stage.
    key : str
        Key that the stage has now.
    """
    return {
        row["clip_id"]: row
        for row in rows
        if row[name] == key and contents.get(row["clip_id"]) == row["content_key"]
    }


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class JournalEntry(NamedTuple):
    """One finished clip: its index row (JSON values) and its arrays by name."""

    row: dict[str, Any]
    arrays: dict[str, np.ndarray]


class Journal:
    """Append-only side file with the clips that a running job has finished.

    Each record carries its length and checksum, so a record cut short by a kill is
    recognised and dropped. The journal is deleted when the job's output is whole.

    One process has a journal at a time: the jobs of a run whose main process was killed
    go on, and a new job waits for them before it reads what they have done.

    Parameters
    ----------
    path : Path
        The side file, e.g. ``results/features/x/y/000.zarr.zip.journal``.
    key : str
        What the records depend on. A journal written under another key is discarded.

    Attributes
    ----------
    rows : dict of str to dict
        Index rows of the finished clips, by ``clip_id``.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {}
        self._starts: dict[str, int] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = _open_alone(path)
        whole = self._scan(key)
        self._file.truncate(whole)
        self._file.seek(whole)
        if not whole:
            self._write_payload(key.encode())

    def append(self, row: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Add one clip and hand it to the operating system.

        Parameters
        ----------
        row : mapping
            JSON values, among them ``clip_id``.
        arrays : mapping of str to np.ndarray
            The clip's arrays.

        Raises
        ------
        StorageError
            If the disk is full. The clips before stay.
        """
        text = json.dumps(dict(row)).encode()
        buffer = io.BytesIO()
        np.savez(buffer, allow_pickle=False, **dict(arrays))
        self._remember(dict(row), self._file.tell())
        self._write_payload(_ROW_LENGTH.pack(len(text)) + text + buffer.getvalue())

    def arrays(self, clip_id: str) -> dict[str, np.ndarray]:
        """Arrays of one finished clip."""
        with self.path.open("rb") as file:
            file.seek(self._starts[clip_id])
            payload = _read_payload(file)
        assert payload is not None  # its checksum held when it was written or scanned
        _, packed = _split(payload)
        with np.load(io.BytesIO(packed), allow_pickle=False) as record:
            return {name: record[name] for name in record.files}

    def entries(self) -> Iterator[JournalEntry]:
        """Yield the finished clips in the order in which they were appended."""
        for clip_id, row in self.rows.items():
            yield JournalEntry(row, self.arrays(clip_id))

    def close(self) -> None:
        """Close the file and keep it, for a later run to go on from."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def discard(self) -> None:
        """Delete the side file: the job's output is whole."""
        self.path.unlink(missing_ok=True)  # before another process can have it
        self._file.close()

    def _remember(self, row: dict[str, Any], start: int) -> None:
        self.rows[row["clip_id"]] = row
        self._starts[row["clip_id"]] = start

    def _write_payload(self, payload: bytes) -> None:
        with _explain_full_disk(self.path):
            _write_all(self._file, _HEADER.pack(len(payload), zlib.crc32(payload)))
            _write_all(self._file, payload)

    def _scan(self, key: str) -> int:
        """Remember the whole records; return where they end, 0 for none to keep."""
        with self.path.open("rb") as file:
            if _read_payload(file) != key.encode():
                return 0
            end = file.tell()
            while (payload := _read_payload(file)) is not None:
                self._remember(_split(payload)[0], end)
                end = file.tell()
        return end


def _write_all(file: io.FileIO, content: bytes) -> None:
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]


def _open_alone(path: Path) -> io.FileIO:
    """Open a file that only one process has open so; made if it is not there."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        file = io.FileIO(handle, "r+")  # no buffer, which closing would write again
        _lock(file, path)
        try:
            if os.path.samestat(path.stat(), os.fstat(file.fileno())):
                return file
        except FileNotFoundError:
            pass
        file.close()  # the process that had it deleted it: its work is done


def _lock(file: io.FileIO, path: Path) -> None:
    """Lock a file until it is closed or the process ends."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.warning(
            f"{path}: another process is at work on this, such as a job that outlived "
            "its run. Waiting for it to end."
        )
        fcntl.flock(file, fcntl.LOCK_EX)
    except OSError as error:
        log.warning(
            f"{path} cannot be locked on this file system ({error}). See that no job "
            "of an earlier run is still at work."
        )


def _read_payload(file: BinaryIO) -> bytes | None:
    """Next payload of a journal, None where it ends or is damaged."""
    header = file.read(_HEADER.size)
    if len(header) < _HEADER.size:
        return None
    length, checksum = _HEADER.unpack(header)
    payload = file.read(length)
    whole = len(payload) == length and zlib.crc32(payload) == checksum
    return payload if whole else None


def _split(payload: bytes) -> tuple[dict[str, Any], bytes]:
    """Index row and packed arrays of one record."""
    (length,) = _ROW_LENGTH.unpack_from(payload)
    end = _ROW_LENGTH.size + length
    return json.loads(payload[_ROW_LENGTH.size : end]), payload[end:]

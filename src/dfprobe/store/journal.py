"""The side file that lets a killed job go on where it was."""

import fcntl
import io
import json
import logging
import os
import struct
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np

from dfprobe.store.files import Row, explain_full_disk

log = logging.getLogger("dfprobe")

_HEADER = struct.Struct("<QI")  # payload length in bytes, CRC-32 of the payload
_ROW_LENGTH = struct.Struct("<I")  # bytes of the JSON row in front of the arrays


class Journal:
    """Append-only side file with the clips that a running job has finished.

    Each record carries its length and checksum, so a record cut short by a kill is
    recognised and dropped. The journal is deleted when the job's output is whole.

    Only one process holds a journal: the jobs of a run whose main process was killed
    go on, and a new job waits for them before it reads what they have done.

    Parameters
    ----------
    path : Path
        The side file, e.g. ``.../000.zarr.zip.journal``.
    key : str
        What the records depend on. A journal written under another key is discarded.

    Attributes
    ----------
    rows : dict of str to dict
        Index rows of the finished clips, by ``clip_id``, in their order.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self.rows: dict[str, Row] = {}
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

        The row has JSON values, among them ``clip_id``.

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

    def _remember(self, row: Row, start: int) -> None:
        self.rows[row["clip_id"]] = row
        self._starts[row["clip_id"]] = start

    def _write_payload(self, payload: bytes) -> None:
        with explain_full_disk(self.path):
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


def _split(payload: bytes) -> tuple[Row, bytes]:
    """Index row and packed arrays of one record."""
    (length,) = _ROW_LENGTH.unpack_from(payload)
    end = _ROW_LENGTH.size + length
    return json.loads(payload[_ROW_LENGTH.size : end]), payload[end:]

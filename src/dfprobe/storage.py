"""Files that are whole or absent, and the side file that lets a killed job go on."""

import hashlib
import io
import json
import os
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

_HEADER = struct.Struct("<QI")  # payload length in bytes, CRC-32 of the payload


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` on success.

    A reader never sees a half-written file. On an error the temporary file is removed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


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

    Parameters
    ----------
    path : Path
        The side file, e.g. ``results/features/x/y/000.zarr.zip.journal``.
    key : str
        What the records depend on. A journal written under another key is discarded.
    """

    def __init__(self, path: Path, key: str) -> None:
        self.path = path
        self._key = key
        path.parent.mkdir(parents=True, exist_ok=True)
        whole = self._whole_bytes()
        if whole == 0:
            path.unlink(missing_ok=True)
        self._file = path.open("r+b" if path.exists() else "w+b")
        self._file.truncate(whole)
        self._file.seek(whole)
        if whole == 0:
            self._write_payload(key.encode())

    def append(self, row: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> None:
        """Add one clip and hand it to the operating system."""
        buffer = io.BytesIO()
        text = np.frombuffer(json.dumps(row).encode(), dtype=np.uint8)
        np.savez(buffer, __row__=text, **dict(arrays))
        self._write_payload(buffer.getvalue())

    def entries(self) -> Iterator[JournalEntry]:
        """Yield the finished clips in the order in which they were appended."""
        payloads = self._payloads()
        next(payloads)  # the key
        for payload in payloads:
            with np.load(io.BytesIO(payload), allow_pickle=False) as record:
                arrays = {name: record[name] for name in record.files}
            yield JournalEntry(json.loads(arrays.pop("__row__").tobytes()), arrays)

    def close(self) -> None:
        """Close the file and keep it, for a later run to go on from."""
        self._file.close()

    def discard(self) -> None:
        """Delete the side file: the job's output is whole."""
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _write_payload(self, payload: bytes) -> None:
        self._file.write(_HEADER.pack(len(payload), zlib.crc32(payload)))
        self._file.write(payload)
        self._file.flush()

    def _payloads(self) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            while len(header := file.read(_HEADER.size)) == _HEADER.size:
                length, checksum = _HEADER.unpack(header)
                payload = file.read(length)
                if len(payload) < length or zlib.crc32(payload) != checksum:
                    return
                yield payload

    def _whole_bytes(self) -> int:
        """Bytes up to the last whole record; 0 when absent or of another key."""
        if not self.path.exists():
            return 0
        payloads = self._payloads()
        if next(payloads, None) != self._key.encode():
            return 0
        sizes = [_HEADER.size + len(self._key.encode())]
        sizes.extend(_HEADER.size + len(payload) for payload in payloads)
        return sum(sizes)

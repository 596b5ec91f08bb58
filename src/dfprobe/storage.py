"""Files that are whole or absent, and the side file that lets a killed job go on."""

import hashlib
import io
import json
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Self

import numpy as np

_HEADER = struct.Struct("<QI")  # payload length in bytes, CRC-32 of the payload
_ROW_LENGTH = struct.Struct("<I")  # bytes of the JSON row in front of the arrays


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
        whole = self._scan(key)
        self._file = path.open("r+b" if whole else "w+b")
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
        self._file.close()
        self.path.unlink(missing_ok=True)

    def _remember(self, row: dict[str, Any], start: int) -> None:
        self.rows[row["clip_id"]] = row
        self._starts[row["clip_id"]] = start

    def _write_payload(self, payload: bytes) -> None:
        self._file.write(_HEADER.pack(len(payload), zlib.crc32(payload)))
        self._file.write(payload)
        self._file.flush()

    def _scan(self, key: str) -> int:
        """Remember the whole records; return where they end, 0 for none to keep."""
        if not self.path.exists():
            return 0
        with self.path.open("rb") as file:
            if _read_payload(file) != key.encode():
                return 0
            end = file.tell()
            while (payload := _read_payload(file)) is not None:
                self._remember(_split(payload)[0], end)
                end = file.tell()
        return end


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

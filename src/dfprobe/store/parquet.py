"""Tables between stages: Parquet files that notice when they were damaged.

Polars writes no checksums. So the CRC-32 of all other bytes is put between the data and
the footer, where no reader looks: every place in a Parquet file is counted from its
start or found from its end. Any Parquet library reads the file.
"""

import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from dfprobe.errors import DataError
from dfprobe.store.files import write_whole

_TAG = b"DFPROBE-CRC32"
_CHECK = struct.Struct(f"<{len(_TAG)}sI")  # the tag, CRC-32 of all other bytes
_END = struct.Struct("<I4s")  # length of the footer in bytes, magic
_MAGIC = b"PAR1"


def write_parquet(table: pl.DataFrame, path: Path) -> None:
    """Write a table as Parquet with a checksum, whole or not at all."""
    with write_whole(path) as draft:
        table.write_parquet(draft, compression="zstd")
        content = draft.read_bytes()
        footer = _footer_start(content)
        assert footer is not None  # it has just been written
        check = _CHECK.pack(_TAG, zlib.crc32(content))
        with draft.open("r+b") as file:
            file.seek(footer)
            file.write(check + content[footer:])


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> pl.DataFrame:
    """Read a Parquet table, or only some of its columns.

    One from elsewhere, without a checksum, is read as it is.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or was damaged after it was written.
    """
    try:
        content = path.read_bytes()
        if _is_damaged(content):
            raise DataError(
                f"{path} does not fit its checksum, so the file was damaged after it "
                "was written. Delete it and run the workflow again."
            )
        return pl.read_parquet(content, columns=None if columns is None else [*columns])
    except pl.exceptions.ColumnNotFoundError as error:
        raise DataError(
            f"{path} lacks a column that is needed ({error}). Delete it and run the "
            "workflow again."
        ) from error
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"{path} cannot be read as a Parquet table ({error}). Check the disk; if "
            "it is sound, delete this file and run the workflow again."
        ) from error


def _footer_start(content: bytes) -> int | None:
    """Offset of the footer; None for what is not a Parquet file."""
    if len(content) < len(_MAGIC) + _END.size:
        return None
    length, magic = _END.unpack_from(content, len(content) - _END.size)
    start = len(content) - _END.size - length
    return start if magic == _MAGIC and start >= len(_MAGIC) else None


def _is_damaged(content: bytes) -> bool:
    """Whether there is a checksum, and the content is not what it was made of."""
    footer = _footer_start(content)
    if footer is None or footer < _CHECK.size:
        return False  # reading it will say what is wrong
    start = footer - _CHECK.size
    tag, checksum = _CHECK.unpack_from(content, start)
    rest = zlib.crc32(memoryview(content)[footer:], zlib.crc32(content[:start]))
    return tag == _TAG and rest != checksum

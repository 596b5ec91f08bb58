"""What every corpus layout shares: the clip record, CSV reading, stable hashes.

A layout module is a file in this folder with

* ``OPTIONS``, a literal dict: JSON-schema properties of the layout's own options;
* ``scan(root, options) -> list[Clip]``: every clip that the corpus describes. Besides
  the layout's own, ``options`` holds those of `dfprobe.settings.corpus_layouts.COMMON`;
* if lists are published for the layout, ``listed(split, file, label) -> list[Clip]``:
  the clips that a row of such a list may mean, the likeliest first.
"""

import csv
import hashlib
import importlib
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import polars as pl

from dfprobe.errors import DataError

SPLITS = ("train", "val", "test")
LINE = "#line"  # column of read_csv: line of the file on which a record starts
_BLOCK = 50_000  # records of a CSV file that become a part of the table at a time
LABELS = {"0": 0, "0.0": 0, "1": 1, "1.0": 1, "": None}

Segments = tuple[tuple[float, float], ...]
Clicks = tuple[tuple[int, float, float], ...]


class Clip(NamedTuple):
    """One video file as the corpus describes it.

    Parameters
    ----------
    file : str
        Path relative to the corpus root, with suffix, parts joined by ``/``.
    split : str
        ``train``, ``val`` or ``test``.
    label : int or None
        0 real, 1 fake, None unknown.
    manipulation : str
        Name of the forgery method; ``"real"`` for reals, ``"unknown"`` if not told.
    audio_fake, video_fake : bool or None
        Whether the stream is manipulated; None if unknown.
    audio_fake_segments, video_fake_segments : tuple of (start_s, end_s)
        Manipulated spans in seconds; empty when none or the whole clip.
    clicks : tuple of (frame, x, y)
        Where people saw the fake: number of the frame as the corpus counts, at the
        file's own frame rate; x, y in [0, 1] of the frame's width and height, from the
        top left.
    speaker : str or None
        Identity of the person shown (the target of a face swap).
    source : str or None
        Recording that the clip was cut from or made of.
    """

    file: str
    split: str
    label: int | None
    manipulation: str
    audio_fake: bool | None
    video_fake: bool | None
    audio_fake_segments: Segments = ()
    video_fake_segments: Segments = ()
    clicks: Clicks = ()
    speaker: str | None = None
    source: str | None = None


def plain_clip(file: str, split: str, label: int | None) -> Clip:
    """Clip of which nothing but its split and label is known.

    Parameters
    ----------
    file : str
        Path relative to the corpus root.
    split : str
        ``train``, ``val`` or ``test``.
    label : int or None
        0 real, 1 fake, None unknown. The streams of a real are both real; those of
        any other clip are unknown.
    """
    streams = False if label == 0 else None
    return Clip(
        file, split, label, "real" if label == 0 else "unknown", streams, streams
    )


def stable_hash(text: str) -> int:
    """First 64 bits of the SHA-256 of a text: the same on every machine and run."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def stable_fraction(text: str) -> float:
    """Hash of a text as a number in [0, 1)."""
    return (stable_hash(text) >> 11) / 2**53


def few(items: Iterable[str], shown: int = 5) -> str:
    """Join the first items for a message and say how many there are in all."""
    all_items = list(items)
    text = "; ".join(all_items[:shown])
    return text if len(all_items) <= shown else f"{text}; ... ({len(all_items)} in all)"


def bad_value(
    path: Path, line: int, column: str, expected: str, came: object
) -> DataError:
    """Error for one cell of a table: file, line, column, what was expected and came."""
    return DataError(
        f"{path}, line {line}, column {column!r}: expected {expected}, came {came!r}. "
        "Correct the file."
    )


def read_csv(path: Path, columns: Iterable[str]) -> pl.DataFrame:
    """Read a CSV file with a header as text, keeping the line of each record.

    The standard reader does the parsing, since Polars refuses a quote inside an
    unquoted field and its errors do not name a line.

    Parameters
    ----------
    path : Path
        UTF-8 file, comma separated, quoted where needed; empty lines are skipped.
    columns : iterable of str
        Columns that must be there.

    Returns
    -------
    pl.DataFrame
        All columns of the file as String, cells as written (not stripped), and
        ``#line`` (Int64). A column without a name is called ``(column N)``.

    Raises
    ------
    DataError
        If the file is absent, not UTF-8, badly quoted, ragged, or lacks a column.
    """
    records = _records(path)
    names = _column_names(path, next(records, None), list(columns))
    schema: dict[str, type[pl.DataType]] = {LINE: pl.Int64}
    schema |= dict.fromkeys(names, pl.String)
    frames = [pl.DataFrame(schema=schema)]
    while block := list(islice(records, _BLOCK)):  # all at once take gigabytes
        for line, cells in block:
            if len(cells) != len(names):
                raise bad_value(path, line, names[-1], f"{len(names)} cells", cells)
        rows = [(line, *cells) for line, cells in block]
        frames.append(pl.DataFrame(rows, schema=schema, orient="row"))
    return pl.concat(frames)


def _column_names(
    path: Path, header: tuple[int, list[str]] | None, columns: list[str]
) -> list[str]:
    if header is None:
        raise DataError(f"{path}: expected a CSV header, came an empty file.")
    names = [
        name.strip() or f"(column {position})"
        for position, name in enumerate(header[1], start=1)
    ]
    missing = [column for column in columns if column not in names]
    if missing or len(set(names)) < len(names):
        raise DataError(
            f"{path}, line {header[0]}: expected a header that names each column "
            f"once, with {', '.join(columns)}; came {','.join(header[1])}."
        )
    return names


def _records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (first line, cells) of each record that is not an empty line."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            line = 1
            try:
                for cells in reader:
                    if cells:
                        yield line, cells
                    line = reader.line_num + 1
            except csv.Error as error:
                raise DataError(
                    f"{path}, line {line}: expected comma-separated values with "
                    f"quotes in pairs, came a record that cannot be read ({error})."
                ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8 text, came byte {error.object[error.start]:#04x} "
            "that is not. Save the file as UTF-8."
        ) from error
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected this CSV file, but it is absent.") from error
    except OSError as error:
        raise DataError(
            f"{path}: expected a CSV file that can be read, came {error}."
        ) from error


def parse_label(path: Path, line: int, column: str, text: str) -> int | None:
    """Label of a cell: 0 for ``0``/``0.0``, 1 for ``1``/``1.0``, None for empty.

    Raises
    ------
    DataError
        For any other text, naming the file, line and column.
    """
    try:
        return LABELS[text.strip()]
    except KeyError:
        expected = "0, 0.0, 1, 1.0 or nothing"
        raise bad_value(path, line, column, expected, text) from None


def load_layout(name: str) -> ModuleType:
    """Import the module of a layout that exists."""
    return importlib.import_module(f"dfprobe.corpora.{name}")

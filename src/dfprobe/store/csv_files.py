"""CSV files: lists from elsewhere, read with their lines, and tables, written.

Equal numbers give equal bytes.
"""

import csv
import logging
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.store.files import write_whole

LINE = "#line"  # column of read_csv: line of the file on which a record starts
_BLOCK = 50_000  # records of a CSV file that are made into a part of the table

log = logging.getLogger("dfprobe")


def per_cent(areas: Sequence[float | None]) -> str | None:
    """Mean in per cent with one decimal; null if there is none or one is undefined."""
    known = [area for area in areas if area is not None]
    if not known or len(known) < len(areas):
        return None
    return f"{100.0 * float(np.mean(known)):.1f}"


def known(value: float) -> float | None:
    """Value for a table: None, an empty cell, for NaN."""
    return None if np.isnan(value) else value


def decimals(columns: Sequence[str], form: str) -> pl.Expr:
    """Numbers as text of a form such as ``{:.6f}``."""
    return pl.col(columns).map_elements(form.format, return_dtype=pl.String)


def write_csv(table: pl.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all."""
    with write_whole(path) as draft:
        table.write_csv(draft)


def few(items: Iterable[str], shown: int = 5) -> str:
    """Join the first items for a message and say how many there are in all."""
    all_items = list(items)
    text = "; ".join(all_items[:shown])
    return text if len(all_items) <= shown else f"{text}; ... ({len(all_items)} in all)"


def report_few(level: int, message: str, where: object, items: Collection[str]) -> None:
    """Log ``where``, the number of items and the first of them; nothing for none."""
    if items:
        log.log(level, message, where, len(items), few(items))


def bad_value(
    path: Path, line: int, column: str, expected: str, got: object
) -> DataError:
    """Error for one cell: file, line, column, what was expected, what it got."""
    return DataError(
        f"{path}, line {line}, column {column!r}: expected {expected}, got {got!r}. "
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


@dataclass(frozen=True, slots=True)
class CsvRow:
    """One record of a CSV file: its cells by column, and where it is."""

    path: Path
    line: int
    cells: Mapping[str, str]

    def __getitem__(self, column: str) -> str:
        return self.cells[column]

    def error(self, column: str, expected: str) -> DataError:
        """Error for one cell, see `bad_value`."""
        return bad_value(self.path, self.line, column, expected, self[column])

    def one_of(self, column: str, known: Collection[str]) -> str:
        """Return a cell that must have one of the known values.

        Raises
        ------
        DataError
            If it has another one.
        """
        if self[column] not in known:
            raise self.error(column, " or ".join(known))
        return self[column]


def csv_rows(path: Path, columns: Iterable[str]) -> Iterator[CsvRow]:
    """Yield the records of a CSV file; `read_csv` says what is refused."""
    return rows_of(path, read_csv(path, columns))


def rows_of(path: Path, table: pl.DataFrame) -> Iterator[CsvRow]:
    """Yield the rows of a table that `read_csv` made of a file."""
    for cells in table.iter_rows(named=True):
        yield CsvRow(path, cells.pop(LINE), cells)


def _column_names(
    path: Path, header: tuple[int, list[str]] | None, columns: list[str]
) -> list[str]:
    if header is None:
        raise DataError(f"{path}: expected a CSV header, got an empty file.")
    names = [
        name.strip() or f"(column {position})"
        for position, name in enumerate(header[1], start=1)
    ]
    missing = [column for column in columns if column not in names]
    if missing or len(set(names)) < len(names):
        raise DataError(
            f"{path}, line {header[0]}: expected a header that names each column "
            f"once, with {', '.join(columns)}; got {','.join(header[1])}."
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
                    f"quotes in pairs, got a record that cannot be read ({error})."
                ) from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x} "
            "that is not. Save the file as UTF-8."
        ) from error
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected this CSV file, but it is absent.") from error
    except OSError as error:
        raise DataError(
            f"{path}: expected a CSV file that can be read, got {error}."
        ) from error

"""The tables of a run as the site reads them, and numbers as it writes them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from dfprobe.errors import DataError
from dfprobe.report.markup import Cell, Column, link, table

Row = Mapping[str, Any]

_SHORT = ("auc", "ap", "mae")
# Where the ends of an interval are not called as its value is.
_INTERVALS = {"classification_auc": "classification", "hit_rate": "hit"}


@dataclass(frozen=True)
class Run:
    """What the site is about.

    Parameters
    ----------
    spec : dict
        Labels, rows and columns, see `dfprobe.planning.site.site_spec`.
    tables : dict
        Tables by name, e.g. ``fusion/sets``; all cells are text or null. What the run
        did not make is not there.
    """

    spec: dict[str, Any]
    tables: dict[str, pl.DataFrame]

    def table(self, name: str) -> pl.DataFrame | None:
        """Table of a name; None where the run made none, or nothing is in it."""
        found = self.tables.get(name)
        return found if found is not None and found.height else None

    def encoder(self, name: str) -> str:
        """Label of an encoder, or of several joined by ``+``."""
        labels = self.spec["encoders"]
        return " + ".join(labels.get(part, part) for part in name.split("+"))

    def corpus(self, name: str | None) -> str:
        """Label of a corpus; a row without one holds for any."""
        return str(self.spec["corpora"].get(name, name or "any"))

    def pair(self, row: Row) -> str:
        """Training and test corpus of a row, by their labels."""
        return f"{self.corpus(row['train'])} → {self.corpus(row['test'])}"


def read_tables(paths: Iterable[Path], results: Path) -> dict[str, pl.DataFrame]:
    """Read CSV files, keyed by their path below the results without suffix.

    Raises
    ------
    DataError
        If a file cannot be read.
    """
    tables = {}
    for path in paths:
        name = path.relative_to(results).with_suffix("").as_posix()
        try:
            tables[name] = pl.read_csv(path, infer_schema=False)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise DataError(
                f"The table {path} cannot be read ({error}). Delete it and run the "
                "workflow again."
            ) from error
    return tables


def number(value: str | None) -> float | None:
    """Read a cell; None where it is empty."""
    return None if value in (None, "") else float(value)


def share(value: str | None) -> Cell:
    """Area between 0 and 1 as per cent, coloured around chance."""
    found = number(value)
    return per_cent_cell(None if found is None else 100 * found)


def per_cent_cell(value: float | None, notes: Sequence[str] = ()) -> Cell:
    """Per cent with one decimal, coloured around 50."""
    if value is None:
        return Cell("–", -1.0)
    return Cell(f"{value:.1f}", value, value, tuple(notes))


def between(
    low: str | None, high: str | None, scale: float = 100.0, digits: int = 1
) -> str:
    """Interval, by default of shares in per cent; empty where there is none."""
    ends = (number(low), number(high))
    if None in ends:
        return ""
    return " to ".join(f"{scale * end:.{digits}f}" for end in ends if end is not None)


def plain(value: str | None, digits: int | None = None) -> Cell:
    """Text or, with ``digits``, a number of so many decimals."""
    if value in (None, ""):
        return Cell("–", None if digits is None else float("-inf"))
    if digits is None:
        return Cell(str(value))
    return Cell(f"{float(value):.{digits}f}", float(value))


def labelled_table(
    name: str, caption: str, run: Run, frame: pl.DataFrame, columns: Sequence[str]
) -> str:
    """Table of some columns, by labels; an interval stands beside its number."""
    shown = pl.DataFrame(
        [_labelled(run, row, columns) for row in frame.iter_rows(named=True)],
        infer_schema_length=None,
    )
    heads = [Column(title, _numeric(shown[title])) for title in shown.columns]
    rows = [
        [
            Cell(cell or "–", number(cell) if column.number else None)
            for cell, column in zip(row, heads, strict=True)
        ]
        for row in shown.iter_rows()
    ]
    return table(name, caption, heads, rows)


def _labelled(run: Run, row: Row, columns: Sequence[str]) -> dict[str, str | None]:
    cells = {}
    for column in columns:
        cells[_title(column)] = _text(run, column, row[column])
        low, high = (f"{interval_of(column)}_{end}" for end in ("low", "high"))
        if low in row:
            ends = between(row[low], row[high], 1.0, 3)
            cells[f"95% of {_title(column)}"] = ends
    return cells


def interval_of(column: str) -> str:
    """Stem of the names of the ends of a column's interval."""
    return _INTERVALS.get(column, column)


def _title(column: str) -> str:
    """Name of a column for people: ``auc_pooled`` is AUC pooled."""
    words = column.replace("500ms", "500 ms").split("_")
    return " ".join(word.upper() if word in _SHORT else word for word in words)


def _text(run: Run, column: str, value: str | None) -> str | None:
    if column == "encoder":
        return run.encoder(value or "–")
    if column in ("train", "test"):
        return run.corpus(value)
    if value is None or not re.fullmatch(r"-?\d+\.\d+", value):
        return value
    return f"{float(value):.3f}"


def _numeric(column: pl.Series) -> bool:
    known = column.drop_nulls()
    return (
        bool(known.len()) and not known.cast(pl.Float64, strict=False).is_null().any()
    )


def source(name: str) -> str:
    """Link to the copy of a table in the site."""
    return f'<p class="quiet">{link(f"{name}.csv", f"tables/{name}.csv")}</p>'


def missing(what: str, key: str) -> str:
    """Sentence for a section without a table."""
    return f'<p class="absent">This run has no {what}: {key}.</p>'

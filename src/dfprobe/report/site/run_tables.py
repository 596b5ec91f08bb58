"""The tables of a run as the site reads them, and their numbers as it writes them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from dfprobe.errors import DataError
from dfprobe.report.markup import Cell, Column
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.report import SiteSpec

Row = Mapping[str, Any]
UNDEFINED = "–"

# Intervals whose columns are not named after the column of their value.
_INTERVALS = {"classification_auc": "classification", "hit_rate": "hit"}


class Grid(NamedTuple):
    """Columns and rows of a table of the page."""

    columns: list[Column]
    rows: list[list[Cell]]


_WORDS = {"true": "yes", "false": "no"}


@dataclass(frozen=True)
class Run:
    """What the site is about.

    ``tables`` by name, e.g. ``fusion/sets``, as far as the run makes them; all cells
    are text or null.
    """

    spec: SiteSpec
    tables: dict[str, pl.DataFrame]

    def table(self, name: str) -> pl.DataFrame | None:
        """Table of a name; None where the run makes none, or it is empty."""
        found = self.tables.get(name)
        return found if found is not None and found.height else None

    def encoder(self, name: str | None) -> str:
        """Label of an encoder, or of several joined by ``+``."""
        named = labels(self.spec.encoders)
        parts = (name or UNDEFINED).split("+")
        return " + ".join(named.get(part, part) for part in parts)

    def corpus(self, name: str | None) -> str:
        """Label of a corpus; a row without one holds for any."""
        return self.spec.corpora.get(name or "", name or "any")

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


def scaled(value: str | None, scale: float = 100.0) -> float | None:
    """Read a cell as a multiple, by default a share as per cent; None where empty."""
    found = number(value)
    return None if found is None else scale * found


def per_cent(value: float | None, notes: Sequence[str] = ()) -> Cell:
    """Per cent with one decimal, coloured around 50."""
    if value is None:
        return Cell(UNDEFINED, -1.0)
    return Cell(f"{value:.1f}", value, value, tuple(notes))


def between(
    low: str | None, high: str | None, scale: float = 100.0, digits: int = 1
) -> str:
    """Interval, by default of shares in per cent; empty where there is none."""
    ends = [scaled(low, scale), scaled(high, scale)]
    if None in ends:
        return ""
    return " to ".join(f"{end:.{digits}f}" for end in ends)


def ends_of(column: str) -> tuple[str, str]:
    """Columns of the ends of a column's interval."""
    stem = _INTERVALS.get(column, column)
    return f"{stem}_low", f"{stem}_high"


def labelled(run: Run, frame: pl.DataFrame, titles: Mapping[str, str]) -> Grid:
    """Columns of a table under titles, by labels; intervals follow their numbers."""
    columns: list[tuple[Column, list[Cell]]] = []
    for name, title in titles.items():
        texts = [_text(run, name, value) for value in frame[name]]
        numeric = _numeric(texts)
        orders = map(number, texts) if numeric else [None] * len(texts)
        cells = [Cell(t or UNDEFINED, o) for t, o in zip(texts, orders, strict=True)]
        columns.append((Column(title, numeric), cells))
        low, high = ends_of(name)
        if low in frame.columns:
            ends = frame.select(low, high).iter_rows()
            intervals = [Cell(between(a, b, 1.0, 3) or UNDEFINED) for a, b in ends]
            columns.append((Column("95% interval"), intervals))
    rows = zip(*(cells for _, cells in columns), strict=True)
    return Grid([column for column, _ in columns], list(map(list, rows)))


def _text(run: Run, column: str, value: str | None) -> str | None:
    if column == "encoder":
        return run.encoder(value)
    if column in ("train", "test"):
        return run.corpus(value)
    if value in _WORDS:
        return _WORDS[value]
    if value is None or not re.fullmatch(r"-?\d+\.\d+", value):
        return value
    return f"{float(value):.3f}"


def _numeric(texts: Sequence[str | None]) -> bool:
    known = pl.Series([text for text in texts if text is not None], dtype=pl.String)
    numbers = known.cast(pl.Float64, strict=False)
    return known.len() > 0 and not numbers.is_null().any()

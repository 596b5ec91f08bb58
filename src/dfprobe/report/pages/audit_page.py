"""The page of an audit: one HTML file that needs nothing else."""

from collections.abc import Sequence

import polars as pl

from dfprobe.audit.classes import CLASSES
from dfprobe.audit.files import PROBLEMS, UNLISTED, problems_by_class
from dfprobe.audit.findings import Finding, per_cent
from dfprobe.audit.splits import KEY_OF_NAME
from dfprobe.audit.tables import FileTables, Tables
from dfprobe.audit.values import FEWEST, MARGIN, VALUE_OF_NAME
from dfprobe.report.markup import Cell, Values, render
from dfprobe.report.pages.audit_figures import draw_distributions, draw_shortcuts
from dfprobe.report.plots.save import inline_svg
from dfprobe.store.files import Row

_SHOWN = 50  # rows of a long table; the CSV file has all
_SHOWN_OF_EACH = 10  # files of a problem


def audit_page(title: str, tables: Tables, findings: Sequence[Finding]) -> str:
    """HTML of what was found about a corpus; it loads nothing.

    ``title`` is the name of the corpus for people, ``findings`` are ``tables`` in
    sentences.
    """
    return render(
        "audit.html",
        title=f"Audit of {title}",
        corpus=title,
        clips=tables.clips.height,
        labelled=tables.clips["label"].is_not_null().sum(),
        findings=findings,
        margin=f"{100 * MARGIN:.0f}",
        fewest=FEWEST,
        classes=list(CLASSES),
        unlisted=UNLISTED,
        files=None if tables.files is None else _files(tables.files),
        overlap=[
            (KEY_OF_NAME[key].plural, *rest)
            for key, *rest in tables.overlap.iter_rows()
        ],
        balance=[
            (*row[:4], per_cent(row[4]))
            for row in tables.balance.select(
                "split", "class", "manipulation", "clips", "share"
            ).iter_rows()
        ],
    )


def _shortcuts(files: FileTables) -> Values | None:
    """Measure each value as a detector; None where no label is known."""
    drawn = draw_shortcuts(files)
    if drawn is None:
        return None
    rows = [
        (
            row["label"],
            row["real"],
            row["fake"],
            _area(row),
            _interval(row),
            row["direction"],
            Cell("shortcut", flagged=True) if row["shortcut"] else None,
        )
        for row in drawn.table.sort("auc", descending=True).iter_rows(named=True)
    ]
    subsets = files.shortcuts["subset"].unique(maintain_order=True).to_list()
    return {
        "figure": inline_svg(drawn.figure),
        "any": drawn.table["shortcut"].any(),
        "rows": rows,
        "subsets": [subset.replace("=", " ") for subset in subsets],
        "by_subset": _by_subset(files.shortcuts, subsets),
    }


def _by_subset(
    shortcuts: pl.DataFrame, subsets: Sequence[str]
) -> list[tuple[str | Cell | None, ...]]:
    cells = {
        (row["value"], row["subset"]): _area(row)
        for row in shortcuts.iter_rows(named=True)
    }
    return [
        (value.label, *(cells.get((name, subset)) for subset in subsets))
        for name, value in VALUE_OF_NAME.items()
    ]


def _files(files: FileTables) -> Values:
    drawn = draw_distributions(files)
    columns = ["file", "split", "class", "problem", "detail"]
    first = pl.int_range(pl.len()).over("problem") < _SHOWN_OF_EACH
    listed = files.problems.filter(first).select(columns).rows()
    return {
        "shortcuts": _shortcuts(files),
        "figure": None if drawn is None else inline_svg(drawn.figure),
        "ordered": [
            (
                VALUE_OF_NAME[row["value"]].title,
                row["class"],
                row["clips"],
                *(_number(row[name]) for name in ("p5", "median", "p95", "mean")),
            )
            for row in files.values.iter_rows(named=True)
        ],
        "categories": [
            (VALUE_OF_NAME[value].label, *rest)
            for value, *rest in files.categories.head(_SHOWN).iter_rows()
        ],
        "more_categories": files.categories.height - _SHOWN,
        "problems": [
            (problem, PROBLEMS.get(problem), *counts)
            for problem, *counts in problems_by_class(files.problems).iter_rows()
        ],
        "listed": listed,
        "more_listed": files.problems.height - len(listed),
    }


def _area(row: Row) -> Cell:
    return Cell(per_cent(row["auc"]), flagged=row["shortcut"])


def _interval(row: Row) -> str:
    if row["auc_low"] is None:
        return "unknown"
    return f"{per_cent(row['auc_low'])} to {per_cent(row['auc_high'])}"


def _number(value: float) -> str:
    """Three or more significant digits."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"

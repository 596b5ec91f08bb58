"""The page of the comparison with the paper: one HTML file that needs nothing else."""

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from dfprobe.report.markup import Cell, render
from dfprobe.settings.stage_specs.tables import WeightsNote
from dfprobe.store.files import Row

COMPARED, NOT_RUN, NOT_MEANT = "compared", "not run", "does not apply"

_ABOUT = {
    "Table 2": "Linear probe, AUC in per cent, by training and test corpus.",
    "Table 2 two decimals": "Some values of Table 2 with one more digit.",
    "Table 3": "Probes and published detectors, AUC in per cent.",
    "Table 4": "Supervised probe, next-token prediction and synchronisation, AUC in "
    "per cent.",
    "Figure 2": "Detection (AUC) and localisation (mean AUC over the frames of a "
    "clip) of partial fakes, in per cent.",
    "Figure 3": "Clip scores of the examples.",
    "Figure 4 left": "Error of spatial explanations against people's clicks.",
    "Figure 4 right": "The examples: score and error of the explanation.",
    "Section 4 text": "Probe on ExDDV, AUC in per cent.",
    "Figure 5 left": "Correlation of two probes' scores, in per cent.",
    "Figure 5 middle": "AUC of each probe, in per cent.",
    "Figure 5 right": "Relative gain in AUC, in per cent, from fusion with another "
    "probe.",
}
_MARKS = {"yes": "✓ ", "no": "✗ ", None: ""}
_COUNTED = {
    "values": pl.col("state").is_not_null(),
    "compared": pl.col("state") == COMPARED,
    "inside": pl.col("inside") == "yes",
    "outside": pl.col("inside") == "no",
    "no_interval": (pl.col("state") == COMPARED) & pl.col("inside").is_null(),
    "not_run": pl.col("state") == NOT_RUN,
    "not_meant": pl.col("state") == NOT_MEANT,
}


class _Printed(NamedTuple):
    """A table of the paper: its heads, and per row the paper's values and ours."""

    name: str
    about: str
    heads: list[str]
    rows: list[tuple[str, list[tuple[str, list[Cell]]]]]
    reasons: list[tuple[str, ...]]


def paper_page(
    table: pl.DataFrame, demo: bool, weights_notes: Sequence[WeightsNote] = ()
) -> str:
    """HTML of the comparison with its style inside; it loads nothing.

    ``table`` is as in ``paper_comparison.csv``, with ``ours, low, high`` as Float64;
    ``demo`` says that all corpora of the run are demo corpora,
    ``weights_notes`` how weights differ from the published ones.
    """
    counts = table.group_by("table", maintain_order=True).agg(
        condition.sum().cast(pl.Int64).alias(name)
        for name, condition in _COUNTED.items()
    )
    total = counts.drop("table").sum().row(0, named=True)
    return render(
        "paper.html",
        demo=demo,
        weights_notes=weights_notes,
        total=total,
        counts=[*counts.rows(), ("all", *total.values())],
        tables=[
            _printed(str(name), values)
            for (name,), values in table.group_by("table", maintain_order=True)
        ],
    )


def _printed(name: str, values: pl.DataFrame) -> _Printed:
    columns = values["column"].unique(maintain_order=True).to_list()
    rows = []
    for _, part in values.group_by("row", maintain_order=True):
        cells = {cell["column"]: cell for cell in part.iter_rows(named=True)}
        found = [cells.get(column) for column in columns]
        rows.append((_row_label(part, values), _lines(values, part, found)))
    left = values.filter(pl.col("state") != COMPARED)
    reasons = left.group_by("state", "reason", maintain_order=True).len()
    heads = [_head(column, values) for column in columns]
    return _Printed(name, _ABOUT[name], heads, rows, reasons.rows())


def _lines(
    values: pl.DataFrame, part: pl.DataFrame, found: list[Row | None]
) -> list[tuple[str, list[Cell]]]:
    """Lines of a row: paper and, where the table has any, ours and the interval."""
    digits = max(len(text.partition(".")[2]) for text in values["paper"].drop_nulls())
    papers = [Cell((cell["paper"] or "–") if cell else "") for cell in found]
    lines = [("paper", papers)]
    if (values["state"] == COMPARED).any():
        lines.append(("ours", [_ours(cell, digits) for cell in found]))
        if part["inside"].is_not_null().any():
            lines.append(("95%", [_interval(cell, digits) for cell in found]))
    return lines


def _row_label(part: pl.DataFrame, values: pl.DataFrame) -> str:
    """Name of a row, with its training corpus where that differs between rows."""
    row, column, train = part.select("row", "column", "train").row(0)
    of_column = values.filter(column=column)["train"].n_unique()
    return str(row) if of_column == 1 else f"{row}, {train}"


def _head(column: str, values: pl.DataFrame) -> str:
    """Name of a column, with its corpora where they are the same for all rows."""
    pairs = values.filter(column=column).select("train", "test").unique()
    if pairs.height > 1:
        return column
    train, test = pairs.row(0)
    if test.startswith("mean"):
        return f"{column}: {test}"
    return f"{column}: {train} → {test}"


def _ours(cell: Row | None, digits: int) -> Cell:
    if cell is None:
        return Cell("")
    if cell["state"] != COMPARED:
        return Cell("–" if cell["state"] == NOT_RUN else "n/a")
    text = f"{_MARKS[cell['inside']]}{cell['ours']:.{digits}f}"
    return Cell(text, flagged=cell["inside"] == "no")


def _interval(cell: Row | None, digits: int) -> Cell:
    if cell is None or cell["low"] is None:
        return Cell("")
    return Cell(f"{cell['low']:.{digits}f}–{cell['high']:.{digits}f}")

"""The headline: what was run, and the cross-corpus matrix of each head."""

from collections.abc import Mapping
from typing import Any

import polars as pl

from dfprobe.report.markup import Cell, Column, panels, section, table, text
from dfprobe.report.site.run_tables import (
    Row,
    Run,
    between,
    number,
    per_cent_cell,
    source,
)

_ARROW = "->"
_Papers = Mapping[tuple[str, str, str], str]


def matrix_section(run: Run) -> str:
    """Write the section.

    Parameters
    ----------
    run : Run
        With ``xdata_matrix``, one ``xdata_matrix_{head}`` for each other head,
        ``xdata_long``, ``paper_comparison``.
    """
    heads = [head["name"] for head in run.spec["heads"]]
    intervals = _intervals(run.tables["xdata_long"])
    papers = _papers(run.tables["paper_comparison"])
    parts = []
    for place, head in enumerate(heads):
        frame = run.tables["xdata_matrix" if place == 0 else f"xdata_matrix_{head}"]
        found = {key[1:]: row for key, row in intervals.items() if key[0] == head}
        parts.append(
            (head, _matrix(run, head, frame, found, papers if place == 0 else {}))
        )
    note = (
        "AUC in per cent on the test clips that all encoders could score; 50 is "
        "chance. Hover over a cell, or tab to it, for its 95% interval (DeLong), its "
        "clips and the paper's value where the run covers it. Columns sort by a press "
        "on their heads."
    )
    return section(
        "matrix",
        "Cross-corpus matrix",
        [text(note), _legend(), panels("head", "Head", parts), source("xdata_long")],
    )


def _intervals(long: pl.DataFrame) -> dict[tuple[str, ...], Row]:
    common = long.filter(subset="common")
    return {
        (row["head"], row["encoder"], f"{row['train']}{_ARROW}{row['test']}"): row
        for row in common.iter_rows(named=True)
    }


def _papers(comparison: pl.DataFrame) -> _Papers:
    """Paper's values by labels of encoder, training and test corpus."""
    found = comparison.filter(table="Table 2", state="compared")
    return {
        (row["row"], row["train"], row["test"]): row["paper"]
        for row in found.iter_rows(named=True)
        if row["paper"] is not None
    }


def _matrix(
    run: Run,
    head: str,
    frame: pl.DataFrame,
    intervals: Mapping[tuple[str, ...], Row],
    papers: _Papers,
) -> str:
    pairs = [name for name in frame.columns if _ARROW in name]
    columns = [Column("Encoder"), Column("Modality")]
    columns += [Column(_title(run, pair), True) for pair in pairs]
    columns.append(Column("Mean out of domain", True))
    rows = [
        _row(run, row, pairs, intervals, papers) for row in frame.iter_rows(named=True)
    ]
    return table(f"matrix-{head}", f"AUC in per cent, head {head}", columns, rows)


def _title(run: Run, pair: str) -> str:
    return " → ".join(run.corpus(name) for name in pair.split(_ARROW))


def _row(
    run: Run,
    row: Row,
    pairs: list[str],
    intervals: Mapping[tuple[str, ...], Row],
    papers: _Papers,
) -> list[Cell]:
    cells = [Cell(row["label"]), Cell(row["modality"])]
    for pair in pairs:
        labels = [run.corpus(name) for name in pair.split(_ARROW)]
        paper = papers.get((row["label"], labels[0], labels[1]))
        notes = _notes(intervals.get((row["encoder"], pair)), paper)
        cells.append(per_cent_cell(number(row[pair]), notes))
    return [*cells, per_cent_cell(number(row["mean_ood"]))]


def _notes(row: Row | None, paper: str | None) -> list[str]:
    notes = []
    if row is not None:
        interval = between(row["auc_low"], row["auc_high"])
        notes.append(interval or "no interval")
        notes.append(f"{row['real']} real, {row['fake']} fake")
    return [*notes, *([f"paper {paper}"] if paper else [])]


def _legend() -> str:
    steps = "".join(
        f'<span class="s{shade}">{10 * shade}</span>' for shade in range(11)
    )
    return (
        '<p class="legend"><span class="words">AUC</span>'
        + steps
        + '</p><p class="tools">'
        '<label><input type="checkbox" id="notes"> Intervals in all cells</label></p>'
    )


def facts(run: Run) -> list[tuple[str, Any]]:
    """Numbers at the top of the page: what was run."""
    matrix = run.tables["xdata_matrix"]
    ranked = [
        (number(row["mean_ood"]), row["label"]) for row in matrix.iter_rows(named=True)
    ]
    known = [(mean, label) for mean, label in ranked if mean is not None]
    best = max(known, default=None, key=lambda pair: pair[0])
    return [
        ("encoders", len(run.spec["encoders"])),
        ("heads", len(run.spec["heads"])),
        ("training corpora", ", ".join(map(run.corpus, run.spec["train"]))),
        ("test corpora", ", ".join(map(run.corpus, run.spec["test"]))),
        (
            "best mean out of domain",
            f"{best[0]:.1f} ({best[1]})" if best else "not defined",
        ),
    ]

"""Heads that learn from real clips alone, other detectors, and the spread of seeds."""

import polars as pl

from dfprobe.report.markup import Cell, Column, link, section, table, text
from dfprobe.report.site.run_tables import (
    Run,
    labelled_table,
    missing,
    number,
    per_cent_cell,
    source,
)


def detectors_section(run: Run) -> str:
    """Write the section; tables in per cent are coloured as the matrix is."""
    parts = [text("AUC in per cent; 50 is chance.")]
    parts += _areas(run, "anomaly", "Heads that learn from real clips alone", "row")
    if "anomaly" not in run.tables:
        parts.append(
            missing("heads that learn from real clips alone", "anomaly is null")
        )
    parts += _areas(run, "detectors", "Probes beside other detectors", "name")
    seeds = run.tables["seeds"].filter(pl.col("seeds") != "1")
    if seeds.height:
        caption = "Spread over seeds"
        parts.append(labelled_table("seeds-table", caption, run, seeds, seeds.columns))
        parts.append(source("seeds"))
    comparison = link("The paper's values beside ours", "paper_comparison.html")
    return section("detectors", "Detectors", [*parts, f"<p>{comparison}</p>"])


def _areas(run: Run, name: str, caption: str, hidden: str) -> list[str]:
    """Table whose columns of numbers are per cents, without the column of names."""
    if name not in run.tables:
        return []
    frame = run.tables[name].drop(hidden)
    words = [c for c in frame.columns if c in ("label", "modality", "trained_on")]
    titles = {"label": "Detector", "modality": "Modality", "trained_on": "Trained on"}
    columns = [
        Column(titles.get(c, _title(run, c)), c not in words) for c in frame.columns
    ]
    rows = [
        [
            Cell(run.corpus(row[c] or "–"))
            if c in words
            else per_cent_cell(number(row[c]))
            for c in frame.columns
        ]
        for row in frame.iter_rows(named=True)
    ]
    return [table(f"{name}-table", caption, columns, rows), source(name)]


def _title(run: Run, column: str) -> str:
    """Column of a corpus, perhaps with a task, by the corpus's label."""
    corpus, _, task = column.partition(" ")
    return f"{run.corpus(corpus)} {task}".strip().replace("_", " ")

"""Heads that learn from real clips alone, other detectors, and the spread of seeds."""

import polars as pl

from dfprobe.report.markup import Cell, Column
from dfprobe.report.site.run_tables import (
    UNDEFINED,
    Grid,
    Run,
    labelled,
    number,
    per_cent,
)

_WORDS = {"label": "Detector", "modality": "Modality", "trained_on": "Trained on"}
_NAMES = {"anomaly": "row", "detectors": "name"}  # the column of names of each table
_SEEDS = {
    **{"entry": "Head", "encoder": "Encoder", "train": "Trained on"},
    **{"test": "Tested on", "seeds": "Seeds", "auc_mean": "Mean AUC"},
    **{"auc_sd": "Standard deviation", "auc_min": "Lowest", "auc_max": "Highest"},
}


def detector_grids(run: Run) -> dict[str, Grid]:
    """Tables of the section by name, as far as the run makes them."""
    grids = {
        name: _areas(run, run.tables[name].drop(names))
        for name, names in _NAMES.items()
        if name in run.tables
    }
    repeated = run.tables["seeds"].filter(pl.col("seeds") != "1")
    if repeated.height:
        titles = {name: _SEEDS[name] for name in repeated.columns}
        grids["seeds"] = labelled(run, repeated, titles)
    return grids


def _areas(run: Run, frame: pl.DataFrame) -> Grid:
    """Words first, then AUC in per cent."""
    columns = [
        Column(_WORDS.get(name) or _title(run, name), number=name not in _WORDS)
        for name in frame.columns
    ]
    rows = [
        [
            Cell(run.corpus(row[name] or UNDEFINED))
            if name in _WORDS
            else per_cent(number(row[name]))
            for name in frame.columns
        ]
        for row in frame.iter_rows(named=True)
    ]
    return Grid(columns, rows)


def _title(run: Run, column: str) -> str:
    """Column of a corpus, perhaps with a task, by the corpus's label."""
    corpus, _, task = column.partition(" ")
    return f"{run.corpus(corpus)} {task}".strip().replace("_", " ")

"""The cross-corpus matrix of each head, and what was run."""

from collections.abc import Mapping

import polars as pl

from dfprobe.report.markup import Cell, Column
from dfprobe.report.site.run_tables import Grid, Row, Run, between, number, per_cent

_ARROW = "->"
_Intervals = Mapping[tuple[str, str, str, str], Row]
_Papers = Mapping[tuple[str, str, str], str]


def matrices(run: Run) -> list[tuple[str, Grid]]:
    """Name and matrix of each head; notes of a cell give its interval and clips."""
    first, *others = (head.name for head in run.spec.heads)
    intervals = _intervals(run.tables["xdata_long"])
    papers = _papers(run.tables["paper_comparison"])
    main = run.tables["xdata_matrix"]
    return [
        (first, _matrix(run, first, main, intervals, papers)),
        *(
            (head, _matrix(run, head, run.tables[f"xdata_matrix_{head}"], intervals))
            for head in others
        ),
    ]


def _intervals(long: pl.DataFrame) -> _Intervals:
    """Rows on the clips common to all encoders, by head, encoder and corpora."""
    return {
        (row["head"], row["encoder"], row["train"], row["test"]): row
        for row in long.filter(subset="common").iter_rows(named=True)
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
    intervals: _Intervals,
    papers: _Papers | None = None,
) -> Grid:
    pairs = [name for name in frame.columns if _ARROW in name]
    columns = [Column("Encoder"), Column("Modality")]
    for pair in pairs:
        train, test = pair.split(_ARROW)
        columns.append(Column(run.pair({"train": train, "test": test}), number=True))
    columns.append(Column("Mean out of domain", number=True))
    rows = []
    for row in frame.iter_rows(named=True):
        cells = [Cell(row["label"]), Cell(row["modality"])]
        for pair in pairs:
            train, test = pair.split(_ARROW)
            notes = _notes(intervals.get((head, row["encoder"], train, test)))
            labels = (row["label"], run.corpus(train), run.corpus(test))
            if papers is not None and labels in papers:
                notes.append(f"paper {papers[labels]}")
            cells.append(per_cent(number(row[pair]), notes))
        rows.append([*cells, per_cent(number(row["mean_ood"]))])
    return Grid(columns, rows)


def _notes(row: Row | None) -> list[str]:
    if row is None:
        return []
    interval = between(row["auc_low"], row["auc_high"]) or "no interval"
    return [interval, f"{row['real']} real, {row['fake']} fake"]


def facts(run: Run) -> dict[str, str]:
    """Say what was run, for the top of the page."""
    table = run.tables["xdata_matrix"].select("mean_ood", "label")
    known = [(float(mean), label) for mean, label in table.iter_rows() if mean]
    best = max(known, default=None, key=lambda pair: pair[0])
    return {
        "encoders": str(len(run.spec.encoders)),
        "heads": str(len(run.spec.heads)),
        "training corpora": ", ".join(map(run.corpus, run.spec.train)),
        "test corpora": ", ".join(map(run.corpus, run.spec.test)),
        "best mean out of domain": f"{best[0]:.1f} ({best[1]})"
        if best
        else "undefined",
    }

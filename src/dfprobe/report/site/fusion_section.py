"""Fusion: which probes are alike, and what two of them reach together."""

from collections.abc import Callable, Iterator

import polars as pl

from dfprobe.report.markup import Cell, Column, chart, section, table, text
from dfprobe.report.site.charts import View, heat_map
from dfprobe.report.site.run_tables import (
    Row,
    Run,
    between,
    missing,
    number,
    plain,
    share,
    source,
)

_NAME, _TITLE = "fusion", "Fusion"
_CORRELATION, _IMPROVEMENT, _SETS = (
    "fusion/correlation",
    "fusion/improvement",
    "fusion/sets",
)

_Cells = dict[tuple[str, str], Row]


def fusion_section(run: Run) -> tuple[str, dict[str, list[View]]]:
    """Write the section and its charts; a sentence where the run has no fusion."""
    correlation, improvement, sets = map(run.table, (_CORRELATION, _IMPROVEMENT, _SETS))
    if correlation is None or improvement is None or sets is None:
        sentence = missing("fusion of probes", "it takes two encoders at least")
        return section(_NAME, _TITLE, [sentence]), {}
    charts = {
        "correlation": list(_correlations(run, correlation)),
        "improvement": list(_improvements(run, improvement)),
    }
    parts = [
        text(
            "Probes that err on different clips gain from one another. Dark orange is "
            "much alike in the first chart, much gained in the second."
        ),
        '<div class="pair">',
        chart(
            "correlation",
            "Heat map: correlation of the scores of every two probes; the numbers are "
            "in the table correlation.csv.",
            "Pearson's correlation of the clip scores; the cells say its interval.",
        ),
        chart(
            "improvement",
            "Heat map: gain of each probe from fusion with each other one; the numbers "
            "are in the table improvement.csv.",
            "Gain in AUC, in per cent of the row's own, when the column's probe is "
            "fused with it; the cells say its interval.",
        ),
        "</div>",
        _best(run, sets),
        *map(source, (_CORRELATION, _IMPROVEMENT, _SETS)),
    ]
    return section(_NAME, _TITLE, parts), charts


def _correlations(run: Run, frame: pl.DataFrame) -> Iterator[View]:
    known = frame.filter(pl.col("pearson").is_not_null())
    for _, part in known.group_by("train", "test", maintain_order=True):
        rows = part.to_dicts()
        cells: _Cells = {(row["first"], row["second"]): row for row in rows}
        cells |= {(second, first): row for (first, second), row in cells.items()}
        yield _square(
            run,
            run.pair(rows[0]),
            cells,
            lambda row: number(row["pearson"]),
            lambda row: f"{between(row['pearson_low'], row['pearson_high'], 1.0, 2)}",
            "Pearson's r",
        )


def _improvements(run: Run, frame: pl.DataFrame) -> Iterator[View]:
    known = frame.filter(pl.col("improvement").is_not_null())
    for _, part in known.group_by("train", "test", "rule", maintain_order=True):
        rows = part.to_dicts()
        yield _square(
            run,
            f"{run.pair(rows[0])}, {rows[0]['rule']}",
            {(row["row"], row["column"]): row for row in rows},
            lambda row: number(row["improvement"]),
            lambda row: between(row["low"], row["high"], 1.0),
            "gain, per cent",
        )


def _square(
    run: Run,
    name: str,
    cells: _Cells,
    value: Callable[[Row], float | None],
    interval: Callable[[Row], str],
    title: str,
) -> View:
    found = {encoder for key in cells for encoder in key}
    encoders = [encoder for encoder in run.spec["encoders"] if encoder in found]
    rows = [[cells.get((row, column)) for column in encoders] for row in encoders]
    values = [[None if cell is None else value(cell) for cell in row] for row in rows]
    notes = [["" if cell is None else interval(cell) for cell in row] for row in rows]
    return heat_map(name, [run.encoder(e) for e in encoders], values, notes, title)


def _best(run: Run, sets: pl.DataFrame) -> str:
    """Table of the best set of each size, by corpora and rule."""
    best = (
        sets.with_columns(area=pl.col("auc").cast(pl.Float64, strict=False))
        .filter(pl.col("area").is_not_null())
        .sort("area", descending=True, maintain_order=True)
        .group_by("train", "test", "size", "rule", maintain_order=True)
        .first()
        .sort("train", "test", "size", "rule")
    )
    numbers = ("AUC", "Gain over the best single one", "p (Holm)")
    columns = [*map(Column, ("Corpora", "Size", "Rule", "Encoders"))]
    columns += [Column(title, True) for title in numbers]
    columns += [Column("Best single one"), Column("Significant")]
    rows = [_set_row(run, row) for row in best.iter_rows(named=True)]
    return table("sets", "Best set of each size", columns, rows)


def _set_row(run: Run, row: Row) -> list[Cell]:
    gain = number(row["gain"])
    points = None if gain is None else 100 * gain
    notes = tuple(filter(None, [between(row["gain_low"], row["gain_high"])]))
    area = share(row["auc"])
    interval = tuple(filter(None, [between(row["auc_low"], row["auc_high"])]))
    return [
        Cell(run.pair(row)),
        plain(row["size"]),
        Cell(row["rule"] or "–"),
        Cell(run.encoder(row["set"])),
        Cell(area.text, area.order, area.shade, interval),
        Cell("–" if points is None else f"{points:+.1f}", points, None, notes),
        plain(row["p_holm"], 3),
        Cell(run.encoder(row["best_single"] or "–")),
        Cell({"true": "yes", "false": "no"}.get(row["significant"] or "", "–")),
    ]

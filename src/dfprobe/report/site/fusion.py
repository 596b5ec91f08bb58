"""Fusion: correlation of probes, and their AUC together."""

from collections.abc import Iterator

import polars as pl

from dfprobe.report.explorer.scripts import Json
from dfprobe.report.markup import Cell, Column
from dfprobe.report.site.charts import heat_map
from dfprobe.report.site.run_tables import (
    UNDEFINED,
    Grid,
    Row,
    Run,
    between,
    number,
    per_cent,
    scaled,
)

TABLES = ("fusion/correlation", "fusion/improvement", "fusion/sets")
_TEXTS = ("Corpora", "Size", "Rule", "Encoders")
_NUMBERS = ("AUC", "Gain over the best single one", "p (Holm)")
_Cells = dict[tuple[str, str], tuple[float | None, str]]  # value, interval


def fusion_charts(run: Run) -> dict[str, list[Json]]:
    """Charts of the section; none where the run has no fusion."""
    correlation, improvement, sets = map(run.table, TABLES)
    if correlation is None or improvement is None or sets is None:
        return {}
    return {
        "correlation": list(_correlations(run, correlation)),
        "improvement": list(_improvements(run, improvement)),
    }


def _correlations(run: Run, frame: pl.DataFrame) -> Iterator[Json]:
    known = frame.filter(pl.col("pearson").is_not_null())
    for _, part in known.group_by("train", "test", maintain_order=True):
        cells: _Cells = {}
        for row in part.iter_rows(named=True):
            interval = between(row["pearson_low"], row["pearson_high"], 1.0, 2)
            cell = (number(row["pearson"]), interval)
            cells[row["first"], row["second"]] = cell
            cells[row["second"], row["first"]] = cell
        name = run.pair(part.row(0, named=True))
        yield _square(run, name, cells, "Pearson's r")


def _improvements(run: Run, frame: pl.DataFrame) -> Iterator[Json]:
    known = frame.filter(pl.col("improvement").is_not_null())
    for _, part in known.group_by("train", "test", "rule", maintain_order=True):
        cells: _Cells = {
            (row["row"], row["column"]): (
                number(row["improvement"]),
                between(row["low"], row["high"], 1.0),
            )
            for row in part.iter_rows(named=True)
        }
        first = part.row(0, named=True)
        name = f"{run.pair(first)}, {first['rule']}"
        yield _square(run, name, cells, "gain, per cent")


def _square(run: Run, name: str, cells: _Cells, title: str) -> Json:
    found = {encoder for pair in cells for encoder in pair}
    encoders = [e.name for e in run.spec.encoders if e.name in found]
    square = [[cells.get((r, c), (None, "")) for c in encoders] for r in encoders]
    values = [[value for value, _ in row] for row in square]
    notes = [[interval for _, interval in row] for row in square]
    return heat_map(name, list(map(run.encoder, encoders)), values, notes, title)


def best_sets(run: Run) -> Grid:
    """Set of the highest AUC of each size, by corpora and rule."""
    area = pl.col("auc").cast(pl.Float64, strict=False)
    best = (
        run.tables["fusion/sets"]
        .with_columns(area=area)
        .filter(pl.col("area").is_not_null())
        .sort("area", descending=True, maintain_order=True)
        .group_by("train", "test", "size", "rule", maintain_order=True)
        .first()
        .sort("train", "test", "size", "rule")
    )
    columns = [
        *map(Column, _TEXTS),
        *(Column(title, number=True) for title in _NUMBERS),
    ]
    columns += map(Column, ("Best single one", "Significant"))
    return Grid(columns, [_row(run, row) for row in best.iter_rows(named=True)])


def _row(run: Run, row: Row) -> list[Cell]:
    areas = between(row["auc_low"], row["auc_high"])
    gains = between(row["gain_low"], row["gain_high"])
    gain, p_value = scaled(row["gain"]), number(row["p_holm"])
    return [
        Cell(run.pair(row)),
        Cell(row["size"]),
        Cell(row["rule"] or UNDEFINED),
        Cell(run.encoder(row["set"])),
        per_cent(scaled(row["auc"]), [areas] if areas else []),
        Cell(
            UNDEFINED if gain is None else f"{gain:+.1f}",
            gain,
            notes=(gains,) if gains else (),
        ),
        Cell(UNDEFINED if p_value is None else f"{p_value:.3f}", p_value),
        Cell(run.encoder(row["best_single"])),
        Cell({"true": "yes", "false": "no"}.get(row["significant"] or "", UNDEFINED)),
    ]

r"""Tables for papers: LaTeX ``tabular`` environments of the ``booktabs`` package.

A cell is the AUC in per cent with its 95% interval in small print; the highest value of
a column is bold (all that print alike). Captions are left to the paper, which has
``\input{matrix}``.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import polars as pl

from dfprobe.evaluation.tables.anomaly import TASKS
from dfprobe.evaluation.tables.fusion_tables import SETS_SCHEMA, read_fusion
from dfprobe.evaluation.tables.matrix import pairs, read_long
from dfprobe.report.markup import render
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.tables import MatrixSpec
from dfprobe.store.files import Row, write_whole

MODALITIES = ("audio", "visual", "audio-visual")  # from top to bottom
SHOWN = 5  # single encoders, and pairs of a rule, in the table of fusion
_UNKNOWN = "--"
_Pairs = Sequence[tuple[str, str]]


class Cell(NamedTuple):
    """An area (0..1, None where undefined), its 95% interval, and if it has a star."""

    area: float | None
    low: float | None = None
    high: float | None = None
    marked: bool = False

    def text(self, best: float | None) -> str:
        """LaTeX of the cell; bold if it prints like the best value of its column."""
        if self.area is None or best is None:
            return _UNKNOWN
        shown = _per_cent(self.area)
        if shown == _per_cent(best):
            shown = rf"\textbf{{{shown}}}"
        if self.marked:
            shown += "$^{*}$"
        if self.low is None or self.high is None:
            return shown
        interval = f"{_per_cent(self.low)}--{_per_cent(self.high)}"
        return rf"{shown} {{\tiny {interval}}}"


class Line(NamedTuple):
    """A row of a table: title of its group, its name as people see it, its cells."""

    group: str
    label: str
    cells: list[Cell]


def write_tex_tables(
    long: Path,
    sets: Path,
    anomaly: Path | None,
    spec: MatrixSpec,
    outs: Sequence[Path],
) -> None:
    """Write the tables of a run.

    Parameters
    ----------
    long, sets : Path
        ``xdata_long.csv``, ``fusion/sets.csv``.
    anomaly : Path or None
        ``anomaly_long.csv`` where the run has heads that learn from real clips.
    spec : MatrixSpec
        As of the matrix; the first of ``heads`` is taken.
    outs : sequence of Path
        ``matrix.tex``, ``fusion.tex`` and, with ``anomaly``, ``anomaly.tex``.
    """
    areas = read_long(long).filter(head=spec.heads[0].name, subset="common")
    tables = [matrix_table(areas, spec)]
    tables.append(fusion_table(areas, read_fusion(sets, SETS_SCHEMA), spec))
    if anomaly is not None:
        tables.append(anomaly_table(read_long(anomaly), spec))
    for table, out in zip(tables, outs, strict=True):
        with write_whole(out) as draft:
            draft.write_text(table, encoding="utf-8")


def matrix_table(areas: pl.DataFrame, spec: MatrixSpec) -> str:
    """Table of encoders by modality against train -> test pairs, and their mean.

    ``areas`` has ``encoder, train, test, auc, auc_low, auc_high``.
    """
    columns = pairs(spec.train, spec.test)
    found = _cells(areas, ("encoder", "train", "test"))
    lines = []
    for encoder in sorted(spec.encoders, key=lambda e: MODALITIES.index(e.modality)):
        cells = [found[encoder.name, *pair] for pair in columns]
        mean = Cell(_mean_out_of_domain(cells, columns))
        lines.append(Line(encoder.modality, encoder.label, [*cells, mean]))
    trained, tested = _header(columns, spec)
    return _tabular([[*trained, "mean"], [*tested, "OOD"]], lines)


def anomaly_table(long: pl.DataFrame, spec: MatrixSpec) -> str:
    """Table of heads that never saw a fake, and of the supervised one.

    ``long`` is as `dfprobe.evaluation.tables.anomaly.make_anomaly` writes it. A
    supervised head that was trained on several corpora has the mean, without an
    interval.
    """
    common = long.filter(subset="common")
    one = pl.len() == 1
    means = common.group_by("row", "test", "task").agg(
        pl.when(pl.col("auc").is_not_null().all()).then(pl.col("auc").mean()),
        *(pl.when(one).then(pl.col(name).first()) for name in ("auc_low", "auc_high")),
    )
    found = _cells(means, ("row", "test", "task"))
    tests = common["test"].unique(maintain_order=True)
    columns = [(test, task) for test in tests for task in TASKS]
    rows = common.select("modality", "label", "row").unique(maintain_order=True).rows()
    lines = [
        Line(modality, label, [found.get((row, *c), Cell(None)) for c in columns])
        for modality, label, row in sorted(rows, key=lambda r: MODALITIES.index(r[0]))
    ]
    tested = ["tested on", *(spec.corpora[test] for test, _ in columns)]
    return _tabular([tested, ["task", *(task for _, task in columns)]], lines)


def fusion_table(areas: pl.DataFrame, sets: pl.DataFrame, spec: MatrixSpec) -> str:
    """Table of single encoders, pairs and larger sets by rule.

    A star marks a set that is better than its best member (DeLong, Holm). Of single
    encoders and of pairs those are shown whose mean AUC between different corpora is
    the highest: chosen on the clips that the table is about, as a comment in it says.
    ``areas`` are as for `matrix_table`, ``sets`` as
    `dfprobe.evaluation.tables.fusion.make_fusion` writes them.
    """
    columns = pairs(spec.train, spec.test)
    label_of = labels(spec.encoders)
    alone = areas.with_columns(areas["encoder"].alias("set"))
    lines = _best(_lines("one encoder", alone, columns, label_of), columns)
    for (rule,), rows in sets.group_by("rule", maintain_order=True):
        twos, larger = (
            _lines(f"fused, rule {rule}", rows.filter(size), columns, label_of)
            for size in (pl.col("size") == 2, pl.col("size") > 2)
        )
        lines += [*_best(twos, columns), *larger]
    notes = [
        f"Single encoders and pairs: the {SHOWN} of the highest mean AUC between "
        "different corpora, chosen on these test clips.",
        "A star: better than the best member, p < 0.05 by DeLong's test, adjusted "
        "(Holm).",
    ]
    return _tabular(_header(columns, spec), lines, notes)


def _tabular(
    header: Sequence[Sequence[str]], lines: Sequence[Line], notes: Sequence[str] = ()
) -> str:
    """Lay out a table: rows of the head, lines by group, comments for its reader."""
    columns = zip(*(line.cells for line in lines), strict=True)
    best = [
        max((cell.area for cell in cells if cell.area is not None), default=None)
        for cells in columns
    ]
    groups = groupby(lines, key=lambda line: line.group)
    return render("tabular.tex", header=header, groups=groups, notes=notes, best=best)


def _per_cent(area: float) -> str:
    return f"{100 * area:.1f}"


def _cells(
    table: pl.DataFrame, names: tuple[str, str, str]
) -> dict[tuple[str, ...], Cell]:
    rows = table.iter_rows(named=True)
    return {tuple(row[name] for name in names): _cell(row) for row in rows}


def _cell(row: Row) -> Cell:
    marked = bool(row.get("significant")) and row["gain"] > 0
    return Cell(row["auc"], row["auc_low"], row["auc_high"], marked)


def _lines(
    group: str, table: pl.DataFrame, columns: _Pairs, label_of: Mapping[str, str]
) -> list[Line]:
    """Lines of sets of encoders, whose names are joined by ``+``."""
    found = _cells(table, ("set", "train", "test"))
    return [
        Line(
            group,
            " + ".join(label_of[member] for member in name.split("+")),
            [found[name, *pair] for pair in columns],
        )
        for name in table["set"].unique(maintain_order=True)
    ]


def _mean_out_of_domain(cells: Sequence[Cell], columns: _Pairs) -> float | None:
    """Mean over pairs of different corpora; None if there is none, or one undefined."""
    areas = [
        cell.area
        for cell, (train, test) in zip(cells, columns, strict=True)
        if train != test
    ]
    known = [area for area in areas if area is not None]
    return sum(known) / len(known) if known and len(known) == len(areas) else None


def _best(lines: Sequence[Line], columns: _Pairs) -> list[Line]:
    """Lines with the highest mean first; those without a mean are the last."""

    def mean(line: Line) -> float:
        return _mean_out_of_domain(line.cells, columns) or 0.0

    return sorted(lines, key=mean, reverse=True)[:SHOWN]  # stable


def _header(columns: _Pairs, spec: MatrixSpec) -> list[list[str]]:
    trained = ["trained on", *(spec.corpora[train] for train, _ in columns)]
    return [trained, ["tested on", *(spec.corpora[test] for _, test in columns)]]

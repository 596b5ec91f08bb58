r"""Tables for papers: LaTeX ``tabular`` environments of the ``booktabs`` package.

A cell is the AUC in per cent with its 95% interval in small print; the highest value of
a column is bold (all that print alike). Captions are left to the paper, which has
``\input{matrix}``.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from dfprobe.evaluation.tables.anomaly import TASKS
from dfprobe.evaluation.tables.fusion_tables import SETS_SCHEMA, read_fusion
from dfprobe.evaluation.tables.matrix import pairs, read_long
from dfprobe.report.markup import render
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.tables import MatrixSpec
from dfprobe.store.files import write_whole

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
    """A row of a table: its name as people see it, and its cells."""

    label: str
    cells: list[Cell]


class Group(NamedTuple):
    """Rows under a title of their own."""

    title: str
    lines: list[Line]


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
    long : Path
        ``xdata_long.csv``.
    sets : Path
        ``fusion/sets.csv``.
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

    Parameters
    ----------
    areas : pl.DataFrame
        ``encoder, train, test, auc, auc_low, auc_high``.
    spec : MatrixSpec
        See `write_tex_tables`.
    """
    columns = pairs(spec.train, spec.test)
    found = _cells(areas, "encoder")
    lines = []
    for encoder in spec.encoders:
        cells = [found[encoder.name, *pair] for pair in columns]
        cells.append(_mean_out_of_domain(cells, columns))
        lines.append((encoder.modality, Line(encoder.label, cells)))
    trained, tested = _header(columns, spec)
    return _tabular([[*trained, "mean"], [*tested, "OOD"]], _by_modality(lines))


def anomaly_table(long: pl.DataFrame, spec: MatrixSpec) -> str:
    """Table of heads that never saw a fake, and of the supervised one.

    Parameters
    ----------
    long : pl.DataFrame
        As `dfprobe.evaluation.tables.anomaly.make_anomaly` writes it. A supervised head
        that was trained on several corpora has the mean, without an interval.
    spec : MatrixSpec
        See `write_tex_tables`.
    """
    common = long.filter(subset="common")
    tests = common["test"].unique(maintain_order=True).to_list()
    columns = [(test, task) for test in tests for task in TASKS]
    lines = []
    for (_, label, modality), rows in common.group_by(
        "row", "label", "modality", maintain_order=True
    ):
        cells = [
            _together([_cell(r) for r in rows.filter(test=test, task=task).to_dicts()])
            for test, task in columns
        ]
        lines.append((str(modality), Line(str(label), cells)))
    tested = ["tested on", *(spec.corpora[test] for test, _ in columns)]
    return _tabular(
        [tested, ["task", *(task for _, task in columns)]], _by_modality(lines)
    )


def fusion_table(areas: pl.DataFrame, sets: pl.DataFrame, spec: MatrixSpec) -> str:
    """Table of single encoders, pairs and larger sets by rule.

    A star marks a set that is better than its best member (DeLong, Holm). Of single
    encoders and of pairs those are shown whose mean AUC between different corpora is
    the highest: chosen on the clips that the table is about, as a comment in it says.

    Parameters
    ----------
    areas : pl.DataFrame
        As for `matrix_table`.
    sets : pl.DataFrame
        As `dfprobe.evaluation.tables.fusion.make_fusion` writes it.
    spec : MatrixSpec
        See `write_tex_tables`.
    """
    columns = pairs(spec.train, spec.test)
    label_of = labels(spec.encoders)
    alone = _lines(_cells(areas, "encoder"), label_of, columns, label_of)
    groups = [Group("one encoder", _best(alone, columns))]
    for (rule,), rows in sets.group_by("rule", maintain_order=True):
        found = _cells(rows, "set")
        twos, larger = (
            _lines(
                found,
                rows.filter(size)["set"].unique(maintain_order=True),
                columns,
                label_of,
            )
            for size in (pl.col("size") == 2, pl.col("size") > 2)
        )
        groups.append(Group(f"fused, rule {rule}", [*_best(twos, columns), *larger]))
    notes = [
        f"Single encoders and pairs: the {SHOWN} of the highest mean AUC between "
        "different corpora, chosen on these test clips.",
        "A star: better than the best member, p < 0.05 by DeLong's test, adjusted "
        "(Holm).",
    ]
    return _tabular(_header(columns, spec), groups, notes)


def _tabular(
    header: Sequence[Sequence[str]], groups: Sequence[Group], notes: Sequence[str] = ()
) -> str:
    """Lay out a table: rows of the head, groups of rows, comments for its reader."""
    columns = zip(
        *(line.cells for group in groups for line in group.lines), strict=True
    )
    best = [
        max((cell.area for cell in cells if cell.area is not None), default=None)
        for cells in columns
    ]
    return render(
        "tabular.tex",
        header=header,
        groups=groups,
        notes=notes,
        columns=len(header[0]) - 1,
        best=best,
    )


def _per_cent(area: float) -> str:
    return f"{100 * area:.1f}"


def _cells(table: pl.DataFrame, name: str) -> dict[tuple[str, str, str], Cell]:
    return {(r[name], r["train"], r["test"]): _cell(r) for r in table.to_dicts()}


def _cell(row: dict[str, Any]) -> Cell:
    marked = bool(row.get("significant")) and row["gain"] > 0
    return Cell(row["auc"], row["auc_low"], row["auc_high"], marked)


def _lines(
    found: Mapping[tuple[str, str, str], Cell],
    sets: Iterable[str],
    columns: _Pairs,
    label_of: Mapping[str, str],
) -> list[Line]:
    """Lines of sets of encoders, whose names are joined by ``+``."""
    return [
        Line(
            " + ".join(label_of[member] for member in name.split("+")),
            [found[name, *pair] for pair in columns],
        )
        for name in sets
    ]


def _together(cells: Sequence[Cell]) -> Cell:
    """Return a single cell unchanged, or the mean of several, without an interval."""
    if len(cells) == 1:
        return cells[0]
    areas = [cell.area for cell in cells if cell.area is not None]
    known = areas and len(areas) == len(cells)
    return Cell(sum(areas) / len(areas) if known else None)


def _mean_out_of_domain(cells: Sequence[Cell], columns: _Pairs) -> Cell:
    return _together(
        [
            Cell(cell.area)
            for cell, (train, test) in zip(cells, columns, strict=True)
            if train != test
        ]
    )


def _best(lines: Sequence[Line], columns: _Pairs) -> list[Line]:
    """Lines with the highest mean first; those without a mean are the last."""

    def mean(line: Line) -> float:
        return _mean_out_of_domain(line.cells, columns).area or 0.0

    return sorted(lines, key=mean, reverse=True)[:SHOWN]  # stable


def _by_modality(lines: Sequence[tuple[str, Line]]) -> list[Group]:
    grouped = {
        kind: [line for modality, line in lines if modality == kind]
        for kind in MODALITIES
    }
    return [Group(kind, found) for kind, found in grouped.items() if found]


def _header(columns: _Pairs, spec: MatrixSpec) -> list[list[str]]:
    trained = ["trained on", *(spec.corpora[train] for train, _ in columns)]
    return [trained, ["tested on", *(spec.corpora[test] for _, test in columns)]]

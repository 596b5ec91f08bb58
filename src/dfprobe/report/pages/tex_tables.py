r"""Tables for papers: LaTeX ``tabular`` environments of the ``booktabs`` package.

A cell is the AUC in per cent, its 95% interval in small print beside it; the highest
value of a column is bold (all that print alike). They have no caption: the paper's text
goes around ``\input{matrix}``.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from dfprobe.evaluation.tables.anomaly import TASKS
from dfprobe.evaluation.tables.fusion_tables import SETS_SCHEMA, read_fusion
from dfprobe.evaluation.tables.matrix import pairs, read_long
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.tables import MatrixSpec
from dfprobe.store.files import write_whole

MODALITIES = ("audio", "visual", "audio-visual")  # from top to bottom
SHOWN = 5  # single encoders, and pairs of a rule, in the table of fusion
_UNKNOWN = "--"
_SPECIALS = str.maketrans(
    {
        **{character: rf"\{character}" for character in "&%_#${}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
    }
)


class Cell(NamedTuple):
    """One value.

    Parameters
    ----------
    area : float or None
        0..1; None where it is undefined.
    low, high : float or None
        95% interval; None where there is none.
    marked : bool
        Whether it gets a star.
    """

    area: float | None
    low: float | None = None
    high: float | None = None
    marked: bool = False


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
        As of the matrix; the first of ``heads`` is taken. ``encoders`` is a list.
    outs : sequence of Path
        ``matrix.tex``, ``fusion.tex`` and, with ``anomaly``, ``anomaly.tex``.
    """
    head = spec.heads[0].name
    areas = read_long(long).filter(head=head, subset="common")
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
    found = _cells(areas, ("encoder", "train", "test"))
    lines = []
    for encoder in spec.encoders:
        cells = [found[encoder.name, *pair] for pair in columns]
        mean = _mean(cells, columns)
        lines.append((encoder.modality, Line(encoder.label, [*cells, mean])))
    head = [[*_header(0, columns, spec), "mean"], [*_header(1, columns, spec), "OOD"]]
    return tabular(head, _by_modality(lines))


def anomaly_table(long: pl.DataFrame, spec: MatrixSpec) -> str:
    """Table of heads that never saw a fake, beside the supervised one.

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
    first = ["tested on", *(escape(spec.corpora[test]) for test, _ in columns)]
    return tabular(
        [first, ["task", *(task for _, task in columns)]], _by_modality(lines)
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
    named = labels(spec.encoders)
    alone = _cells(areas, ("encoder", "train", "test"))
    lines = [
        Line(label, [alone[name, *pair] for pair in columns])
        for name, label in named.items()
    ]
    groups = [Group("one encoder", _best(lines, columns))]
    for (rule,), rows in sets.group_by("rule", maintain_order=True):
        found = _cells(rows, ("set", "train", "test"))
        sizes = dict(rows.select("set", "size").iter_rows())
        by_size: dict[bool, list[Line]] = {False: [], True: []}
        for name, size in sizes.items():
            label = " + ".join(named[member] for member in name.split("+"))
            cells = [found[name, *pair] for pair in columns]
            by_size[size > 2].append(Line(label, cells))
        chosen = [*_best(by_size[False], columns), *by_size[True]]
        groups.append(Group(f"fused, rule {rule}", chosen))
    note = (
        f"Single encoders and pairs: the {SHOWN} of the highest mean AUC between "
        "different corpora, chosen on these test clips.\n% A star: better than the "
        "best member, p < 0.05 by DeLong's test, adjusted (Holm)."
    )
    head = [_header(0, columns, spec), _header(1, columns, spec)]
    return tabular(head, groups, note)


def tabular(
    header: Sequence[Sequence[str]], groups: Sequence[Group], note: str = ""
) -> str:
    r"""Lay out a table.

    Parameters
    ----------
    header : sequence of sequence of str
        Rows of the head, as LaTeX, the first entry above the names of the rows.
    groups : sequence of Group
        Their titles and labels are escaped here.
    note : str
        Comment for the reader of the file.

    Returns
    -------
    str
        From a comment to ``\end{tabular}``.
    """
    width = len(header[0])
    best = _best_texts([line for group in groups for line in group.lines])
    lines = [
        r"% Needs \usepackage{booktabs}. AUC in per cent, 95% interval beside it.",
        *([f"% {note}"] if note else []),
        rf"\begin{{tabular}}{{l{'r' * (width - 1)}}}",
        r"\toprule",
        *(f"{' & '.join(row)} \\\\" for row in header),
    ]
    for group in groups:
        lines.append(r"\midrule")
        title = rf"\textit{{{escape(group.title)}}}"
        lines.append(rf"\multicolumn{{{width}}}{{l}}{{{title}}} \\")
        for line in group.lines:
            cells = [
                _text(cell, top) for cell, top in zip(line.cells, best, strict=True)
            ]
            lines.append(f"{' & '.join([escape(line.label), *cells])} \\\\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def escape(text: str) -> str:
    """Write plain text so that TeX prints it as it is."""
    return text.translate(_SPECIALS)


def _text(cell: Cell, best: str | None) -> str:
    if cell.area is None:
        return _UNKNOWN
    text = _per_cent(cell.area)
    shown = rf"\textbf{{{text}}}" if text == best else text
    if cell.marked:
        shown += "$^{*}$"
    if cell.low is None or cell.high is None:
        return shown
    interval = f"{_per_cent(cell.low)}--{_per_cent(cell.high)}"
    return rf"{shown} {{\tiny {interval}}}"


def _per_cent(area: float) -> str:
    return f"{100 * area:.1f}"


def _best_texts(lines: Sequence[Line]) -> list[str | None]:
    """Highest value of each column as it is printed."""
    best: list[str | None] = []
    for cells in zip(*(line.cells for line in lines), strict=True):
        areas = [cell.area for cell in cells if cell.area is not None]
        best.append(_per_cent(max(areas)) if areas else None)
    return best


def _cells(
    table: pl.DataFrame, key: tuple[str, str, str]
) -> dict[tuple[str, str, str], Cell]:
    return {(r[key[0]], r[key[1]], r[key[2]]): _cell(r) for r in table.to_dicts()}


def _cell(row: dict[str, Any]) -> Cell:
    marked = bool(row.get("significant")) and row["gain"] > 0
    return Cell(row["auc"], row["auc_low"], row["auc_high"], marked)


def _together(cells: Sequence[Cell]) -> Cell:
    """One cell as it is; the mean of several, which has no interval."""
    if len(cells) == 1:
        return cells[0]
    areas = [cell.area for cell in cells if cell.area is not None]
    known = areas and len(areas) == len(cells)
    return Cell(sum(areas) / len(areas) if known else None)


def _mean(cells: Sequence[Cell], columns: Sequence[tuple[str, str]]) -> Cell:
    """Mean over the pairs of different corpora."""
    ood = [c for c, (train, test) in zip(cells, columns, strict=True) if train != test]
    return _together([Cell(cell.area) for cell in ood])


def _best(lines: Sequence[Line], columns: Sequence[tuple[str, str]]) -> list[Line]:
    """Lines of the highest mean, in the order of the mean; those without one last."""
    means = {id(line): _mean(line.cells, columns).area for line in lines}
    order = sorted(lines, key=lambda line: -(means[id(line)] or 0.0))  # stable
    return order[:SHOWN]


def _by_modality(lines: Sequence[tuple[str, Line]]) -> list[Group]:
    grouped = {
        kind: [line for modality, line in lines if modality == kind]
        for kind in MODALITIES
    }
    return [Group(kind, found) for kind, found in grouped.items() if found]


def _header(
    side: int, columns: Sequence[tuple[str, str]], spec: MatrixSpec
) -> list[str]:
    """Head of the columns: what was trained on (side 0), what was tested on (1)."""
    name = ("trained on", "tested on")[side]
    return [name, *(escape(spec.corpora[pair[side]]) for pair in columns)]

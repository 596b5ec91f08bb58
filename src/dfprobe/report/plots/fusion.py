"""Figure of complementarity: correlation of encoders, and their gain from fusion."""

from collections.abc import Mapping, Sequence

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from dfprobe.evaluation.tables.fusion_tables import Drawn
from dfprobe.report.plots.parts import DIVERGING, sentence, write_cells

_CELL = 0.4  # inches
_BESIDE, _ABOVE = 2.9, 2.3  # inches around the cells, for names and colour bar
_FEW = 10  # encoders up to which text is larger
_FEWEST_CELLS = 5  # the size of a smaller figure: its texts need room
_BETTER, _WORSE = "-", ":"  # frames


def fusion_figure(tables: Drawn, encoders: Mapping[str, str], title: str) -> Figure:
    """Draw correlation beside relative improvement, as Figure 5 of the paper.

    Cells are in per cent. In the right half a frame marks a pair that is better than
    its best member (dotted: worse) by DeLong's test after Holm's adjustment. With fewer
    than two encoders a sentence. ``encoders`` are labels in the order of rows and
    columns; ``title`` says what was trained on and tested on, and the rule.
    """
    if len(encoders) < 2:
        return sentence(f"{title}\nFusion takes at least two encoders.")
    names = list(encoders)
    side = _CELL * max(len(names), _FEWEST_CELLS)
    size = (2 * (side + _BESIDE), side + _ABOVE)
    figure = Figure(figsize=size, layout="constrained")
    left, right = figure.subplots(1, 2)
    alike = 100 * _square(tables.correlation, ("first", "second", "pearson"), names)
    alike = np.where(np.isfinite(alike), alike, alike.T)
    np.fill_diagonal(alike, 100.0)
    labels = list(encoders.values())
    image = _heat_map(left, alike, 100.0, 0)
    _name(left, labels, labels)
    left.set_title("Correlation of clip scores", fontsize=9)
    _colour_bar(image, left, "Pearson's r, per cent")

    gained = _square(tables.improvement, ("row", "column", "improvement"), names)
    limit, extend = _limit(gained)
    image = _heat_map(right, gained, limit, 1)
    areas = _areas(tables.improvement, names)
    _name(right, labels, [f"{n}  {a}" for n, a in zip(labels, areas, strict=True)])
    right.set_title("Improvement of the row by the column", fontsize=9)
    right.set_xlabel("after each name: AUC of the encoder alone, per cent", fontsize=7)
    _colour_bar(image, right, "relative improvement of the AUC, per cent", extend)
    _frame(right, tables.sets, names)
    figure.suptitle(title, fontsize=10)
    figure.supxlabel(
        "Frame: the pair is better than its better member (dotted: worse), p < 0.05 by "
        "DeLong's test with Holm's adjustment. n/a: undefined.",
        fontsize=8,
    )
    return figure


def _square(
    table: pl.DataFrame, columns: tuple[str, str, str], names: Sequence[str]
) -> np.ndarray:
    """Values of a tidy table, (encoders, encoders) float64; NaN where missing."""
    values = np.full((len(names), len(names)), np.nan)
    for row, column, value in table.select(columns).iter_rows():
        if value is not None:
            values[names.index(row), names.index(column)] = value
    return values


def _areas(improvement: pl.DataFrame, names: Sequence[str]) -> list[str]:
    """AUC of each encoder alone, in per cent."""
    found = dict(improvement.select("row", "row_auc").iter_rows())
    return [f"{100 * found[name]:.1f}" if name in found else "n/a" for name in names]


def _limit(values: np.ndarray) -> tuple[float, str]:
    """End of the colours, and whether some values lie beyond: single ones may."""
    known = np.abs(values[np.isfinite(values)])
    if not known.size:
        return 1.0, "neither"
    limit = max(float(np.quantile(known, 0.95)), 1.0)
    return limit, "both" if known.max() > limit else "neither"


def _heat_map(axes: Axes, values: np.ndarray, limit: float, digits: int) -> AxesImage:
    """Draw values with colours centred at 0; the diagonal may be empty."""
    image = axes.imshow(
        np.ma.masked_invalid(values),
        cmap=DIVERGING,
        norm=TwoSlopeNorm(0.0, vmin=-limit, vmax=limit),
    )
    axes.set_facecolor("#dddddd")
    where = np.isfinite(values) | ~np.eye(len(values), dtype=bool)
    write_cells(image, digits, 7 if len(values) <= _FEW else 6, where)
    return image


def _colour_bar(
    image: AxesImage, axes: Axes, label: str, extend: str = "neither"
) -> None:
    bar = image.figure.colorbar(image, ax=axes, shrink=0.8, extend=extend)
    bar.ax.tick_params(labelsize=7)
    bar.set_label(label, fontsize=8)


def _name(axes: Axes, columns: Sequence[str], rows: Sequence[str]) -> None:
    axes.set_xticks(range(len(columns)), columns, fontsize=7, rotation=90)
    axes.set_yticks(range(len(rows)), rows, fontsize=7)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)


def _frame(axes: Axes, sets: pl.DataFrame, names: Sequence[str]) -> None:
    """Frame both cells of each pair that differs from its best member."""
    for pair, gain in (
        sets.filter(pl.col("significant"), size=2).select("set", "gain").iter_rows()
    ):
        first, second = (names.index(name) for name in pair.split("+"))
        for row, column in ((first, second), (second, first)):
            axes.add_patch(
                Rectangle(
                    (column - 0.45, row - 0.45),
                    *(0.9, 0.9),
                    fill=False,
                    linewidth=1.4,
                    linestyle=_BETTER if gain > 0 else _WORSE,
                )
            )

"""Heat map of the cross-corpus matrix."""

from collections.abc import Mapping

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.colors import TwoSlopeNorm
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dfprobe.report.palette import MODALITIES
from dfprobe.report.plots.parts import DIVERGING, SMALL, write_cells

_CHANCE = 50.0
_ARROW = "->"
_CELL = (0.85, 0.34)  # inches


def matrix_figure(table: pl.DataFrame, corpora: Mapping[str, str]) -> Figure:
    """Draw the matrix: encoders by modality against train->test pairs.

    Colour is centred at chance (50); the columns of heads tested on their training
    corpus have a frame.

    Parameters
    ----------
    table : pl.DataFrame
        ``xdata_matrix.csv`` as read: ``encoder, label, modality``, one column per
        ``train->test`` pair (AUC in per cent, null where undefined), ``mean_ood``.
    corpora : mapping of str to str
        Their labels.
    """
    order = pl.Enum(list(MODALITIES))
    table = table.sort(pl.col("modality").cast(order), maintain_order=True)
    pairs = [name for name in table.columns if _ARROW in name]
    columns = [*pairs, "mean_ood"]
    names = ["\n→ ".join(corpora[c] for c in p.split(_ARROW)) for p in pairs]
    values = table.select(pl.col(columns).cast(pl.Float64)).to_numpy()
    width = 3.2 + _CELL[0] * len(columns)
    height = 1.5 + _CELL[1] * table.height
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(
        np.ma.masked_invalid(values),
        cmap=DIVERGING,
        norm=TwoSlopeNorm(_CHANCE, vmin=0.0, vmax=100.0),
        aspect="auto",
    )
    write_cells(image, 1, SMALL)
    _label(axes, [*names, "mean\nOOD"], table)
    _frame_in_domain(axes, pairs, table.height)
    figure.colorbar(image, ax=axes, label="AUC, per cent (50 = chance)", pad=0.02)
    return figure


def _label(axes: Axes, names: list[str], table: pl.DataFrame) -> None:
    """Name rows and columns; separate the modalities, and the mean from the pairs."""
    axes.set_xticks(range(len(names)), names, fontsize=SMALL)
    modality = table["modality"].to_list()
    starts = [row for row in range(table.height) if modality[row] not in modality[:row]]
    labels = [
        f"[{kind}]  {label}" if row in starts else label
        for row, (kind, label) in enumerate(zip(modality, table["label"], strict=True))
    ]
    axes.set_yticks(range(table.height), labels, fontsize=SMALL)
    axes.tick_params(top=True, labeltop=True, bottom=False, labelbottom=False)
    for start in starts[1:]:
        axes.axhline(start - 0.5, color="black", linewidth=1.0)
    axes.axvline(len(names) - 1.5, color="black", linewidth=1.0)
    axes.set_xlabel("Framed: tested on the training corpus", fontsize=SMALL)


def _frame_in_domain(axes: Axes, pairs: list[str], rows: int) -> None:
    for column, pair in enumerate(pairs):
        train, test = pair.split(_ARROW)
        if train == test:
            corner = (column - 0.48, -0.47)
            frame = Rectangle(corner, 0.96, rows - 0.06, fill=False, linewidth=1.6)
            axes.add_patch(frame)

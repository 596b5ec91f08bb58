"""Figures of the audit: the AUC of single values, and their distributions."""

import math

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfprobe.report.palette import CLASSES, PLAIN, WARNING
from dfprobe.report.plots.parts import SMALL, bare

_HATCHES = {"real": None, "fake": "////", "unknown": None}
_BINS = 30
_ENDS = (0.01, 0.99)  # quantiles; values beyond are counted in the outermost bins
_COLUMNS = 3  # panels side by side


def shortcut_figure(table: pl.DataFrame, margin: float) -> Figure:
    """Draw the AUC of each value with its interval, the highest on top.

    Parameters
    ----------
    table : pl.DataFrame
        ``label``, ``auc``, ``auc_low``, ``auc_high`` (0..1, the ends may be null),
        ``shortcut`` (bool: drawn in colour).
    margin : float
        Distance from chance, 0..1, up to which the background is shaded.
    """
    table = table.sort("auc", descending=True, maintain_order=True).reverse()
    figure = Figure(figsize=(8.0, 0.9 + 0.27 * table.height), layout="constrained")
    axes = figure.add_subplot()
    axes.axvspan(50 - 100 * margin, 50 + 100 * margin, color="#eeeeee", zorder=0)
    axes.axvline(50, color=PLAIN, linewidth=0.8, linestyle="--", zorder=1)
    for place, row in enumerate(table.iter_rows(named=True)):
        colour = WARNING if row["shortcut"] else PLAIN
        if row["auc_low"] is not None:
            ends = (100 * row["auc_low"], 100 * row["auc_high"])
            axes.plot(ends, (place, place), color=colour, linewidth=1.6, zorder=2)
        marker = "D" if row["shortcut"] else "o"
        axes.plot(100 * row["auc"], place, marker, color=colour, markersize=5, zorder=3)
    axes.set_yticks(range(table.height), table["label"].to_list(), fontsize=SMALL + 1)
    for name, shortcut in zip(axes.get_yticklabels(), table["shortcut"], strict=True):
        name.set_fontweight("bold" if shortcut else "normal")
    lows = table["auc_low"].drop_nulls().to_list()
    axes.set_xlim(min(30.0, 100 * min(lows, default=1.0) - 2), 101)
    axes.set_ylim(-0.7, table.height - 0.3)
    axes.set_xlabel("AUC of the value alone, per cent (50 = chance), 95% interval")
    bare(axes)
    return figure


def distribution_figure(values: pl.DataFrame) -> Figure:
    """Draw histograms of values by class, one panel per value.

    Heights are per cent of the clips of a class. The outermost bins also count the
    values below the 1st and above the 99th percentile of all clips.

    Parameters
    ----------
    values : pl.DataFrame
        ``label`` (title of a panel; panels are in order of appearance), ``class``
        (``real``, ``fake`` or ``unknown``), ``number``.
    """
    labels = values["label"].unique(maintain_order=True).to_list()
    columns = min(_COLUMNS, len(labels))
    rows = math.ceil(len(labels) / columns)
    size = (2.75 * max(columns, 2), 2.3 * rows + 0.3)
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, label in zip(panels, labels, strict=False):
        _histograms(axes, values.filter(pl.col("label") == label))
        axes.set_xlabel(label, fontsize=SMALL + 1)
        axes.locator_params("x", nbins=5)
        bare(axes)
    for axes in panels[len(labels) :]:
        axes.remove()
    for first in range(0, len(labels), columns):
        panels[first].set_ylabel("clips, per cent", fontsize=SMALL)
    panels[0].legend(fontsize=SMALL, frameon=False)
    return figure


def _histograms(axes: Axes, values: pl.DataFrame) -> None:
    numbers = values["number"].to_numpy()
    low, high = np.quantile(numbers, _ENDS)
    if low == high:
        low, high = numbers.min(), numbers.max()
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, _BINS + 1)
    for name, (colour, *_) in CLASSES.items():
        members = values.filter(pl.col("class") == name)["number"].to_numpy()
        if not members.size:
            continue
        counts, _ = np.histogram(members.clip(low, high), edges)
        axes.stairs(
            100 * counts / members.size,
            edges,
            fill=True,
            facecolor=(colour, 0.3),
            edgecolor=colour,
            linewidth=1.2,
            hatch=_HATCHES[name],
            label=name,
        )

"""Figure of training curves: small multiples over encoders and training corpora."""

import math
from collections.abc import Mapping

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter

from dfprobe.heads.files.history import Stopping
from dfprobe.report.palette import PLAIN, SERIES
from dfprobe.report.plots.parts import SMALL, Style, bare, legend_outside

_PANEL = (2.9, 1.9)  # inches
_ONE_BLOCK = 6  # encoders; more stand in two blocks side by side
_TRAIN, _VAL = "--", "-"
_AT_LIMIT = "x"


def training_curves_figure(
    table: pl.DataFrame, stopping: Mapping[str, Stopping]
) -> Figure:
    """Draw the losses of all epochs, one panel per encoder and training corpus.

    The axis of losses is logarithmic. A disc marks the epoch whose parameters were
    kept; a cross marks the end of a training that reached the limit of epochs before
    its patience was used up, and a note below the panel names its head.

    Parameters
    ----------
    table : pl.DataFrame
        ``encoder, train`` (labels, in the order of the panels), ``head, epoch,
        train_loss, val_loss``: one row per epoch.
    stopping : mapping of str to Stopping
        When the training of each head ends.
    """
    encoders = table["encoder"].unique(maintain_order=True).to_list()
    trains = table["train"].unique(maintain_order=True).to_list()
    heads = table["head"].unique(maintain_order=True).to_list()
    colours = {
        head: SERIES[place % len(SERIES)].colour for place, head in enumerate(heads)
    }
    panels = [(encoder, train) for encoder in encoders for train in trains]
    columns = len(trains) * (1 if len(encoders) <= _ONE_BLOCK else 2)
    rows = math.ceil(len(panels) / columns)
    size = (max(_PANEL[0] * columns, 6.0), _PANEL[1] * max(rows, 1.4) + 1.0)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False).flatten()
    for axes, (encoder, train) in zip(grid, panels, strict=False):
        curves = table.filter(pl.col("encoder") == encoder, pl.col("train") == train)
        if curves.is_empty():
            axes.remove()
            continue
        axes.set_title(f"{encoder}\ntrained on {train}", fontsize=SMALL)
        _panel(axes, curves, colours, stopping)
    for axes in grid[len(panels) :]:
        axes.remove()
    figure.supxlabel("epoch", fontsize=SMALL + 1)
    figure.supylabel("mean loss, logarithmic", fontsize=SMALL + 1)
    legend_outside(figure, _keys(colours), 3, above=True)
    return figure


def _panel(
    axes: Axes,
    curves: pl.DataFrame,
    colours: Mapping[str, str],
    stopping: Mapping[str, Stopping],
) -> None:
    """Draw the curves of one encoder and training corpus."""
    limited = []
    for head in curves["head"].unique(maintain_order=True):
        curve = curves.filter(pl.col("head") == head).sort("epoch")
        colour = colours[head]
        epochs = curve["epoch"].to_numpy()
        for losses, style in (("train_loss", _TRAIN), ("val_loss", _VAL)):
            axes.plot(epochs, curve[losses], style, color=colour, linewidth=1.0)
        best = curve.row(int(curve["val_loss"].to_numpy().argmin()), named=True)
        axes.plot(best["epoch"], best["val_loss"], "o", color=colour, markersize=4)
        if _reached_limit(epochs[-1], best["epoch"], stopping[head]):
            end = curve["val_loss"][-1]
            axes.plot(epochs[-1], end, _AT_LIMIT, color=colour, markersize=7)
            limited.append(f"{head} ({epochs[-1]})")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=8))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_minor_formatter(NullFormatter())
    if limited:
        axes.set_xlabel(f"ended at the limit: {', '.join(limited)}", fontsize=SMALL)
    bare(axes)


def _reached_limit(last: int, best: int, stopping: Stopping) -> bool:
    """Whether a training ended at the limit of epochs, its patience not used up."""
    return last >= stopping.max_epochs and last - best < stopping.patience


def _keys(colours: Mapping[str, str]) -> list[Line2D]:
    """Entries of the legend: colours of the heads, then the meaning of the marks."""
    heads = [
        Line2D([], [], color=colour, linewidth=2.5, label=head)
        for head, colour in colours.items()
    ]
    forms: dict[str, Style] = {
        "training loss": {"linestyle": _TRAIN},
        "validation loss": {"linestyle": _VAL},
        "best epoch, kept": {"linestyle": "none", "marker": "o", "markersize": 4},
        "ended at the epoch limit": {"linestyle": "none", "marker": _AT_LIMIT},
    }
    marks = [
        Line2D([], [], color=PLAIN, linewidth=1.0, label=label, **form)
        for label, form in forms.items()
    ]
    return heads + marks

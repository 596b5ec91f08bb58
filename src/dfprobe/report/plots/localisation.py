"""Figure of classification against localisation, one mark per encoder."""

from collections.abc import Mapping

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dfprobe.report.palette import MODALITIES, PLAIN
from dfprobe.report.plots.parts import SMALL, bare, legend_outside, sentence

_PANEL = (5.2, 3.4)  # inches, with the column of labels
_LINE = 0.17  # inches of height per label
_GAP = 0.05  # between the marks and their labels, as a share of the panel's width


def localisation_figure(
    table: pl.DataFrame, corpora: Mapping[str, str], head: str
) -> Figure:
    """Draw, for each pair of corpora, AUC of rows against AUC of clips.

    There is one panel per pair of corpora, with labels in a column beside it, ordered
    by localisation; a sentence where there is nothing to draw. ``table`` is as read by
    `dfprobe.explain.temporal.tables.read_localisation`, ``corpora`` gives their labels,
    ``head`` is the one whose rows are drawn (the subset of fakes in both streams).
    """
    shown = table.filter(pl.col("head") == head, pl.col("subset") == "both")
    shown = shown.drop_nulls(["auc_clip_mean", "classification_auc"])
    if shown.is_empty():
        return sentence("No test corpus has fakes of both streams with known segments.")
    pairs = shown.select("train", "test").unique(maintain_order=True).rows()
    marks = shown.group_by("train", "test").len()["len"].to_numpy().max()
    height = max(_PANEL[1], _LINE * float(marks) + 1.0)
    figure = Figure((_PANEL[0] * len(pairs), height + 0.4), layout="constrained")
    panels = figure.subplots(1, len(pairs), sharey=True, squeeze=False)[0]
    for axes, (train, test) in zip(panels, pairs, strict=True):
        part = shown.filter(pl.col("train") == train, pl.col("test") == test)
        _panel(axes, part)
        title = f"trained on {corpora[train]}, tested on {corpora[test]}"
        axes.set_title(title, fontsize=SMALL + 1)
    lowest = shown.select(pl.min_horizontal("auc_clip_mean", "auc_clip_mean_low"))
    low = min(45.0, 100 * float(lowest.to_numpy().min()) - 3)
    panels[0].set_ylim(low, 102)
    for axes in panels:
        _labels(axes, low)
    panels[0].set_ylabel(
        "localisation: mean AUC of a clip's rows,\nper cent (50 = chance)",
        fontsize=SMALL,
    )
    present = set(shown["modality"])
    handles = [
        Line2D([], [], color=colour, marker=marker, linestyle="none", label=name)
        for name, (colour, marker, _) in MODALITIES.items()
        if name in present
    ]
    legend_outside(figure, handles, len(handles))
    return figure


def _panel(axes: Axes, part: pl.DataFrame) -> None:
    """Draw the marks with their intervals, and the lines of chance."""
    axes.axhline(50, color=PLAIN, linewidth=0.8, linestyle=":")
    axes.axvline(50, color=PLAIN, linewidth=0.8, linestyle=":")
    for row in part.iter_rows(named=True):
        colour, marker, _ = MODALITIES[row["modality"]]
        x, y = 100 * row["classification_auc"], 100 * row["auc_clip_mean"]
        for along, low, high in (
            ("x", row["classification_low"], row["classification_high"]),
            ("y", row["auc_clip_mean_low"], row["auc_clip_mean_high"]),
        ):
            if low is not None and high is not None:
                ends = [100 * low, 100 * high]
                xs, ys = (ends, [y, y]) if along == "x" else ([x, x], ends)
                axes.plot(xs, ys, color=colour, linewidth=0.8, alpha=0.35)
        axes.plot(
            [x],
            [y],
            color=colour,
            marker=marker,
            markersize=5,
            linestyle="none",
            gid=row["label"],
        )
    axes.set_xlabel("classification: AUC of clips, per cent", fontsize=SMALL)
    bare(axes)


def _labels(axes: Axes, low: float) -> None:
    """Write the labels in a column beside the panel, each tied to its mark."""
    marks = [line for line in axes.lines if line.get_gid()]
    marks.sort(key=lambda line: (line.get_ydata()[0], line.get_xdata()[0]))  # type: ignore[index]
    axes.autoscale(axis="x")
    left, right = axes.get_xlim()
    right = max(right, 101.0)
    axes.set_xlim(left, right)
    column = right + _GAP * (right - left)
    for place, mark in enumerate(marks):
        x, y = mark.get_xdata()[0], mark.get_ydata()[0]  # type: ignore[index]
        height = low + (place + 0.5) * (102 - low) / len(marks)
        axes.annotate(
            str(mark.get_gid()),
            (x, y),
            xytext=(column, height),
            annotation_clip=False,
            va="center",
            fontsize=SMALL,
            color=mark.get_color(),
            arrowprops={
                "arrowstyle": "-",
                "color": mark.get_color(),
                "linewidth": 0.4,
                "alpha": 0.6,
                "relpos": (0.0, 0.5),
                "shrinkB": 3,
            },
        )

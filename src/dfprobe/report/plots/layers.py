"""Figure of an encoder's hidden layers: AUC of each, and their weights in the mix."""

from collections.abc import Mapping

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dfprobe.evaluation.tables.layers import MIX
from dfprobe.report.palette import PLAIN, SERIES
from dfprobe.report.plots.parts import SMALL, bare, legend_outside

_PANEL = (3.0, 2.6)  # inches
_BARS = 1.5  # inches


def layers_figure(
    table: pl.DataFrame, corpora: Mapping[str, str], label: str
) -> Figure:
    """Draw AUC by layer, one panel per test corpus, above the weights of the mix.

    There is one line per training corpus with its 95% interval as a band; the dashed
    line of the same colour is the mix. ``table`` is as read by
    `dfprobe.evaluation.tables.layers.read_layers`, ``corpora`` gives their labels,
    ``label`` is that of the encoder.
    """
    tests = table["test"].unique(maintain_order=True).to_list()
    trains = table["train"].unique(maintain_order=True).to_list()
    size = (max(_PANEL[0] * len(tests), 6.0), _PANEL[1] + _BARS + 1.0)
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.add_gridspec(2, len(tests), height_ratios=(_PANEL[1], _BARS))
    panels = [figure.add_subplot(grid[0, column]) for column in range(len(tests))]
    for axes, test in zip(panels, tests, strict=True):
        for place, train in enumerate(trains):
            pair = table.filter(pl.col("test") == test, pl.col("train") == train)
            _areas(axes, pair, place, f"trained on {corpora[train]}")
        axes.axhline(50, color=PLAIN, linewidth=0.8, linestyle=":")
        axes.set_title(f"tested on {corpora[test]}", fontsize=SMALL + 1)
        axes.set_xlabel("hidden layer", fontsize=SMALL)
        axes.sharey(panels[0])
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        bare(axes)
    panels[0].set_ylabel("AUC, per cent (50 = chance)", fontsize=SMALL)
    for axes in panels[1:]:
        axes.tick_params(labelleft=False)
    bars = figure.add_subplot(grid[1, :])
    for place, train in enumerate(trains):
        _weights(bars, table.filter(pl.col("train") == train), place, len(trains))
    bars.set_xlabel("hidden layer", fontsize=SMALL)
    bars.set_ylabel("weight in the\nmix, per cent", fontsize=SMALL)
    bars.xaxis.set_major_locator(MaxNLocator(integer=True))
    bare(bars)
    handles, _ = panels[0].get_legend_handles_labels()
    legend_outside(figure, handles, len(trains))
    figure.suptitle(f"Hidden layers of {label}, band: 95% interval", fontsize=SMALL + 2)
    return figure


def _areas(axes: Axes, pair: pl.DataFrame, place: int, label: str) -> None:
    """Draw the line of one training corpus, with its band, and that of the mix."""
    colour, marker, _ = SERIES[place % len(SERIES)]
    layers = _layers(pair)
    numbers = layers["layer"].to_numpy()
    low, middle, high = (
        100 * layers[name].to_numpy() for name in ("auc_low", "auc", "auc_high")
    )
    axes.fill_between(numbers, low, high, color=colour, alpha=0.18, linewidth=0)
    axes.plot(
        numbers,
        middle,
        color=colour,
        linewidth=1.4,
        marker=marker,
        markersize=3.5,
        label=label,
    )
    for area in pair.filter(pl.col("layer") == MIX)["auc"].drop_nulls():
        axes.axhline(
            100 * area,
            color=colour,
            linewidth=1.4,
            linestyle=(5 * place, (5, 5)),  # both are visible where they coincide
            label=f"{label}: mix of all layers",
        )


def _weights(axes: Axes, rows: pl.DataFrame, place: int, trains: int) -> None:
    """Draw the weights of one training corpus beside those of the others."""
    layers = _layers(rows.filter(pl.col("test") == rows["test"][0]))
    width = 0.8 / trains
    axes.bar(
        layers["layer"].to_numpy() + (place - (trains - 1) / 2) * width,
        100 * layers["mix_weight"].to_numpy(),
        width,
        color=SERIES[place % len(SERIES)].colour,
    )


def _layers(rows: pl.DataFrame) -> pl.DataFrame:
    """Leave out the mix; layers as numbers, in order."""
    layers = rows.filter(pl.col("layer") != MIX)
    return layers.with_columns(pl.col("layer").cast(pl.Int64)).sort("layer")

"""Figure of the first half second: its share of the clips' scores."""

from collections.abc import Mapping

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfprobe.report.palette import CLASSES, PLAIN
from dfprobe.report.plots.parts import SMALL, Style, bare, legend_outside

# A fake's mark is open and larger, so that both are visible where they coincide.
_SHAPES: dict[str, Style] = {
    "real": {"markersize": 4},
    "fake": {"markersize": 7, "markerfacecolor": "none", "markeredgewidth": 1.4},
}
_WINDOW, _WINDOW_S = "500ms", 0.5  # of the figure; the table has shorter ones too
_WIDTH, _NAMES = 2.5, 1.9  # inches: of a panel, of the names
_LINE = 0.2  # inches per encoder


def leading_figure(
    table: pl.DataFrame, corpora: Mapping[str, str], head: str
) -> Figure:
    """Draw the share of the first half second by encoder, separately by class.

    There is one row of panels per training corpus, one column per test corpus. The
    black tick is the window's share of the rows of fakes: the share of a score that is
    even over time. ``table`` is as read by
    `dfprobe.explain.temporal.tables.read_leading`, ``corpora`` gives their labels,
    ``head`` is the one whose rows are drawn.
    """
    shown = table.filter(pl.col("head") == head)
    trains, tests = (
        shown[n].unique(maintain_order=True).to_list() for n in ("train", "test")
    )
    names = shown.unique("encoder", maintain_order=True)
    size = (
        _NAMES + _WIDTH * len(tests),
        (_LINE * names.height + 0.7) * len(trains) + 0.6,
    )
    figure = Figure(size, layout="constrained")
    grid = figure.subplots(
        len(trains), len(tests), sharex=True, sharey=True, squeeze=False
    )
    for line, train in zip(grid, trains, strict=True):
        for axes, test in zip(line, tests, strict=True):
            part = shown.filter(pl.col("train") == train, pl.col("test") == test)
            _panel(axes, part, names["encoder"].to_list())
            axes.set_title(
                f"{corpora[train]} \N{RIGHTWARDS ARROW} {corpora[test]}",
                fontsize=SMALL + 1,
            )
        line[0].set_yticks(range(names.height), names["label"].to_list())
    grid[0, 0].set_ylim(names.height - 0.5, -0.5)
    grid[0, 0].set_xlim(-2, 102)
    figure.supxlabel(
        f"share of the score from the first {_WINDOW_S} s, per cent (mean over clips)",
        fontsize=SMALL,
    )
    handles, _ = grid[0, 0].get_legend_handles_labels()
    legend_outside(figure, handles, len(handles), above=True)
    return figure


def _panel(axes: Axes, part: pl.DataFrame, encoders: list[str]) -> None:
    """Draw the marks of both classes, and the even shares."""
    place = {name: number for number, name in enumerate(encoders)}
    known = part.drop_nulls(f"share_{_WINDOW}")
    fakes = known.filter(pl.col("class") == "fake")
    for name, shape in _SHAPES.items():
        rows = known.filter(pl.col("class") == name)
        heights = [place[encoder] for encoder in rows["encoder"]]
        shares = 100 * rows[f"share_{_WINDOW}"].to_numpy()
        colour, marker, _ = CLASSES[name]
        about = {"color": colour, "marker": marker, **shape}
        axes.plot(shares, heights, linestyle="none", label=name, **about)
    axes.plot(
        100 * fakes[f"even_share_{_WINDOW}"].to_numpy(),
        [place[encoder] for encoder in fakes["encoder"]],
        color="black",
        marker="|",
        markersize=9,
        linestyle="none",
        label="share of the duration (fakes)",
    )
    axes.grid(axis="y", color=PLAIN, linewidth=0.3, alpha=0.5)
    bare(axes)

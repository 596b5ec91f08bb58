"""Figure of the first moments: how much of the clips' scores they decide."""

from collections.abc import Mapping
from typing import Any

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours, told apart with any colour vision; markers besides.
# A fake's mark is open and larger, so that equal ones are both seen.
_STYLES: dict[str, dict[str, Any]] = {
    "real": {"color": "#0072B2", "marker": "o", "markersize": 4},
    "fake": {
        "color": "#D55E00",
        "marker": "s",
        "markersize": 7,
        "markerfacecolor": "none",
    },
}
_PLAIN = "#555555"
_WINDOW, _WINDOW_S = "500ms", 0.5  # of the figure; the table has shorter ones too
_WIDTH, _NAMES = 2.5, 1.9  # inches: of a panel, of the names
_LINE = 0.2  # inches a row
_SMALL = 8  # points


def leading_figure(
    table: pl.DataFrame, corpora: Mapping[str, str], head: str
) -> Figure:
    """Draw the share of the first half second by encoder, reals and fakes apart.

    Parameters
    ----------
    table : pl.DataFrame
        As read by `dfprobe.explain.temporal.tables.read_leading`.
    corpora : mapping of str to str
        Labels of the corpora.
    head : str
        Head whose rows are drawn.

    Returns
    -------
    matplotlib.figure.Figure
        A row of panels a training corpus, a column a test corpus. The grey tick is the
        share of the fakes' rows: what an even score gives. At the right the AUC of the
        whole clips, and without this window.
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
                fontsize=_SMALL + 1,
            )
        line[0].set_yticks(range(names.height), names["label"].to_list())
    grid[0, 0].set_ylim(names.height - 0.5, -0.5)
    grid[0, 0].set_xlim(-2, 102)
    figure.supxlabel(
        f"share of the score that the first {_WINDOW_S} s decide, per cent (mean of "
        "clips)",
        fontsize=_SMALL,
    )
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="outside upper center",
        ncols=len(labels),
        fontsize=_SMALL,
        frameon=False,
    )
    return figure


def _panel(axes: Axes, part: pl.DataFrame, encoders: list[str]) -> None:
    """Draw the marks of both classes, and the even shares."""
    place = {name: number for number, name in enumerate(encoders)}
    known = part.drop_nulls(f"share_{_WINDOW}")
    fakes = known.filter(pl.col("class") == "fake")
    for name, style in _STYLES.items():
        rows = known.filter(pl.col("class") == name)
        heights = [place[encoder] for encoder in rows["encoder"]]
        shares = 100 * rows[f"share_{_WINDOW}"].to_numpy()
        axes.plot(shares, heights, linestyle="none", label=name, **style)
    axes.plot(
        100 * fakes[f"even_share_{_WINDOW}"].to_numpy(),
        [place[encoder] for encoder in fakes["encoder"]],
        color=_PLAIN,
        marker="|",
        markersize=9,
        linestyle="none",
        label="share of the rows (fakes)",
    )
    axes.grid(axis="y", color=_PLAIN, linewidth=0.3, alpha=0.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=_SMALL)

"""Figure of spatial explanations: error by confidence, hits and shares of heat."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from dfprobe.explain.spatial.measures.overlays import of_main_method
from dfprobe.explain.spatial.measures.points import BASELINES
from dfprobe.report.palette import PLAIN, SERIES, Look
from dfprobe.report.plots.parts import SMALL, Style, bare, legend_outside, sentence

_DASHES: Style = dict(
    zip(BASELINES, ("--", "-.", (0, (6, 1.5, 1, 1.5, 1, 1.5)), ":"), strict=True)
)
_FEWEST = 5  # targets below which a curve has no point
_TITLES = {"clip": "logit of the clip", "frame": "logit of the frame"}


class _Bars(NamedTuple):
    """A panel of bars: its column, its title, and the column of a uniform map."""

    column: str
    title: str
    uniform: str | None = None


_BARS = (
    _Bars("hit_rate", "peak inside the target,\nper cent of targets"),
    _Bars("share_in_region", "heat inside the target,\nper cent", "area_of_region"),
    _Bars("share_in_face", "heat inside the face,\nper cent", "area_of_face"),
)
_Row = Mapping[str, Any]
_Looks = Mapping[tuple[str, str | None], Look]  # by encoder and part


def spatial_figure(
    table: pl.DataFrame, confidence: pl.DataFrame, corpora: Mapping[str, str]
) -> Figure:
    """Draw the tables of spatial explanations, one block per test corpus.

    Above, curves of each encoder's main method (exact, else Grad-CAM) over thresholds
    with at least 5 targets; the baselines are grey lines. Below, bars of all methods; a
    black tick is the value of a uniform map. ``table`` and ``confidence`` are
    ``spatial.csv`` and ``spatial_confidence.csv`` as numbers, ``corpora`` gives labels.
    """
    tests = table["test"].unique(maintain_order=True).to_list()
    if not tests:
        return sentence("no test corpus has targets")
    bars = max(len(_maps(table, test)) for test in tests)
    size = (9.0, len(tests) * (5.4 + 0.27 * bars))
    figure = Figure(figsize=size, layout="constrained")
    blocks = figure.subfigures(len(tests), 1, squeeze=False)
    for block, test in zip(blocks[:, 0], tests, strict=True):
        part = table.filter(pl.col("test") == test)
        curves = confidence.filter(pl.col("test") == test)
        trained = corpora[part["train"][0]]
        title = f"trained on {trained}, explained on {corpora[test]}"
        block.suptitle(title, fontsize=SMALL + 3)
        _block(block, part, curves, 0.9 + 0.27 * bars)
    return figure


def _block(
    block: SubFigure, table: pl.DataFrame, confidence: pl.DataFrame, height: float
) -> None:
    grid = block.add_gridspec(2, 6, height_ratios=(3.4, height))
    left = block.add_subplot(grid[0, :3])
    right = block.add_subplot(grid[0, 3:], sharey=left)
    looks = _looks(table)
    for axes, score in ((left, "clip"), (right, "frame")):
        part = confidence.filter(pl.col("score") == score)
        _curves(axes, part, looks)
        _baseline_lines(axes, table, "mae", 1.0, axes.axhline)
        axes.set_xlabel(f"threshold: {_TITLES[score]} at least", fontsize=SMALL)
        axes.locator_params("x", nbins=7)
        bare(axes)
    left.set_ylabel(
        "mean error, share of the\nframe's width and height", fontsize=SMALL
    )
    left.set_ylim(bottom=0)
    right.tick_params(labelleft=False)
    legend_outside(block, _legend(table, looks), 4)
    first = None
    for place, bars in enumerate(_BARS):
        axes = block.add_subplot(grid[1, 2 * place : 2 * place + 2], sharey=first)
        _bars(axes, table, bars, looks)
        axes.set_xlabel(bars.title, fontsize=SMALL)
        if first is not None:
            axes.tick_params(labelleft=False)
        first = first or axes


def _maps(table: pl.DataFrame, test: str) -> list[_Row]:
    rows = table.filter(
        pl.col("test") == test, ~pl.col("encoder").is_in(list(BASELINES))
    )
    return list(rows.iter_rows(named=True))


def _looks(table: pl.DataFrame) -> _Looks:
    """Give each part of an encoder its colour and marker."""
    rows = _maps(table, table["test"][0])
    keys = dict.fromkeys((row["encoder"], row["part"]) for row in rows)
    return {key: SERIES[place % len(SERIES)] for place, key in enumerate(keys)}


def _line(look: Look) -> Style:
    style = {"color": look.colour, "marker": look.marker}
    return style | {"markersize": 3.5, "linewidth": 1.4}


def _curves(axes: Axes, confidence: pl.DataFrame, looks: _Looks) -> None:
    """Draw the curve of the main method of each encoder and part."""
    for (encoder, part), look in looks.items():
        ours = confidence.filter(
            pl.col("encoder") == encoder,
            pl.col("part").eq_missing(pl.lit(part, pl.String)),
            pl.col("targets") >= _FEWEST,
        )
        ours = of_main_method(ours)
        axes.plot(ours["threshold"], ours["mae"], **_line(look))


def _baseline_lines(
    axes: Axes,
    table: pl.DataFrame,
    column: str,
    scale: float,
    line: Callable[..., object],
) -> None:
    for name, dashes in _DASHES.items():
        for value in table.filter(pl.col("encoder") == name)[column].drop_nulls():
            line(scale * value, color=PLAIN, linewidth=1.1, linestyle=dashes, zorder=1)


def _bars(axes: Axes, table: pl.DataFrame, bars: _Bars, looks: _Looks) -> None:
    """Draw one bar per map, the first on top, with its interval or a uniform map's."""
    rows = _maps(table, table["test"][0])
    for place, row in enumerate(rows):
        value, uniform = row[bars.column], bars.uniform and row[bars.uniform]
        if value is None:
            continue
        colour = looks[row["encoder"], row["part"]].colour
        axes.barh(place, 100 * value, 0.7, color=colour, alpha=0.75)
        if uniform is not None:
            axes.plot(100 * uniform, place, "|k", markersize=11, mew=2.2)
        if bars.column == "hit_rate" and row["hit_low"] is not None:
            ends = [100 * row["hit_low"], 100 * row["hit_high"]]
            axes.plot(ends, [place, place], color="black", linewidth=1.2)
    if bars.uniform is None:
        _baseline_lines(axes, table, bars.column, 100.0, axes.axvline)
    names = [f"{_name(row)}, {row['method'] or 'none explained'}" for row in rows]
    axes.set_yticks(range(len(rows)), names, fontsize=SMALL)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.set_xlim(0, 100)
    bare(axes)


def _name(row: _Row) -> str:
    """Label of an encoder, and of a part unless it is the whole frame."""
    part = [] if row["part"] in (None, "frame") else [row["part"]]
    return ", ".join([row["label"], *part])


def _legend(table: pl.DataFrame, looks: _Looks) -> list[Line2D]:
    rows = _maps(table, table["test"][0])
    names = {(row["encoder"], row["part"]): _name(row) for row in rows}
    ours = [
        Line2D([], [], label=names[key], **_line(look)) for key, look in looks.items()
    ]
    present = set(table["encoder"])
    baselines = [
        Line2D([], [], color=PLAIN, linestyle=_DASHES[name], label=label)
        for name, label in BASELINES.items()
        if name in present
    ]
    tick: Style = {"color": "black", "marker": "|", "markersize": 9, "mew": 2.2}
    chance = Line2D([], [], linestyle="none", label="uniform heat", **tick)
    return [*ours, *baselines, chance]

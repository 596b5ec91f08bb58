"""Figure of a few clips over time: curve, fake segments, sound or frames."""

from collections.abc import Sequence
from string import ascii_lowercase
from textwrap import fill

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from scipy.special import expit

from dfprobe.explain.temporal.curves import TimedCurve
from dfprobe.explain.temporal.panels import Panel

_LOGIT, _PROBABILITY, _FAKE = "#000000", "#0072B2", "#D62728"
_LIMIT = 7.5  # logits are clipped to it, as in the paper
_COLUMNS = 3
_PANEL = (3.9, 2.9)  # inches
_SMALL = 7  # points
_NOTE = 50  # letters a line
_SECOND = 100  # columns of a spectrogram


def panels_figure(panels: Sequence[Panel], corpus: str) -> Figure:
    """Draw panels in the form of the paper's Figure 3.

    Parameters
    ----------
    panels : sequence of Panel
    corpus : str
        Label of the test corpus.

    Returns
    -------
    matplotlib.figure.Figure
        For each clip the spectrogram or frames (a, b, ...: their times are marked)
        above the logits, clipped to -7.5..7.5, and ``sigmoid(2 z)``; fake segments are
        red. A sentence where there is no clip.
    """
    if not panels:
        figure = Figure(figsize=(6.0, 1.5))
        text = f"No fake of {corpus} can be judged against known segments."
        figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=_SMALL + 2)
        return figure
    columns = _COLUMNS if len(panels) % 2 or len(panels) > 4 else 2
    columns = min(columns, len(panels))
    lines = -(-len(panels) // columns)
    size = (_PANEL[0] * columns, _PANEL[1] * lines + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    parts = figure.subfigures(lines, columns, squeeze=False).ravel()
    for part, panel in zip(parts, panels, strict=False):
        _clip(part, panel)
    figure.suptitle(f"Clips of {corpus} over time", fontsize=_SMALL + 3)
    figure.legend(
        handles=[
            Line2D([], [], color=_LOGIT, label="logit z of a row (left)"),
            Line2D(
                [],
                [],
                color=_PROBABILITY,
                linestyle="--",
                label="probability of fake, sigmoid(2 z) (right)",
            ),
            Patch(color=_FAKE, alpha=0.25, label="fake segment"),
        ],
        loc="outside lower center",
        ncols=3,
        fontsize=_SMALL + 1,
        frameon=False,
    )
    return figure


def _clip(part: SubFigure, panel: Panel) -> None:
    above, below = part.subplots(2, 1, height_ratios=(1.0, 1.1))
    end = _end(panel)
    _media(above, panel, end)
    if panel.curve is None:
        below.set_axis_off()
    else:
        _curve(below, panel, panel.curve, end)
    area = "" if panel.area is None else f", AUC of its rows {100 * panel.area:.1f}"
    above.set_title(f"{panel.label}{area}\n{panel.clip_id}", fontsize=_SMALL)


def _end(panel: Panel) -> float:
    """Where the time axis ends, in seconds."""
    ends = [0.1, *panel.segments[:, 1]]
    if panel.curve is not None:
        ends.append(panel.curve.clock.start_s(len(panel.curve.values)))
    if panel.spectrogram is not None:
        ends.append(panel.spectrogram.shape[1] / _SECOND)
    return max(ends)


def _media(axes: Axes, panel: Panel, end: float) -> None:
    """Draw the spectrogram, the frames, or what is missing."""
    axes.set_xticks([])
    axes.set_yticks([])
    if panel.note:
        axes.text(
            *(0.5, 0.5, fill(panel.note, _NOTE)),
            ha="center",
            va="center",
            fontsize=_SMALL,
            transform=axes.transAxes,
        )
    elif panel.spectrogram is not None:
        length = panel.spectrogram.shape[1] / _SECOND
        axes.imshow(
            panel.spectrogram,
            origin="lower",
            aspect="auto",
            extent=(0.0, length, 0.0, 1.0),
            cmap="magma",
            interpolation="nearest",
        )
        axes.set_xlim(0.0, end)
        axes.set_ylabel("mel bands", fontsize=_SMALL)
        for start, stop in panel.segments:
            axes.axvspan(start, stop, ymin=0.94, color=_FAKE)
    else:
        _frames(axes, panel)


def _frames(axes: Axes, panel: Panel) -> None:
    """Draw the frames side by side, with their letters."""
    axes.spines[:].set_visible(False)
    left = 0.0
    for letter, (_, rgb) in zip(
        ascii_lowercase, sorted(panel.frames.items()), strict=False
    ):
        height, width = rgb.shape[:2]
        axes.imshow(rgb, extent=(left, left + width / height, 0.0, 1.0))
        middle = left + width / height / 2
        axes.text(middle, -0.02, letter, ha="center", va="top", fontsize=_SMALL)
        left += width / height + 0.05
    axes.set_xlim(0.0, max(left - 0.05, 0.1))
    axes.set_ylim(0.0, 1.0)
    axes.set_aspect("equal")


def _curve(axes: Axes, panel: Panel, curve: TimedCurve, end: float) -> None:
    """Draw logits and probabilities, the fake segments and the times of the frames."""
    axes.set_xlim(0.0, end)
    axes.set_ylim(-_LIMIT, _LIMIT)
    axes.set_yticks([-5, 0, 5])
    axes.axhline(0.0, color="#888888", linewidth=0.5)
    for start, stop in panel.segments:
        axes.axvspan(start, stop, color=_FAKE, alpha=0.25, linewidth=0)
    right = axes.twinx()
    right.set_ylim(0.0, 1.0)
    right.set_yticks([0.0, 0.5, 1.0])
    values = curve.values.astype(np.float64)
    # A value is drawn from the start of its row to the end.
    times = [curve.clock.start_s(row) for row in range(len(values) + 1)]
    right.stairs(
        expit(2 * values),
        times,
        baseline=None,
        color=_PROBABILITY,
        linestyle="--",
        linewidth=0.9,
    )
    logits = np.clip(values, -_LIMIT, _LIMIT)
    axes.stairs(logits, times, baseline=None, color=_LOGIT, linewidth=1.1)
    for letter, time in zip(ascii_lowercase, sorted(panel.frames), strict=False):
        axes.axvline(time, color="#444444", linewidth=0.7, linestyle=":")
        axes.text(
            *(time, 0.98, letter),
            transform=axes.get_xaxis_transform(),
            fontsize=_SMALL,
            va="top",
            ha="left",
        )
    axes.set_xlabel("time, s", fontsize=_SMALL)
    axes.set_ylabel("logit z", fontsize=_SMALL)
    right.set_ylabel("probability", fontsize=_SMALL)
    for part in (axes, right):
        part.tick_params(labelsize=_SMALL)
        part.spines["top"].set_visible(False)

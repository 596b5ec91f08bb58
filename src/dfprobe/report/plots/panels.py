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
from dfprobe.report.palette import CLASSES, PLAIN, SERIES
from dfprobe.report.plots.parts import SMALL, Style, legend_outside, sentence

_LOGIT, _PROBABILITY, _FAKE = "black", SERIES[0].colour, CLASSES["fake"].colour
_LIMIT = 7.5  # logits are clipped to it, as in the paper
_TEXT = SMALL - 1  # points; panels are small
_COLUMNS = 3
_PANEL = (3.9, 2.9)  # inches
_NOTE = 50  # letters per line
_COLUMNS_PER_S = 100  # of a spectrogram


def panels_figure(panels: Sequence[Panel], corpus: str) -> Figure:
    """Draw panels in the form of the paper's Figure 3.

    For each clip of the test corpus (its label is given) the spectrogram or frames
    (a, b, ...: their times are marked) stand above the logits, clipped to -7.5..7.5,
    and ``sigmoid(2 z)``; fake segments are shaded. A sentence where there is no clip.
    """
    if not panels:
        return sentence(f"No fake of {corpus} has known segments and a curve.")
    columns = _COLUMNS if len(panels) % 2 or len(panels) > 4 else 2
    columns = min(columns, len(panels))
    lines = -(-len(panels) // columns)
    size = (_PANEL[0] * columns, _PANEL[1] * lines + 0.6)
    figure = Figure(figsize=size, layout="constrained")
    parts = figure.subfigures(lines, columns, squeeze=False).ravel()
    for part, panel in zip(parts, panels, strict=False):
        _clip(part, panel)
    figure.suptitle(f"Clips of {corpus} over time", fontsize=SMALL + 2)
    dashed: Style = {"color": _PROBABILITY, "linestyle": "--"}
    handles = [
        Line2D([], [], color=_LOGIT, label="logit z of a row (left)"),
        Line2D([], [], label="probability of fake, sigmoid(2 z) (right)", **dashed),
        Patch(color=_FAKE, alpha=0.35, label="fake segment"),
    ]
    legend_outside(figure, handles, 3)
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
    above.set_title(f"{panel.label}{area}\n{panel.clip_id}", fontsize=_TEXT)


def _end(panel: Panel) -> float:
    """Where the time axis ends, in seconds."""
    ends = [0.1, *panel.segments[:, 1]]
    if panel.curve is not None:
        ends.append(panel.curve.clock.start_s(len(panel.curve.values)))
    if panel.spectrogram is not None:
        ends.append(panel.spectrogram.shape[1] / _COLUMNS_PER_S)
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
            fontsize=_TEXT,
            transform=axes.transAxes,
        )
    elif panel.spectrogram is not None:
        length = panel.spectrogram.shape[1] / _COLUMNS_PER_S
        axes.imshow(
            panel.spectrogram,
            origin="lower",
            aspect="auto",
            extent=(0.0, length, 0.0, 1.0),
            cmap="Greys",
            interpolation="nearest",
        )
        axes.set_xlim(0.0, end)
        axes.set_ylabel("mel bands", fontsize=_TEXT)
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
        axes.text(middle, -0.02, letter, ha="center", va="top", fontsize=_TEXT)
        left += width / height + 0.05
    axes.set_xlim(0.0, max(left - 0.05, 0.1))
    axes.set_ylim(0.0, 1.0)
    axes.set_aspect("equal")


def _curve(axes: Axes, panel: Panel, curve: TimedCurve, end: float) -> None:
    """Draw logits and probabilities, the fake segments and the times of the frames."""
    axes.set_xlim(0.0, end)
    axes.set_ylim(-_LIMIT, _LIMIT)
    axes.set_yticks([-5, 0, 5])
    axes.axhline(0.0, color=PLAIN, linewidth=0.5)
    for start, stop in panel.segments:
        axes.axvspan(start, stop, color=_FAKE, alpha=0.35, linewidth=0)
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
        axes.axvline(time, color=PLAIN, linewidth=0.7, linestyle=":")
        axes.text(
            *(time, 0.98, letter),
            transform=axes.get_xaxis_transform(),
            fontsize=_TEXT,
            va="top",
            ha="left",
        )
    axes.set_xlabel("time, s", fontsize=_TEXT)
    axes.set_ylabel("logit z", fontsize=_TEXT)
    right.set_ylabel("probability", fontsize=_TEXT)
    for part in (axes, right):
        part.tick_params(labelsize=_TEXT)
        part.spines["top"].set_visible(False)

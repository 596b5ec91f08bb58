"""Figure of heat over frames: one row per frame, one column per map."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse as EllipsePatch
from matplotlib.patheffects import withStroke

from dfprobe.explain.spatial.measures.overlays import Cell, Overlay
from dfprobe.explain.spatial.measures.region import Ellipse
from dfprobe.explain.spatial.measures.truth import CLICKS, REGION
from dfprobe.report.plots.parts import SMALL, Style, legend_outside, sentence

_MAP = "viridis"  # perceptually uniform, also with colour-blindness
_OPACITY = 0.75  # of the strongest heat
_WIDTH = 1.55  # inches of a cell
_TRUTHS = {REGION: "manipulated region", CLICKS: "near a click: 15% of the short side"}
_EDGE = [withStroke(linewidth=3.0, foreground="black")]

_CROSS: Style = {
    "marker": "X",
    "markersize": 8,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
}


def overlays_figure(
    columns: Sequence[tuple[str, str]], overlays: Sequence[Overlay], truth: str | None
) -> Figure:
    """Draw grey frames with the heat of each map.

    Heat is scaled to its largest value in each picture and is transparent where it is
    weak; a cross marks its peak, an outline the region.
    ``columns`` are labels of encoders and parts of the frame, ``overlays`` the rows
    with one cell per column. ``truth`` says what the outlined region is, ``region`` or
    ``clicks``; None where none is known.
    """
    if not overlays:
        return sentence("no frame could be explained")
    heights = [_WIDTH * row.picture.shape[0] / row.picture.shape[1] for row in overlays]
    size = (_WIDTH * len(columns) + 1.4, sum(heights) + 0.35 * len(overlays) + 1.1)
    figure = Figure(figsize=(max(size[0], 6.5), size[1]), layout="constrained")
    grid = figure.subplots(
        len(overlays), len(columns), squeeze=False, height_ratios=heights
    )
    for row, panels in zip(overlays, grid, strict=True):
        for axes, cell in zip(panels, row.cells, strict=True):
            _panel(axes, row, cell)
        panels[0].set_ylabel(
            f"{row.rank}\n{_short(row.clip_id)}\nframe {row.frame}", fontsize=SMALL
        )
    for axes, (label, part) in zip(grid[0], columns, strict=True):
        axes.set_title(_title(label, part), fontsize=SMALL + 1)
    figure.colorbar(
        ScalarMappable(Normalize(0, 1), _MAP),
        ax=grid,
        shrink=0.6,
        aspect=30,
        label="heat, share of its largest value",
    )
    marks = [Line2D([], [], label="peak of the heat", linestyle="none", **_CROSS)]
    if truth is not None:
        label = _TRUTHS[truth]
        marks += [Line2D([], [], color="white", path_effects=_EDGE, label=label)]
    legend_outside(figure, marks, 2)
    return figure


def _panel(axes: Axes, row: Overlay, cell: Cell | None) -> None:
    """Draw one frame with one map."""
    height, width = row.picture.shape[:2]
    extent = (0, width, height, 0)
    grey = row.picture @ np.array([0.299, 0.587, 0.114])
    axes.imshow(grey, cmap="gray", vmin=0, vmax=255, extent=extent)
    axes.set_xticks([])
    axes.set_yticks([])
    if cell is None:
        axes.set_xlabel("no explanation", fontsize=SMALL)
    else:
        heat, opacity = cell.heat, _OPACITY * cell.heat
        axes.imshow(heat, cmap=_MAP, vmin=0, vmax=1, alpha=opacity, extent=extent)
        x, y = cell.peak.x * width, cell.peak.y * height
        axes.plot(x, y, **_CROSS)
        axes.set_xlabel(f"logit {cell.logit:.2f}", fontsize=SMALL)
    for region in row.regions:
        axes.add_patch(_outline(region))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)


def _outline(region: Ellipse) -> EllipsePatch:
    return EllipsePatch(
        (region.x, region.y),
        2 * region.half_width,
        2 * region.half_height,
        angle=float(np.degrees(region.tilt)),
        fill=False,
        edgecolor="white",
        linewidth=1.4,
        path_effects=_EDGE,
    )


def _title(label: str, part: str) -> str:
    return label if part == "frame" else f"{label}\n{part}"


def _short(clip_id: str, longest: int = 18) -> str:
    """End of a clip's name: the part in which neighbours differ."""
    return clip_id if len(clip_id) <= longest else f"…{clip_id[1 - longest :]}"

"""Figure of heat over frames: a row a frame, a column an encoder's map."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Ellipse as EllipsePatch
from matplotlib.patheffects import withStroke

from dfprobe.explain.spatial.measures.heat import read_maps
from dfprobe.explain.spatial.measures.overlays import Cell, Overlay, read_overlays
from dfprobe.explain.spatial.measures.region import Ellipse
from dfprobe.explain.spatial.measures.truth import CLICKS, REGION
from dfprobe.report.plots.save import save
from dfprobe.store.parquet import read_parquet

_MAP = "viridis"  # even in lightness, with any colour vision
_OPACITY = 0.75  # of the strongest heat
_WIDTH = 1.55  # inches of a cell
_SMALL = 8  # points
_TRUTHS = {REGION: "manipulated region", CLICKS: "near a click: 15% of the short side"}
_EDGE = [withStroke(linewidth=3.0, foreground="black")]

_CROSS: dict[str, Any] = {
    "marker": "X",
    "markersize": 8,
    "markerfacecolor": "white",
    "markeredgecolor": "black",
}


def plot_overlays(
    maps: Sequence[Path],
    points: Path,
    manifests: Sequence[Path],
    spec: Mapping[str, Any],
    out: Sequence[Path],
) -> None:
    """Write a figure of overlays for each test corpus.

    Parameters
    ----------
    maps : sequence of Path
        ``.../{encoder}/{train}/{test}.parquet``.
    points : Path
        Points of the same maps (Parquet), which know the targets.
    manifests : sequence of Path
        ``.../{test}.parquet``.
    spec : mapping
        ``encoders``: name -> label, in the order of the columns; ``corpora``: name ->
        label.
    out : sequence of Path
        ``.../{test}.png``; SVG and PDF get the same names.
    """
    measured = read_parquet(points)
    paths = {path.stem: path for path in manifests}
    for png in out:
        tables = {path.parts[-3]: path for path in maps if path.stem == png.stem}
        ordered = {name: read_maps(tables[name]) for name in spec["encoders"]}
        known = measured.filter(pl.col("test") == png.stem)
        manifest = read_parquet(paths[png.stem], columns=["clip_id", "path"])
        files = {clip_id: Path(path) for clip_id, path in manifest.iter_rows()}
        columns, overlays = read_overlays(ordered, known, files)
        titles = [_title(spec["encoders"][name], part) for name, part in columns]
        truth = _TRUTHS[known["truth"][0]] if known.height else None
        save(overlays_figure(titles, overlays, truth), png)


def overlays_figure(
    columns: Sequence[str], overlays: Sequence[Overlay], truth: str | None
) -> Figure:
    """Draw frames with the heat of each map.

    Parameters
    ----------
    columns : sequence of str
        Titles of the columns.
    overlays : sequence of Overlay
        The rows, with a cell a column.
    truth : str or None
        What the outlined region is, for the legend; None where none is known.

    Returns
    -------
    matplotlib.figure.Figure
        Frames in grey. Heat is scaled to its largest value in each picture, and the
        weaker the more transparent; a cross marks its peak, an outline the region.
    """
    if not overlays:
        figure = Figure(figsize=(6.5, 1.5))
        figure.text(0.5, 0.5, "no frame could be explained", ha="center", va="center")
        return figure
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
            f"{row.rank}\n{_short(row.clip_id)}\nframe {row.frame}", fontsize=_SMALL
        )
    for axes, title in zip(grid[0], columns, strict=True):
        axes.set_title(title, fontsize=_SMALL + 1)
    figure.colorbar(
        ScalarMappable(Normalize(0, 1), _MAP),
        ax=grid,
        shrink=0.6,
        aspect=30,
        label="heat, share of its largest value",
    )
    marks = [Line2D([], [], label="peak of the heat", linestyle="none", **_CROSS)]
    if truth is not None:
        marks += [Line2D([], [], color="white", path_effects=_EDGE, label=truth)]
    figure.legend(
        handles=marks,
        loc="outside lower center",
        ncols=2,
        fontsize=_SMALL,
        frameon=False,
    )
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
        axes.set_xlabel("no explanation", fontsize=_SMALL)
    else:
        heat, opacity = cell.heat, _OPACITY * cell.heat
        axes.imshow(heat, cmap=_MAP, vmin=0, vmax=1, alpha=opacity, extent=extent)
        x, y = cell.peak.x * width, cell.peak.y * height
        axes.plot(x, y, **_CROSS)
        axes.set_xlabel(f"logit {cell.logit:.2f}", fontsize=_SMALL)
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
    """End of a clip's name: what tells it from its neighbours."""
    return clip_id if len(clip_id) <= longest else f"…{clip_id[1 - longest :]}"

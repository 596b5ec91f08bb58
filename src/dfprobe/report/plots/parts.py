"""What the figures share: size of the text, bare axes, legends, diverging colours."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure, SubFigure
from matplotlib.image import AxesImage

from dfprobe.report import palette

Style = dict[str, Any]  # keywords of Matplotlib's artists

SMALL = 8  # points
DIVERGING = LinearSegmentedColormap.from_list("dfprobe", palette.DIVERGING)


def bare(axes: Axes) -> None:
    """Leave out the frame above and to the right; make the ticks' labels small."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=SMALL, which="both")


def legend_outside(
    figure: Figure | SubFigure,
    handles: Sequence[Any],
    columns: int,
    above: bool = False,
) -> None:
    """Put a legend without a frame below all panels, or above them."""
    figure.legend(
        handles=handles,
        loc="outside upper center" if above else "outside lower center",
        ncols=columns,
        fontsize=SMALL,
        frameon=False,
    )


def sentence(text: str) -> Figure:
    """Figure that says why there is nothing to draw."""
    figure = Figure(figsize=(6.5, 1.5))
    figure.text(0.5, 0.5, text, ha="center", va="center", fontsize=SMALL + 1)
    return figure


def write_cells(
    image: AxesImage, digits: int, points: float, where: np.ndarray | bool = True
) -> None:
    """Write the values of a heat map into its cells; ``n/a`` where one is undefined.

    The image was drawn with the colours `DIVERGING`; ``points`` is the size of the
    text, ``where`` says which cells get one.
    """
    values: np.ndarray = np.ma.filled(np.ma.asarray(image.get_array()), np.nan)
    for row, column in np.argwhere(np.broadcast_to(where, values.shape)):
        value = values[row, column]
        known = np.isfinite(value)
        share = float(np.clip(image.norm(value), 0, 1)) if known else 0.5
        image.axes.text(
            column,
            row,
            f"{round(value, digits) + 0.0:.{digits}f}" if known else "n/a",  # no -0
            ha="center",
            va="center",
            fontsize=points,
            color=palette.ink_on(palette.shade(share)),
        )

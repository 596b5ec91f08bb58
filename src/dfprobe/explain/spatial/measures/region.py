"""Regions of a frame: the ellipse of a manipulation, the disc of a click, a face's box.

A click's disc is an ellipse too. Positions are continuous, as in ``maps``.
"""

from typing import NamedTuple

import numpy as np


class Ellipse(NamedTuple):
    """Region of a frame, in pixels; the tilt turns the half width, in radians."""

    x: float
    y: float
    half_width: float
    half_height: float
    tilt: float


def ellipse_mask(ellipse: Ellipse, width: int, height: int) -> np.ndarray:
    """Pixels whose centre lies in an ellipse, (height, width) bool."""
    x = np.arange(width) + 0.5
    y = (np.arange(height) + 0.5)[:, None]
    return ellipse_holds(ellipse, x, y)


def ellipse_holds(
    ellipse: Ellipse, x: np.ndarray | float, y: np.ndarray | float
) -> np.ndarray:
    """Whether places in pixels lie in an ellipse, its rim included."""
    right, down = np.asarray(x) - ellipse.x, np.asarray(y) - ellipse.y
    cos, sin = np.cos(ellipse.tilt), np.sin(ellipse.tilt)
    across = (cos * right + sin * down) / ellipse.half_width
    along = (cos * down - sin * right) / ellipse.half_height
    holds: np.ndarray = across**2 + along**2 <= 1.0
    return holds


def box_mask(box: np.ndarray, width: int, height: int) -> np.ndarray:
    """Pixels of a box, (height, width) bool.

    Parameters
    ----------
    box : np.ndarray of shape (4,)
        Left, top, right, bottom as indices of pixels, the last ones included.
    width, height : int
        Of the frame; the box may stand out of it.
    """
    mask = np.zeros((height, width), dtype=bool)
    left, top, right, bottom = (max(0, round(float(edge))) for edge in box)
    mask[top : bottom + 1, left : right + 1] = True
    return mask

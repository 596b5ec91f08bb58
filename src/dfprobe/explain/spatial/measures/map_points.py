"""From a grid of heat to the pixels of the frame, and to the point that it names.

Source of the rule: bit-ml/veridiq, explanations/ (section 8 of the paper's protocol).
There the grid is resized to CLIP's 224 x 224 input, pasted where that was cut out, and
resized to the frame. Here one affine map says where the grid lies in the frame,
whatever the encoder cut out; for CLIP's input the result is the same.

Positions are continuous: the frame spans 0..width, a pixel's centre lies at its index
plus 1/2.
"""

from typing import NamedTuple

import numpy as np

from dfprobe.errors import DataError

_ROUNDING = 1e-9  # relative; pixels this close to the maximum count as equal to it


class Point(NamedTuple):
    """A place in the frame, as shares of its width and height from the top left."""

    x: float
    y: float


CENTRE = Point(0.5, 0.5)  # stands for no explanation


def paste(grid: np.ndarray, affine: np.ndarray, width: int, height: int) -> np.ndarray:
    """Lay a grid of heat (rows, cols) over its frame, (height, width) float64.

    ``(x, y) = affine @ (u, v, 1)``: pixels of the frame, where ``u`` and ``v`` run from
    0 to 1 across the grid; a DataError tells of one that cannot be inverted. Bilinear
    between the centres of the cells, constant from the outer ones to the edge of the
    grid, zero outside the grid.
    """
    image = np.zeros((height, width))
    rows, columns = _window(affine, width, height)
    u, v = _grid_position(affine, rows, columns)
    inside = (u >= 0) & (u < 1) & (v >= 0) & (v < 1)
    image[rows, columns] = np.where(inside, _bilinear(grid, u, v), 0.0)
    return image


def peak(image: np.ndarray) -> Point:
    """Mean position of the pixels equal to the maximum.

    Parameters
    ----------
    image : np.ndarray of shape (height, width)
        Heat, not negative and somewhere positive.
    """
    height, width = image.shape
    y, x = np.nonzero(image >= image.max() * (1 - _ROUNDING))
    return Point(float((x.mean() + 0.5) / width), float((y.mean() + 0.5) / height))


def share_inside(image: np.ndarray, mask: np.ndarray) -> float:
    """Share of the heat that lies in a region.

    Parameters
    ----------
    image : np.ndarray of shape (height, width)
        Heat, not negative and somewhere positive.
    mask : np.ndarray of shape (height, width), bool
    """
    return float(image[mask].sum() / image.sum())


def _window(affine: np.ndarray, width: int, height: int) -> tuple[slice, slice]:
    """Rows and columns of the frame that the grid can reach."""
    corners = affine @ np.array([[0, 1, 0, 1], [0, 0, 1, 1], [1, 1, 1, 1]])
    (left, top), (right, bottom) = corners.min(axis=1), corners.max(axis=1)
    return (
        slice(max(0, int(np.floor(top))), min(height, max(0, int(np.ceil(bottom))))),
        slice(max(0, int(np.floor(left))), min(width, max(0, int(np.ceil(right))))),
    )


def _grid_position(
    affine: np.ndarray, rows: slice, columns: slice
) -> tuple[np.ndarray, np.ndarray]:
    """Place of the pixels' centres in the grid: ``u`` and ``v``, (rows, columns)."""
    linear, shift = affine[:, :2], affine[:, 2]
    if not np.isfinite(affine).all() or abs(np.linalg.det(linear)) < 1e-12:
        raise DataError(
            "A heat map's affine: expected six finite numbers that spread the grid "
            f"over an area, got {affine.ravel().tolist()}. Make the maps again."
        )
    inverse = np.linalg.inv(linear)
    x = np.arange(columns.start, columns.stop) + 0.5 - shift[0]
    y = (np.arange(rows.start, rows.stop) + 0.5 - shift[1])[:, None]
    return (
        inverse[0, 0] * x + inverse[0, 1] * y,
        inverse[1, 0] * x + inverse[1, 1] * y,
    )


def _bilinear(grid: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Heat at places of the grid; exact where neighbouring cells are equal."""
    rows, cols = grid.shape
    x = np.clip(u * cols - 0.5, 0, cols - 1)
    y = np.clip(v * rows - 0.5, 0, rows - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, bottom = np.minimum(left + 1, cols - 1), np.minimum(top + 1, rows - 1)
    x, y = x - left, y - top
    upper = grid[top, left] + x * (grid[top, right] - grid[top, left])
    lower = grid[bottom, left] + x * (grid[bottom, right] - grid[bottom, left])
    return upper + y * (lower - upper)

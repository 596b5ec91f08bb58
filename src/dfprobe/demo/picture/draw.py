"""Drawing helpers on arrays: soft steps, bumps, smooth noise, closed curves."""

import cv2
import numpy as np
from scipy.interpolate import CubicSpline

_SUB = 16  # fixed-point steps per pixel in polygon coordinates


def step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """Smooth step from 0 at ``low`` to 1 at ``high``; any shape, float32."""
    t = np.clip((x - np.float32(low)) / np.float32(high - low), 0, 1)
    return (t * t * (3 - 2 * t)).astype(np.float32, copy=False)


def bump(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Round bump ``exp(-x^2 - y^2)``: arguments are already divided by the radii."""
    return np.exp(-(x * x) - y * y)


def noise(
    rng: np.random.Generator, shape: tuple[int, int], cells: tuple[int, int]
) -> np.ndarray:
    """Smooth random field, (height, width) float32, values mostly in -1..1.

    It is about ``cells`` grains high and wide.
    """
    grid = rng.uniform(-1, 1, cells).astype(np.float32)
    return cv2.resize(grid, shape[::-1], interpolation=cv2.INTER_CUBIC)


def closed_curve(points: np.ndarray, count: int = 120) -> np.ndarray:
    """Smooth closed curve through ``points`` (n, 2); returns (count, 2) float64."""
    ring = np.vstack([points, points[:1]])
    spline = CubicSpline(np.arange(len(ring)), ring, bc_type="periodic")
    return spline(np.linspace(0, len(points), count, endpoint=False))


def fill(shape: tuple[int, int], points: np.ndarray, blur: float) -> np.ndarray:
    """Mask of a polygon with a soft edge, (height, width) float32 in 0..1.

    ``points`` (n, 2) are the corners x, y; ``blur`` is the standard deviation of the
    edge, in pixels.
    """
    mask = np.zeros(shape, dtype=np.uint8)
    corners = np.round(np.asarray(points) * _SUB).astype(np.int32)
    cv2.fillPoly(mask, [corners], 255, lineType=cv2.LINE_AA, shift=4)
    soft = mask.astype(np.float32) / 255
    return cv2.GaussianBlur(soft, (0, 0), blur)


def over(base: np.ndarray, colour: np.ndarray, alpha: np.ndarray) -> None:
    """Blend ``colour`` onto ``base`` (h, w, 3) in place with ``alpha`` (h, w)."""
    # NumPy is slow where it broadcasts along a last axis of 3, here and in `tinted`.
    if colour.ndim == 1:
        colour = np.tile(colour, (base.shape[1], 1))
    difference = colour - base
    difference *= cv2.merge([alpha] * 3)
    base += difference


def tinted(colour: np.ndarray, shade: np.ndarray) -> np.ndarray:
    """One colour (3,) at each level of ``shade`` (h, w); returns (h, w, 3)."""
    return cv2.merge([shade * part for part in colour])

"""One frame of a head: jaw, mouth and eyes on the canvas, then pose and place.

All lengths are in distances between the eyes until the last step, the map from the
canvas to the picture.
"""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from dfprobe.demo.picture.draw import over, step, tinted
from dfprobe.demo.picture.faces import EYES_X, EYES_Y, UNIT, Head

MOUTH_Y = 1.11  # height of the closed mouth's line below the eyes
_GAP = 0.40  # gap between the lips at opening 1
_EYE_HALF = 0.215  # half width of an eye
_EDGE = 0.6 / UNIT  # half width of an edge between two colours

_PUPIL = np.array([14, 12, 12], dtype=np.float32)  # blue, green, red
_GLINT = np.array([250, 250, 250], dtype=np.float32)
_LASH = np.array([22, 20, 26], dtype=np.float32)


@dataclass(frozen=True)
class Face:
    """What one frame shows."""

    opening: float  # of the mouth, 0..1
    width: float  # spreading of the mouth, -1..1
    rounding: float  # of the mouth, 0..1
    blink: float  # 0 open .. 1 shut
    gaze: tuple[float, float]  # shift of the irises, right and down
    yaw: float  # head turned right, in radians
    pitch: float  # head turned down
    roll: float  # head tilted clockwise
    x: float  # pixel of the picture midway between the eyes
    y: float
    scale: float  # pixels of the picture between the eyes


@dataclass(frozen=True)
class Region:
    """Part of the canvas with the coordinates of its pixels."""

    rows: slice
    columns: slice
    x: np.ndarray  # (1, w) float32
    y: np.ndarray  # (h, 1) float32


@lru_cache(maxsize=16)
def _region(left: float, top: float, right: float, bottom: float) -> Region:
    x0, x1 = int(EYES_X + left * UNIT), int(EYES_X + right * UNIT)
    y0, y1 = int(EYES_Y + top * UNIT), int(EYES_Y + bottom * UNIT)
    x = (np.arange(x0, x1, dtype=np.float32) - np.float32(EYES_X)) / np.float32(UNIT)
    y = (np.arange(y0, y1, dtype=np.float32) - np.float32(EYES_Y)) / np.float32(UNIT)
    return Region(slice(y0, y1), slice(x0, x1), x[None, :], y[:, None])


@lru_cache(maxsize=1)
def _jaw_weight() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How far each canvas pixel follows the jaw, and the pixel grid of the region."""
    area = _region(-1.3, 0.75, 1.3, 2.6)
    fall = 1 - step(np.abs(area.x), 0.65, 1.25)
    weight = step(area.y, 0.95, 1.75) * (1 - step(area.y, 2.0, 2.5)) * fall
    h, w = weight.shape
    columns = np.broadcast_to(np.arange(w, dtype=np.float32)[None, :], (h, w))
    rows = np.broadcast_to(np.arange(h, dtype=np.float32)[:, None], (h, w))
    return weight, columns.copy(), rows.copy()


def _drop_jaw(canvas: np.ndarray, opening: float) -> None:
    """Move chin and lower cheeks down, in place."""
    area = _region(-1.3, 0.75, 1.3, 2.6)
    weight, columns, rows = _jaw_weight()
    moved = rows - np.float32(0.70 * _GAP * opening * UNIT) * weight
    part = np.ascontiguousarray(canvas[area.rows, area.columns])
    canvas[area.rows, area.columns] = cv2.remap(
        part, columns, moved, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def _cover(edge: np.ndarray) -> np.ndarray:
    """Coverage of a pixel by the half plane ``edge > 0`` (distance in eye units)."""
    return np.clip(edge / np.float32(2 * _EDGE) + np.float32(0.5), 0, 1)


def _bgr(colour: np.ndarray) -> np.ndarray:
    return (np.asarray(colour, dtype=np.float32) * 255)[::-1]


def _draw_mouth(canvas: np.ndarray, head: Head, face: Face) -> None:
    """Lips, teeth, tongue and cavity, in place."""
    looks, area = head.looks, _region(-0.62, 0.82, 0.62, 1.86)
    gap = np.float32(_GAP * max(face.opening, 0.0))
    half = 0.425 * looks.mouth * (1 + 0.15 * face.width - 0.36 * face.rounding)
    half *= 1 - 0.10 * face.opening
    u = area.x / np.float32(half)
    arch = np.clip(1 - u * u, 0, None)  # (1, w)
    inside = _cover((1 - np.abs(u)) * np.float32(half) * 0.9)
    corner = np.float32(MOUTH_Y) + (0.012 - 0.035 * max(face.width, 0)) * u * u
    bow = np.float32(0.018) * np.exp(-((u / 0.22) ** 2))
    upper_in = corner - 0.20 * gap * arch**0.7 + bow * (1 - min(face.opening * 3, 1))
    lower_in = corner + 0.80 * gap * arch**0.7 + bow * (1 - min(face.opening * 3, 1))
    full = np.float32(looks.lip * (1 + 0.20 * face.rounding))
    notch = 1 - 0.26 * np.exp(-((u / 0.14) ** 2))
    upper_out = upper_in - 0.115 * full * arch**0.75 * notch * (1 - 0.2 * gap)
    lower_out = lower_in + 0.165 * full * arch**0.65 * (1 - 0.25 * gap)
    y = area.y
    pixels = canvas[area.rows, area.columns, :3].astype(np.float32)
    skin_light = pixels.mean() / (255 * looks.skin.mean())  # lamp at the mouth
    lips = _bgr(looks.lips * np.clip(skin_light, 0.6, 1.1))
    over(pixels, pixels * 0.72, 0.6 * step_band(y, lower_out, 0.07) * arch)
    t = (y - upper_out) / np.maximum(upper_in - upper_out, 1e-3)
    shade = 0.98 - 0.30 * np.clip(t, 0, 1)
    on = _cover(y - upper_out) * _cover(upper_in - y) * inside
    over(pixels, tinted(lips, shade), 0.92 * on)
    t = np.clip((y - lower_in) / np.maximum(lower_out - lower_in, 1e-3), 0, 1)
    shade = 0.93 + 0.34 * np.exp(-(((t - 0.42) / 0.26) ** 2)) - 0.16 * t * t
    on = _cover(y - lower_in) * _cover(lower_out - y) * inside
    over(pixels, tinted(lips, shade), 0.92 * on)
    _draw_inside(pixels, area, face, (upper_in, lower_in), gap, inside)
    line = np.exp(-(((y - 0.5 * (upper_in + lower_in)) / 0.014) ** 2)) * inside
    shut = max(0.0, 1 - face.opening * 6)
    over(pixels, lips * 0.30, 0.80 * shut * line)
    canvas[area.rows, area.columns, :3] = np.clip(pixels, 0, 255)


def step_band(y: np.ndarray, start: np.ndarray, height: float) -> np.ndarray:
    """Shadow that begins at ``start`` and fades over ``height`` below it."""
    t = (y - start) / np.float32(height)
    return np.where(t > 0, np.exp(-t), 0).astype(np.float32)


def _draw_inside(
    pixels: np.ndarray,
    area: Region,
    face: Face,
    lips: tuple[np.ndarray, np.ndarray],
    gap: np.float32,
    inside: np.ndarray,
) -> None:
    """Cavity, teeth and tongue between the lips' inner edges, in place."""
    if gap < 0.012:
        return
    upper, lower = lips
    x, y = area.x, area.y
    within = _cover(y - upper) * _cover(lower - y) * inside
    t = np.clip((y - upper) / np.maximum(lower - upper, 1e-3), 0, 1)
    cavity = tinted(_bgr(np.array([0.13, 0.04, 0.04])), 0.6 + 0.6 * t)
    tongue_top = lower - 0.30 * gap
    tongue = _cover(y - tongue_top - 0.9 * x * x) * (1 - step(np.abs(x), 0.18, 0.27))
    flesh = tinted(_bgr(np.array([0.46, 0.18, 0.18])), 0.5 + 0.4 * t)
    over(cavity, flesh, tongue)
    edge = upper + np.float32(0.085 + 0.03 * face.width) - 0.25 * x * x
    gums = 0.90 - 0.10 * np.abs(np.sin(x * np.float32(np.pi / 0.085))) ** 8
    tooth = tinted(_bgr(np.array([0.90, 0.87, 0.80])), gums * (0.72 + 0.4 * t))
    shown = _cover(edge - y) * (1 - step(np.abs(x), 0.22, 0.34))
    over(cavity, tooth, shown * (1 - 0.5 * face.rounding))
    over(pixels, cavity, within)


def _draw_eye(canvas: np.ndarray, head: Head, face: Face, side: int) -> None:
    """Eyeball, iris, lids and lashes of one eye, in place; side -1 left, 1 right."""
    looks = head.looks
    area = _region(side * 0.5 - 0.32, -0.24, side * 0.5 + 0.32, 0.20)
    x = (area.x - np.float32(side * 0.5)) * side  # outer corner at +
    y = area.y + np.float32(looks.slant) * x / _EYE_HALF
    u = x / np.float32(_EYE_HALF)
    arch = np.clip(1 - u * u, 0, None)
    lower = np.float32(0.050 * looks.eye) * arch**0.8
    raised = -np.float32(0.098 * looks.eye) * arch ** np.float32(0.62)
    upper = raised + (0.92 * lower - raised) * np.float32(face.blink)
    inside = _cover((1 - np.abs(u)) * _EYE_HALF)
    pixels = canvas[area.rows, area.columns, :3].astype(np.float32)
    crease = np.exp(-(((y - raised + 0.045) / 0.016) ** 2)) * arch**0.5
    over(pixels, pixels * 0.62, 0.75 * crease)
    shade = np.clip(0.50 + (y - upper) * 9, 0.45, 1.0) * (1 - 0.25 * u * u)
    ball = tinted(_bgr(np.array([0.91, 0.89, 0.87])), shade)
    r = np.hypot(area.x - side * 0.5 - face.gaze[0], y - face.gaze[1] + 0.018)
    iris = tinted(_bgr(looks.iris), 1.15 - 0.5 * step(r, 0.06, 0.10))
    over(ball, iris, _cover(0.098 - r))
    over(ball, _PUPIL, _cover(0.045 - r))
    glint = np.hypot(area.x - side * 0.5 - face.gaze[0] + 0.03, y - face.gaze[1] + 0.05)
    over(ball, _GLINT, 0.9 * _cover(0.020 - glint))
    over(pixels, ball, _cover(y - upper) * _cover(lower - y) * inside)
    lash = np.exp(-(((y - upper) / 0.019) ** 2)) * inside
    over(pixels, _LASH, 0.88 * lash * step(-u, -1.0, 0.6))
    rim = np.exp(-(((y - lower) / 0.012) ** 2)) * inside
    over(pixels, pixels * 0.6, 0.5 * rim)
    canvas[area.rows, area.columns, :3] = np.clip(pixels, 0, 255)


def draw_canvas(head: Head, face: Face) -> np.ndarray:
    """Head canvas with this frame's jaw, mouth and eyes; (HEIGHT, WIDTH, 4) uint8."""
    canvas = head.colour.copy()
    if face.opening > 0.02:
        _drop_jaw(canvas, face.opening)
    _draw_mouth(canvas, head, face)
    _draw_eye(canvas, head, face, -1)
    _draw_eye(canvas, head, face, 1)
    return canvas


def place(points: np.ndarray, face: Face) -> np.ndarray:
    """Picture pixels of points (n, 2) given in eye units, without depth."""
    c, s = np.cos(face.roll) * face.scale, np.sin(face.roll) * face.scale
    matrix = np.array([[c, -s, face.x], [s, c, face.y]])
    return points @ matrix[:, :2].T + matrix[:, 2]


def _canvas_map(face: Face, origin: tuple[int, int]) -> np.ndarray:
    """Affine map (2, 3) from pixels of a picture window to canvas pixels."""
    c, s = np.cos(face.roll) / face.scale * UNIT, np.sin(face.roll) / face.scale * UNIT
    dx, dy = origin[0] - face.x, origin[1] - face.y
    return np.array(
        [[c, s, c * dx + s * dy + EYES_X], [-s, c, -s * dx + c * dy + EYES_Y]]
    )


@dataclass(frozen=True)
class Window:
    """Rectangle of the picture, in whole pixels."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height."""
        return self.right - self.left, self.bottom - self.top


def window_of(face: Face, picture: tuple[int, int]) -> Window:
    """Window of a picture (width, height) that holds the whole head."""
    reach = 2.75 * face.scale
    return Window(
        max(0, int(face.x - reach)),
        max(0, int(face.y - 2.35 * face.scale)),
        min(picture[0], int(face.x + reach)),
        min(picture[1], int(face.y + 3.4 * face.scale)),
    )


def draw_head(head: Head, face: Face, window: Window) -> np.ndarray:
    """Head in its pose on a transparent window.

    Returns
    -------
    numpy.ndarray
        (h, w, 4) uint8, blue, green, red, alpha; colours not premultiplied.
    """
    canvas = draw_canvas(head, face)
    matrix = _canvas_map(face, (window.left, window.top))
    width, height = window.size
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    depth = cv2.warpAffine(head.depth, matrix, (width, height), flags=flags)
    gx = np.arange(width, dtype=np.float32)[None, :]
    gy = np.arange(height, dtype=np.float32)[:, None]
    m = matrix.astype(np.float32)
    # A point at depth z moves by angle * z; 0.5 is the depth of the turning axis.
    shift = (depth - np.float32(0.5)) * np.float32(UNIT)
    map_x = gx * m[0, 0] + (gy * m[0, 1] + m[0, 2]) - shift * np.float32(face.yaw)
    map_y = gx * m[1, 0] + (gy * m[1, 1] + m[1, 2]) - shift * np.float32(face.pitch)
    return cv2.remap(
        canvas, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )

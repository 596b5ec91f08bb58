"""What stands behind a head: room, light, neck, shoulders and clothes."""

from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from dfprobe.demo.picture.draw import closed_curve, fill, noise, over, step
from dfprobe.demo.picture.faces import Looks

_MARGIN = 12  # pixels by which body and room are larger than the picture, each side


@dataclass(frozen=True)
class Scene:
    """Static parts of a picture, uint8."""

    room: np.ndarray  # (height, width, 3) blue, green, red: the blurred background
    # (height + 24, width + 24, 4) with alpha: neck, shoulders, hair behind
    body: np.ndarray

    @cached_property
    def body_top(self) -> int:
        """First row of the picture that the body can reach."""
        used = np.flatnonzero(self.body[..., 3].any(axis=1))
        return max(0, int(used[0]) - 2 * _MARGIN)


def _rgb(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """Colour of limited saturation."""
    grey = rng.uniform(low, high)
    return np.clip(grey + rng.uniform(-0.13, 0.13, 3), 0.02, 0.98).astype(np.float32)


def _shelves(picture: np.ndarray, rng: np.random.Generator) -> None:
    h, w = picture.shape[:2]
    for top in np.arange(rng.uniform(-0.1, 0.05), 1.0, rng.uniform(0.24, 0.34)):
        x = 0.0
        while x < 1.0:
            wide = rng.uniform(0.02, 0.07)
            tall = rng.uniform(0.12, 0.2)
            box = [int(v) for v in (x * w, (top + 0.22 - tall) * h, (x + wide) * w)]
            cv2.rectangle(
                picture,
                (box[0], box[1]),
                (box[2], int((top + 0.22) * h)),
                _rgb(rng, 0.2, 0.7).tolist(),
                -1,
            )
            x += wide


def _window(picture: np.ndarray, rng: np.random.Generator) -> None:
    h, w = picture.shape[:2]
    x, y = rng.uniform(0.0, 0.7), rng.uniform(0.0, 0.25)
    wide, tall = rng.uniform(0.25, 0.5), rng.uniform(0.35, 0.7)
    for i in range(2):
        left = int((x + i * wide * 0.52) * w)
        corner = (left + int(wide * 0.48 * w), int((y + tall) * h))
        bright = np.clip(_rgb(rng, 0.75, 0.95), 0, 1).tolist()
        cv2.rectangle(picture, (left, int(y * h)), corner, bright, -1)


def _lights(picture: np.ndarray, rng: np.random.Generator) -> None:
    h, w = picture.shape[:2]
    for _ in range(rng.integers(12, 30)):
        centre = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
        radius = int(rng.uniform(0.015, 0.05) * w)
        cv2.circle(picture, centre, radius, _rgb(rng, 0.5, 0.95).tolist(), -1)


def _leaves(picture: np.ndarray, rng: np.random.Generator) -> None:
    h, w = picture.shape[:2]
    green = np.array([0.20, 0.42, 0.18], dtype=np.float32)
    for _ in range(60):
        centre = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
        axes = (int(rng.uniform(0.03, 0.1) * w), int(rng.uniform(0.01, 0.03) * w))
        colour = np.clip(green * rng.uniform(0.5, 1.9), 0, 1).tolist()
        cv2.ellipse(picture, centre, axes, rng.uniform(0, 180), 0, 360, colour, -1)


def _room(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """Blurred background, (height, width, 3) float32 sRGB."""
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    top, bottom = _rgb(rng, 0.35, 0.8), _rgb(rng, 0.2, 0.6)
    picture: np.ndarray = np.repeat(top * (1 - y) + bottom * y, width, axis=1)
    things = (_shelves, _window, _lights, _leaves, None)[rng.integers(0, 5)]
    if things is not None:
        things(picture, rng)
    size = min(width, height)
    picture = cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.012, 0.03) * size)
    return picture * (1 + 0.10 * noise(rng, (height, width), (3, 3)))[..., None]


def _shoulders(drop: float) -> np.ndarray:
    right = [
        (0.0, 2.05),
        (0.42, 2.0),
        (0.62, 2.10),
        (1.25, 2.32 + drop),
        (1.95, 2.62 + drop),
        (2.30, 3.3),
        (2.4, 5.0),
    ]
    half = np.array(right)
    return np.vstack([half, half[::-1] * (-1, 1)])


def _cloth(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Cloth, plain or striped, (h, w, 3) float32."""
    cloth = np.empty((*shape, 3), dtype=np.float32)
    cloth[:] = _rgb(rng, 0.12, 0.75)
    if rng.random() < 0.3:
        period = rng.uniform(6, 14)
        wave = np.sin(np.arange(shape[0]) * 2 * np.pi / period)[:, None, None]
        cloth = np.where(wave > 0.4, _rgb(rng, 0.3, 0.9), cloth)
    folds = 0.10 * noise(rng, shape, (4, 9)) + 0.05 * noise(rng, shape, (30, 30))
    return (cloth * (1 + folds)[..., None]).astype(np.float32)


def _collar(kind: int) -> np.ndarray:
    """Edge of the skin at the neck: round, V or high."""
    tip = (2.28, 2.75, 1.98)[kind]
    return np.array(
        [
            (-0.60, 0.6),
            (-0.57, 2.10),
            (-0.36, 2.10 * 0.4 + tip * 0.6 if kind != 1 else 2.3),
            (0.0, tip),
            (0.36, 2.10 * 0.4 + tip * 0.6 if kind != 1 else 2.3),
            (0.57, 2.10),
            (0.60, 0.6),
        ]
    )


def _body(
    rng: np.random.Generator,
    looks: Looks,
    size: tuple[int, int],
    eyes: tuple[float, float, float],
) -> np.ndarray:
    """Neck and shoulders on a transparent sheet; ``eyes`` = x, y, eye distance."""
    width, height = size[0] + 2 * _MARGIN, size[1] + 2 * _MARGIN
    shape = (height, width)
    centre = np.array([eyes[0] + _MARGIN, eyes[1] + _MARGIN])
    unit = eyes[2]
    y = ((np.arange(height, dtype=np.float32) - centre[1]) / unit)[:, None]
    x = ((np.arange(width, dtype=np.float32) - centre[0]) / unit)[None, :]
    colour = np.zeros((*shape, 3), dtype=np.float32)
    alpha = np.zeros(shape, dtype=np.float32)
    if looks.style in ("long", "bob", "fringe"):
        low = 1.5 if looks.style == "bob" else 2.5
        strip = np.array([(-1.05, 0), (1.05, 0), (1.0, low), (-1.0, low)])
        behind = fill(shape, strip * unit + centre, 1.0)
        over(colour, looks.hair.astype(np.float32) * 0.5, behind)
        alpha = np.maximum(alpha, behind)
    trunk = fill(shape, _shoulders(rng.uniform(-0.1, 0.1)) * unit + centre, 0.8)
    round_off = (1 - 0.35 * step(np.abs(x), 1.2, 2.4)) * np.ones_like(y)
    over(colour, _cloth(rng, shape) * round_off[..., None], trunk)
    edge = _collar(int(rng.integers(0, 3))) * unit + centre
    neck = fill(shape, closed_curve(edge), 0.7)
    shade = 0.50 + 0.42 * step(y, 1.55, 2.3) - 0.25 * step(np.abs(x), 0.15, 0.6)
    shade = shade + 0.08 * np.exp(-(((np.abs(x) - 0.22) / 0.05) ** 2)) * step(y, 1.7, 2)
    over(colour, looks.skin.astype(np.float32) * shade[..., None], neck)
    alpha = np.maximum(alpha, np.maximum(trunk, neck))
    sheet = np.dstack([colour[..., ::-1], alpha])
    return np.round(np.clip(sheet, 0, 1) * 255).astype(np.uint8)


def furnish(
    rng: np.random.Generator,
    looks: Looks,
    size: tuple[int, int],
    eyes: tuple[float, float, float],
) -> Scene:
    """Make the room and the body for one source.

    ``size`` is the width and height of the picture; ``eyes`` the mean place of the
    midpoint between the eyes, and their distance, in pixels.
    """
    room = _room(rng, *size)
    picture = np.round(np.clip(room, 0, 1) * 255).astype(np.uint8)
    return Scene(picture, _body(rng, looks, size, eyes))


def lay_over(picture: np.ndarray, sheet: np.ndarray) -> np.ndarray:
    """Picture (h, w, 3) under a sheet with alpha (h, w, 4); uint8, a new array."""
    # Planes are taken out by OpenCV, which is slow on arrays with gaps.
    alpha = cv2.cvtColor(cv2.extractChannel(sheet, 3), cv2.COLOR_GRAY2BGR)
    colour = cv2.cvtColor(sheet, cv2.COLOR_BGRA2BGR)
    front = cv2.multiply(colour, alpha, scale=1 / 255)
    behind = cv2.multiply(picture, 255 - alpha, scale=1 / 255)
    return cv2.add(front, behind)


def seat(scene: Scene, other: Scene) -> Scene:
    """Scene whose room also holds the body of another scene, unmoved."""
    height, width = scene.room.shape[:2]
    body = other.body[_MARGIN : _MARGIN + height, _MARGIN : _MARGIN + width]
    return replace(scene, room=lay_over(scene.room, body))


def stage(scene: Scene, shift: tuple[float, float]) -> np.ndarray:
    """Room with the body moved by ``shift`` pixels; (height, width, 3) uint8."""
    height, width = scene.room.shape[:2]
    matrix = np.array([[1, 0, shift[0] - _MARGIN], [0, 1, shift[1] - _MARGIN]])
    top = scene.body_top
    matrix[1, 2] -= top
    size = (width, height - top)
    body = cv2.warpAffine(scene.body, matrix, size, flags=cv2.INTER_LINEAR)
    picture = scene.room.copy()
    picture[top:] = lay_over(scene.room[top:], body)
    return picture

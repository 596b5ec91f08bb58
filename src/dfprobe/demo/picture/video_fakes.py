"""The video artefacts: a face region drawn anew and pasted back into the picture.

The region is an ellipse in face coordinates, with a feathered rim. Its content passes
through a coarse generator grid, gets a colour error, a pattern (family A: 2-pixel
checkerboard, family B: 4-pixel stripes, family C: none), sits up to one pixel off, and
has lost camera grain.
"""

from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from dfprobe.demo.picture.draw import step
from dfprobe.demo.picture.faces import Head
from dfprobe.demo.picture.render import Face, Window, draw_head, place
from dfprobe.demo.picture.scenes import lay_over
from dfprobe.demo.plans.plan import VideoFake

_ELLIPSES = {  # centre below the eyes, half width, half height, in eye distances
    "lips": (1.20, 0.74, 0.66),
    "face": (0.50, 0.98, 1.36),
}
_FEATHER = 0.22  # of the radius


def fake_mouth(
    own: np.ndarray, other: np.ndarray, share: float, flatten: float
) -> np.ndarray:
    """Mouth track (frames, 3) of a fake: a mix of two tracks, with flattened motion."""
    mixed = own * (1 - share) + other * share
    return mixed * (1 - flatten) + mixed.mean(axis=0) * flatten


def ellipse_of(fake: VideoFake, face: Face) -> np.ndarray:
    """Ellipse of the region: centre x, y, half width, half height (pixels), tilt."""
    below, wide, high = _ELLIPSES[fake.region]
    centre = place(np.array([[0.0, below]]), face)[0]
    shift = 0.25 * face.scale * np.array([face.yaw, face.pitch])
    return np.array(
        [*(centre + shift), wide * face.scale, high * face.scale, face.roll]
    )


def box_of(ellipse: np.ndarray) -> np.ndarray:
    """Upright box around an ellipse: left, top, right, bottom in pixels."""
    x, y, a, b, tilt = ellipse
    c, s = np.cos(tilt), np.sin(tilt)
    w, h = np.hypot(a * c, b * s), np.hypot(a * s, b * c)
    return np.array([x - w, y - h, x + w, y + h])


def _window(ellipse: np.ndarray, size: tuple[int, int]) -> Window:
    left, top, right, bottom = box_of(ellipse)
    return Window(
        max(0, int(left) - 2),
        max(0, int(top) - 2),
        min(size[0], int(right) + 3),
        min(size[1], int(bottom) + 3),
    )


def _mask(ellipse: np.ndarray, window: Window) -> np.ndarray:
    """Weight of the region, (h, w) float32: 1 inside, 0 from the rim outwards."""
    x = np.arange(window.left, window.right, dtype=np.float32)[None, :] - ellipse[0]
    y = np.arange(window.top, window.bottom, dtype=np.float32)[:, None] - ellipse[1]
    c, s = np.cos(ellipse[4]), np.sin(ellipse[4])
    u, v = (c * x + s * y) / ellipse[2], (-s * x + c * y) / ellipse[3]
    return step(1 - np.hypot(u, v), 0.0, _FEATHER)


def _pattern(family: str, window: Window) -> np.ndarray:
    """Pattern of the family with values -1, 1 (or 0), (h, w, 1) float32."""
    w, h = window.size
    x, y = np.arange(w)[None, :], np.arange(h)[:, None]
    if family == "A":
        cells = (x + window.left + y + window.top) % 2
    elif family == "B":
        cells = ((x + window.left) // 2 + 0 * y) % 2
    else:
        return np.zeros((h, w, 1), dtype=np.float32)
    return (2.0 * cells[..., None] - 1.0).astype(np.float32)


def _match(patch: np.ndarray, around: np.ndarray, share: float) -> np.ndarray:
    """Move the patch's mean and spread of each colour towards its surroundings'."""
    mean, spread = patch.mean(axis=(0, 1)), patch.std(axis=(0, 1)) + 1
    aim_mean, aim_spread = around.mean(axis=(0, 1)), around.std(axis=(0, 1)) + 1
    matched = (patch - mean) * (aim_spread / spread) + aim_mean
    return patch + (matched - patch) * np.float32(share)


class Forgery(NamedTuple):
    """One manipulated frame, before grain."""

    frame: np.ndarray  # (h, w, 3) uint8, a new array with the region replaced
    ellipse: np.ndarray  # (5,) see `ellipse_of`
    area: tuple[slice, slice]  # rows and columns around the ellipse
    keep: np.ndarray  # share of the camera's grain that stays in the area, float32


class Forger:
    """Pastes a region of a head, the person's own or a donor's, into frames."""

    def __init__(self, rng: np.random.Generator, fake: VideoFake, head: Head) -> None:
        self._fake, self._head = fake, head
        error = 0.05 * fake.strength
        self._gain = 1 + rng.uniform(-error, error, 3).astype(np.float32)
        self._share = float(rng.uniform(0.5, 0.85))
        self._height = np.float32(rng.uniform(3.0, 6.0) * fake.strength)
        self._grain_loss = np.float32(0.3 + 0.7 * fake.strength)
        self._jitter = rng.integers(-1, 2, (4096, 2))

    def paste(
        self, frame: np.ndarray, face: Face, mouth: np.ndarray, index: int
    ) -> Forgery:
        """Manipulate frame ``index``: (h, w, 3) uint8, without grain.

        ``face`` is the pose of the real frame; ``mouth`` (3,) opening, spreading and
        rounding of the new mouth.
        """
        ellipse = ellipse_of(self._fake, face)
        height, width = frame.shape[:2]
        window = _window(ellipse, (width, height))
        area = (slice(window.top, window.bottom), slice(window.left, window.right))
        opening, spread, rounding = (float(v) for v in mouth)
        moved = replace(
            face,
            opening=opening,
            width=spread,
            rounding=rounding,
            x=face.x + float(self._jitter[index % 4096, 0]) * 0.5,
            y=face.y + float(self._jitter[index % 4096, 1]) * 0.5,
        )
        original = frame[area]
        drawn = lay_over(original, draw_head(self._head, moved, window))
        patch = self._generate(drawn, original, window)
        mask = _mask(ellipse, window)
        blended = original + (patch - original) * cv2.merge([mask] * 3)
        out = frame.copy()
        out[area] = np.clip(np.round(blended), 0, 255)
        return Forgery(out, ellipse, area, 1 - self._grain_loss * mask)

    def _generate(
        self, drawn: np.ndarray, original: np.ndarray, window: Window
    ) -> np.ndarray:
        """Pass the region through the generator; (h, w, 3) float32."""
        w, h = window.size
        grid = (self._fake.grid, max(8, self._fake.grid * h // w))
        small = cv2.resize(drawn, grid, interpolation=cv2.INTER_AREA)
        patch = cv2.resize(small, (w, h), interpolation=cv2.INTER_LINEAR)
        patch = patch.astype(np.float32)
        if self._fake.region == "face":
            patch = _match(patch, original.astype(np.float32), self._share)
        patch *= self._gain
        return patch + self._height * _pattern(self._fake.family, window)

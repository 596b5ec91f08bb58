"""How a head moves while it speaks: pose, gaze and blinks, one value per frame."""

import numpy as np
from scipy.ndimage import gaussian_filter1d

from dfprobe.demo.picture.render import Face


def _wander(
    rng: np.random.Generator, frames: int, fps: float, slow_s: float, size: float
) -> np.ndarray:
    """Smooth random track (frames,) with standard deviation ``size``."""
    sigma = slow_s * fps
    pad = int(4 * sigma) + 1
    track = gaussian_filter1d(rng.standard_normal(frames + 2 * pad), sigma)
    return track[pad:-pad] * size * np.sqrt(2 * sigma * np.sqrt(np.pi))


def _blinks(rng: np.random.Generator, frames: int, fps: float) -> np.ndarray:
    """Lid track (frames,) 0 open .. 1 shut; a blink lasts about 0.25 s."""
    t = np.arange(frames) / fps
    lid = np.zeros(frames)
    at = rng.uniform(0.3, 2.0)
    while at < frames / fps:
        lid = np.maximum(lid, np.exp(-(((t - at) / 0.07) ** 4)))
        at += rng.uniform(1.2, 3.5)
    return lid


def act(
    rng: np.random.Generator,
    mouth: np.ndarray,
    fps: float,
    eyes: tuple[float, float, float],
    lively: float,
) -> list[Face]:
    """Move a head through a clip; one `Face` per frame.

    ``mouth`` (frames, 3) is opening, spreading, rounding; ``eyes`` the mean place of
    the midpoint between the eyes, and their distance, in pixels; ``lively`` a factor on
    all head motion, about 1.
    """
    n, unit = len(mouth), eyes[2] * lively
    accent = gaussian_filter1d(mouth[:, 0], 0.12 * fps)
    accent -= accent.mean()
    yaw = _wander(rng, n, fps, 0.35, 0.055 * lively) + rng.uniform(-0.07, 0.07)
    pitch = _wander(rng, n, fps, 0.3, 0.03 * lively) + 0.08 * lively * accent
    roll = _wander(rng, n, fps, 0.4, 0.022 * lively) + rng.uniform(-0.03, 0.03)
    x = eyes[0] + _wander(rng, n, fps, 0.45, 0.05 * unit) + 0.35 * yaw * unit
    y = eyes[1] + _wander(rng, n, fps, 0.4, 0.03 * unit) + 0.5 * pitch * unit
    scale = eyes[2] * (1 + _wander(rng, n, fps, 0.6, 0.008 * lively))
    lid = _blinks(rng, n, fps)
    look_x = np.round(_wander(rng, n, fps, 0.25, 1.0)) * 0.025
    look_y = np.round(_wander(rng, n, fps, 0.3, 0.7)) * 0.012
    gaze = zip(look_x.tolist(), look_y.tolist(), strict=True)
    before = (*mouth.T.tolist(), lid.tolist(), gaze)  # in the order of Face's fields
    after = (track.tolist() for track in (yaw, pitch, roll, x, y, scale))
    return [Face(*values) for values in zip(*before, *after, strict=True)]

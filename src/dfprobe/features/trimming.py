"""Clips without their leading silence, by the published rule of AVH-Align.

Fakes of some corpora begin with a short silence, which real clips lack: a detector may
hear nothing else. The rule (bit-ml/AVH-Align, deepfake_feature_extraction.py, option
``trimmed``): if the first sample louder than 0.0005 is not the very first of the clip,
``int(25 * silence in seconds) + 1`` video frames are left out, and 640 samples for each
of them. So up to 40 ms of what follows the silence go too, and a clip that begins loud
is not touched.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from dfprobe.encoders.contract import ClipInputs
from dfprobe.rates import SAMPLES_PER_FRAME, VIDEO_FPS

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

Frames = Callable[[int], Iterator[np.ndarray]]


def silent_frames(silence_s: float | None) -> int:
    """Video frames that the rule leaves out; none of a clip without sound (None).

    ``silence_s`` is `dfprobe.media.audio.leading_silence_s`.
    """
    return int(silence_s * VIDEO_FPS) + 1 if silence_s else 0


def without_start(clip: ClipInputs, frames: int) -> ClipInputs:
    """Cut the first ``frames`` video frames of a clip, from all its inputs."""
    return replace(
        clip,
        waveform=_later(clip.waveform, frames * SAMPLES_PER_FRAME),
        mouth=_later(clip.mouth, frames),
        landmarks=_later(clip.landmarks, frames),
        boxes=_later(clip.boxes, frames),
        frames=None if clip.frames is None else _later_frames(clip.frames, frames),
        start_s=clip.start_s + frames / VIDEO_FPS,
    )


def _later(values: np.ndarray | None, start: int) -> np.ndarray | None:
    return None if values is None else values[start:]


def _later_frames(frames: Frames, start: int) -> Frames:
    def later(size: int) -> Iterator[np.ndarray]:
        waiting = start
        for chunk in frames(size):
            if len(chunk) > waiting:
                yield chunk[waiting:]
            waiting = max(0, waiting - len(chunk))

    return later

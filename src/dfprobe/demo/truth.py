"""Ground truth that no native layout holds: what moves, and what was manipulated."""

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from dfprobe.demo.picture.render import MOUTH_Y, Face, place
from dfprobe.demo.picture.video_fakes import box_of
from dfprobe.demo.plans.plan import ClipPlan, SourcePlan
from dfprobe.demo.sound.phonemes import Timed
from dfprobe.store.files import write_whole

_POINTS = np.array([(-0.5, 0.0), (0.5, 0.0), (0.0, 0.6), (0.0, MOUTH_Y), (0.0, 1.88)])


@dataclass(frozen=True)
class Truth:
    """What the generator knows about one clip."""

    source: SourcePlan
    clip: ClipPlan
    faces: list[Face]  # the speaker in each frame; empty without a face
    mouth: np.ndarray  # (n, 3) opening, spreading, rounding that is meant to be seen
    ellipses: dict[int, np.ndarray]  # frame -> ellipse (5,) of the manipulated region
    timed: list[Timed]  # phonemes of the real speech


def _rows(found: dict[int, np.ndarray], frames: int, width: int) -> np.ndarray:
    rows = np.full((frames, width), np.nan, dtype=np.float16)
    for index, values in found.items():
        rows[index] = values
    return rows


def write_truth(folder: Path, truth: Truth) -> None:
    """Write ``<clip_id>.npz``.

    Keys: ``fps``; ``boxes`` (n, 4) left, top, right, bottom of the manipulated region
    and ``ellipses`` (n, 5) centre x, y, half width, half height in pixels and tilt in
    radians, NaN where a frame is untouched; ``points`` (n, 5, 2) eyes, nose tip, mouth,
    chin in pixels; ``mouth`` (n, 3) opening 0..1, spreading, rounding;
    ``audio_segments``, ``video_segments`` (k, 2) seconds, the whole clip where all is
    fake; ``leading_silence_s``; ``phonemes`` and ``phoneme_start_s`` of the real
    speech. Tracks are float16.
    """
    source, clip = truth.source, truth.clip
    n, length = source.recording.frames, source.recording.length_s
    parts = np.array(source.segments_s() or [[0.0, length]])
    none = np.zeros((0, 2))
    boxes = {i: box_of(ellipse) for i, ellipse in truth.ellipses.items()}
    points = np.full((n, len(_POINTS), 2), np.nan, dtype=np.float16)
    for i, face in enumerate(truth.faces):
        points[i] = place(_POINTS, face)
    path = folder / PurePosixPath(clip.path).with_suffix(".npz")
    with write_whole(path) as draft, draft.open("wb") as file:
        np.savez_compressed(
            file,
            fps=np.float64(source.recording.fps),
            boxes=_rows(boxes, n, 4),
            ellipses=_rows(truth.ellipses, n, 5),
            points=points,
            mouth=truth.mouth.astype(np.float16),
            audio_segments=parts if clip.audio_fake else none,
            video_segments=parts if clip.video_fake and truth.faces else none,
            leading_silence_s=np.float64(clip.silence_s),
            phonemes=np.array([item.phoneme.name for item in truth.timed]),
            phoneme_start_s=np.array([item.start_s for item in truth.timed]),
        )

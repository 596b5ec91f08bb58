"""All that the crops stage computes for one clip."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from dfprobe.errors import ClipError
from dfprobe.media.audio import leading_silence_s, load_sound
from dfprobe.media.faces import FaceFinder, FaceTrack, follow_face
from dfprobe.media.mouth import interpolate_landmarks, mouth_patches
from dfprobe.media.video import VideoInfo, frames_at_25fps, video_info
from dfprobe.status import Status

_CHUNK = 8  # frames converted at a time
_KEPT_BYTES = 256 * 2**20  # grey frames of a clip up to this size are decoded once


@dataclass
class ClipRow:
    """What the index of the crops stage says about one clip, apart from its keys.

    Parameters
    ----------
    status : Status
        The first of the next three that is not ``ok``.
    video_status, audio_status, face_status : Status
        Of the frames, the waveform, and the landmarks and mouth patches.
    detail : str
        Sentences for what is not ``ok``.
    frames : int or None
        Decoded frames at 25 a second.
    source_fps, duration_s : float or None
        As the container says.
    detected_share : float or None
        Share of frames with a face among those in which one was looked for.
    samples : int or None
        At 16 kHz, from the first video frame on.
    audio_offset_s : float or None
        Start of the sound after the first video frame in the file.
    leading_silence_s : float or None
        See `dfprobe.media.audio.leading_silence_s`.
    """

    status: Status = Status.OK
    video_status: Status = Status.OK
    audio_status: Status = Status.OK
    face_status: Status = Status.OK
    detail: str = ""
    frames: int | None = None
    source_fps: float | None = None
    duration_s: float | None = None
    detected_share: float | None = None
    samples: int | None = None
    audio_offset_s: float | None = None
    leading_silence_s: float | None = None


class GreyFrames:
    """Grey frames of a clip at 25 a second, which can be read more than once.

    They are decoded anew each time only where keeping them would take much memory.

    Parameters
    ----------
    path : Path
        The clip.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kept: list[np.ndarray] | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield arrays of shape (height, width), uint8: 0.299 R + 0.587 G + 0.114 B."""
        if self._kept is not None:
            yield from self._kept
            return
        frames: list[np.ndarray] = []
        size = 0
        for chunk in frames_at_25fps(self._path, _CHUNK):
            for rgb in chunk:
                grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
                size += grey.nbytes
                if size <= _KEPT_BYTES:
                    frames.append(grey)
                else:
                    frames.clear()
                yield grey
        if size <= _KEPT_BYTES:
            self._kept = frames


def crop_clip(
    path: Path, finder: FaceFinder, every: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Compute the waveform, the landmarks and the mouth patches of one clip.

    Nothing that is wrong with the clip raises: it becomes a status, and what can be
    had without it is still computed.

    Parameters
    ----------
    path : Path
        The clip.
    finder : FaceFinder
        Detector and predictor.
    every : int
        Step between detections in frames.

    Returns
    -------
    tuple of dict
        Fields of `ClipRow` as JSON values; arrays by name: ``waveform`` (samples,)
        float32, ``landmarks`` (frames, 68, 2) float32, ``boxes`` (frames, 4) float32,
        ``mouth`` (frames, 96, 96) uint8, each only where it could be had.
    """
    row = ClipRow()
    arrays: dict[str, np.ndarray] = {}
    details: list[str] = []
    info = None
    try:
        info = video_info(path)
        row.source_fps, row.duration_s = info.source_fps, info.duration_s
        arrays |= _face_arrays(row, details, GreyFrames(path), finder, every)
    except ClipError as error:
        row.video_status = row.face_status = error.status
        details.append(error.detail)
    try:
        arrays["waveform"] = _waveform(row, path, info)
    except ClipError as error:
        row.audio_status = error.status
        details.append(error.detail)
    parts = (row.video_status, row.audio_status, row.face_status)
    row.status = next((part for part in parts if part is not Status.OK), Status.OK)
    row.detail = "; ".join(dict.fromkeys(details))
    return asdict(row), arrays


def _face_arrays(
    row: ClipRow,
    details: list[str],
    frames: GreyFrames,
    finder: FaceFinder,
    every: int,
) -> dict[str, np.ndarray]:
    track: FaceTrack = follow_face(frames, finder, every)
    row.frames, row.detected_share = len(track.boxes), track.detected_share
    arrays = {"landmarks": track.landmarks, "boxes": track.boxes}
    if np.isnan(track.landmarks).all():
        row.face_status = Status.NO_FACE
        details.append(f"no face is found in any of {row.frames} frames")
    else:
        filled = interpolate_landmarks(track.landmarks)
        arrays["mouth"] = np.stack(list(mouth_patches(frames, filled)))
    return arrays


def _waveform(row: ClipRow, path: Path, info: VideoInfo | None) -> np.ndarray:
    sound = load_sound(path, info)
    row.samples = len(sound.waveform)
    row.audio_offset_s = sound.offset_s
    row.leading_silence_s = leading_silence_s(sound.waveform)
    return sound.waveform

"""All that the crops stage computes for one clip."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import cv2
import numpy as np

from dfprobe.errors import ClipError
from dfprobe.media.audio import leading_silence_s, load_sound
from dfprobe.media.faces import FaceFinder, FaceTrack, follow_face
from dfprobe.media.mouth import PATCH, interpolate_landmarks, mouth_patches
from dfprobe.media.video import Decoded, VideoInfo, frames_at_25fps, video_info
from dfprobe.status import Status
from dfprobe.store.crops import ClipRow
from dfprobe.store.files import Row

_PIECE_BYTES = 8 * 2**20  # of an array per call of the sink
_KEPT_BYTES = 256 * 2**20  # grey frames of a clip up to this size are decoded once

# Takes the name of an array and its next rows.
Sink = Callable[[str, np.ndarray], None]


class GreyFrames:
    """Grey frames of a clip at 25 per second, which can be read more than once.

    They are decoded anew each time only where keeping them would take much memory.
    ``decoded`` is what was decoded of the file, complete after the first reading.
    """

    def __init__(self, path: Path, info: VideoInfo) -> None:
        self._path = path
        self._keep = info.frames * info.frame_bytes // 3 <= _KEPT_BYTES
        self.decoded = Decoded()
        self._kept: list[np.ndarray] | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        """Yield arrays of shape (height, width), uint8: 0.299 R + 0.587 G + 0.114 B."""
        if self._kept is not None:
            yield from self._kept
            return
        frames: list[np.ndarray] = []
        decoded = Decoded()
        for rgb in frames_at_25fps(self._path, 1, decoded):
            grey = cv2.cvtColor(rgb[0], cv2.COLOR_RGB2GRAY)
            if self._keep:
                frames.append(grey)
            yield grey
        self.decoded = decoded
        if self._keep:
            self._kept = frames


def crop_clip(
    path: Path, finder: FaceFinder, every: int
) -> tuple[Row, dict[str, np.ndarray]]:
    """Compute the crops of one clip: its row, as `crop_in_pieces`, and whole arrays."""
    pieces: dict[str, list[np.ndarray]] = {}

    def collect(name: str, rows: np.ndarray) -> None:
        pieces.setdefault(name, []).append(rows)

    row = crop_in_pieces(path, finder, every, collect)
    return row, {name: _joined(parts) for name, parts in pieces.items()}


def crop_in_pieces(path: Path, finder: FaceFinder, every: int, sink: Sink) -> Row:
    """Compute the crops of one clip and hand them over piece by piece.

    Nothing that is wrong with the clip raises: it becomes a status, and everything
    that does not need the faulty stream is still computed. Of an hour of video, the
    waveform (230 MB) and the landmarks (150 MB while they are worked on) are held, the
    frames and the mouth patches (830 MB) are not.

    Parameters
    ----------
    path : Path
        The clip.
    finder : FaceFinder
        Detector and predictor.
    every : int
        Step between detections in frames.
    sink : callable
        Takes the name and the next rows of an array, at most 8 MiB: ``waveform``
        (samples,) float32, ``landmarks`` (frames, 68, 2) float32, ``boxes``
        (frames, 4) float32, ``mouth`` (frames, 96, 96) uint8, each only if it could be
        computed.

    Returns
    -------
    dict
        Fields of `ClipRow` as JSON values.
    """
    row = ClipRow()
    details: list[str] = []
    info = None
    try:
        info = video_info(path)
        row.source_fps, row.duration_s = info.source_fps, info.duration_s
        frames = GreyFrames(path, info)
        _crop_face(row, details, frames, finder, every, sink)
        details += frames.decoded.losses(info)
    except ClipError as error:
        row.video_status = row.face_status = error.status
        details.append(error.detail)
    try:
        _crop_sound(row, details, path, info, sink)
    except ClipError as error:
        row.audio_status = error.status
        details.append(error.detail)
    parts = (row.video_status, row.audio_status, row.face_status)
    row.status = next((part for part in parts if part is not Status.OK), Status.OK)
    row.detail = "; ".join(dict.fromkeys(details))
    return asdict(row)


def _crop_face(
    row: ClipRow,
    details: list[str],
    frames: GreyFrames,
    finder: FaceFinder,
    every: int,
    sink: Sink,
) -> None:
    track: FaceTrack = follow_face(frames, finder, every)
    row.frames, row.detected_share = len(track.boxes), track.detected_share
    if np.isnan(track.landmarks).all():
        row.face_status = Status.NO_FACE
        details.append(f"no face is found in any of {row.frames} frames")
    else:
        filled = interpolate_landmarks(track.landmarks)
        patches = mouth_patches(frames, filled)
        while piece := list(islice(patches, _PIECE_BYTES // PATCH**2)):
            sink("mouth", np.stack(piece))
    _hand_over(sink, "landmarks", track.landmarks)
    _hand_over(sink, "boxes", track.boxes)


def _crop_sound(
    row: ClipRow, details: list[str], path: Path, info: VideoInfo | None, sink: Sink
) -> None:
    sound = load_sound(path, info)
    details += sound.losses
    row.samples = len(sound.waveform)
    row.audio_offset_s = sound.offset_s
    row.leading_silence_s = leading_silence_s(sound.waveform)
    _hand_over(sink, "waveform", sound.waveform)


def _hand_over(sink: Sink, name: str, values: np.ndarray) -> None:
    """Hand an array over in pieces."""
    rows = max(1, _PIECE_BYTES // values[:1].nbytes)
    for start in range(0, len(values), rows):
        sink(name, values[start : start + rows])


def _joined(pieces: list[np.ndarray]) -> np.ndarray:
    """Join pieces and free each one on the way, so that they are in memory once."""
    if len(pieces) == 1:
        return pieces[0]
    joined = np.empty(
        (sum(map(len, pieces)), *pieces[0].shape[1:]), dtype=pieces[0].dtype
    )
    end = len(joined)
    while pieces:
        piece = pieces.pop()
        joined[end - len(piece) : end] = piece
        end -= len(piece)
    return joined

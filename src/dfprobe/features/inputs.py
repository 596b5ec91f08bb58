"""What an encoder reads of one clip, taken from its crops and its video."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np

from dfprobe.encoders.contract import ClipInputs, Encoder, ModelBased
from dfprobe.errors import ClipError
from dfprobe.features.trimming import silent_frames, without_start
from dfprobe.media.audio import leading_silence_s
from dfprobe.media.mouth import interpolate_landmarks
from dfprobe.media.video import frames_at_25fps
from dfprobe.status import Status

if TYPE_CHECKING:  # torch; encoders without a model do without it
    from dfprobe.encoders.model_encoder import ModelEncoder

# Which status of the crops decides whether an input is available.
_STATUS_OF = {
    "frames": "video_status",
    "boxes": "video_status",  # of a clip without a face they are NaN
    "mouth": "face_status",
    "landmarks": "face_status",
    "waveform": "audio_status",
}

# Landmarks, their boxes and patches depend on the settings of the crops stage.
FROM_LANDMARKS = {"mouth", "landmarks", "boxes"}


def _check_inputs(encoder: Encoder, row: Mapping[str, Any]) -> None:
    """Refuse a clip that lacks an input of the encoder."""
    for name in sorted(encoder.inputs):
        status = Status(row[_STATUS_OF[name]])
        if status is not Status.OK:
            raise ClipError(status, row["detail"])


class Crops(Protocol):
    """Where the arrays of clips are found; `CropReader` says what each one is."""

    def waveform(self, clip_id: str) -> np.ndarray:
        """Mono sound at 16 kHz."""
        ...

    def mouth(self, clip_id: str) -> np.ndarray:
        """Mouth patches."""
        ...

    def landmarks(self, clip_id: str) -> np.ndarray:
        """Landmarks, NaN without a face."""
        ...

    def boxes(self, clip_id: str) -> np.ndarray:
        """Face boxes, NaN without a face."""
        ...


def clip_inputs(
    encoder: Encoder, row: Mapping[str, Any], crops: Crops, trim: str | None = None
) -> ClipInputs:
    """Read what the encoder asks for; whole frames are decoded when it takes them.

    Parameters
    ----------
    encoder : Encoder
    row : mapping
        ``clip_id``, ``path``, ``detail``, and the statuses of the crops stage.
    crops : Crops
        Where the clip's arrays are.
    trim : str or None
        ``leading_silence``: its start is cut, see `dfprobe.features.trimming`.

    Raises
    ------
    ClipError
        With the status of an input that the clip lacks.
    """
    _check_inputs(encoder, row)
    clip_id = row["clip_id"]
    readers: dict[str, Callable[[], Any]] = {
        "waveform": lambda: crops.waveform(clip_id),
        "mouth": lambda: crops.mouth(clip_id),
        "landmarks": lambda: _without_gaps(crops.landmarks(clip_id)),
        "boxes": lambda: crops.boxes(clip_id),
        "frames": lambda: partial(frames_at_25fps, Path(row["path"])),
    }
    whole = ClipInputs(clip_id, **{name: readers[name]() for name in encoder.inputs})
    return whole if trim is None else without_start(whole, _trimmed_frames(row, crops))


def _trimmed_frames(row: Mapping[str, Any], crops: Crops) -> int:
    """Frames at the start of a clip that trimming leaves out."""
    if row["audio_status"] != Status.OK:
        return silent_frames(None)
    return silent_frames(leading_silence_s(crops.waveform(row["clip_id"])))


def _without_gaps(landmarks: np.ndarray) -> np.ndarray:
    return interpolate_landmarks(landmarks).astype(np.float32)


def needs_faces(encoder: Encoder) -> bool:
    """Whether an encoder reads anything that is made from landmarks."""
    return bool(encoder.inputs & FROM_LANDMARKS)


def model_of(encoder: Encoder) -> ModelEncoder | None:
    """Give the encoder if it is a torch module, without asking torch."""
    return cast("ModelEncoder", encoder) if isinstance(encoder, ModelBased) else None

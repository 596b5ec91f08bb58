"""What a family asks of its spec and of a clip, with one sentence for each refusal."""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np

from dfprobe.encoders.contract import ClipInputs
from dfprobe.errors import ClipError, EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.status import Status

Given = TypeVar("Given")


def hidden_layers(spec: EncoderSpec, layers: int) -> tuple[int, ...] | None:
    """Numbers of the hidden layers asked for, None for the model's own output.

    Parameters
    ----------
    spec : EncoderSpec
        ``layer`` is ``last``, ``all`` or a number.
    layers : int
        Layers of the model; hidden layer 0 is the input of the first.

    Raises
    ------
    EncoderError
        If the model has no such layer: 0 to ``layers``.
    """
    if spec.layer == "last":
        return None
    if spec.layer == "all":
        return tuple(range(layers + 1))
    if isinstance(spec.layer, int) and 0 <= spec.layer <= layers:
        return (spec.layer,)
    raise EncoderError(
        f"encoder {spec.name!r}: layer must be 'last', 'all' or a number from 0 to "
        f"{layers}, not {spec.layer!r}"
    )


def require_weights(spec: EncoderSpec, weights: str) -> None:
    """Refuse weights of another kind than the family's only one, and hidden layers.

    Raises
    ------
    EncoderError
        If ``spec.weights`` is not ``weights``, or ``spec.layer`` is not ``last``.
    """
    if spec.weights != weights:
        raise EncoderError(
            f"encoder {spec.name!r}: the family {spec.family} takes weights: "
            f"{weights}, not {spec.weights!r}"
        )
    if spec.layer != "last":
        raise EncoderError(
            f"encoder {spec.name!r}: the family {spec.family} has no hidden layers, so "
            f"layer must be 'last', not {spec.layer!r}"
        )


def divided(owner: str, what: str, size: int, divisor: int, by: str = "") -> int:
    """Divide a size that must be a multiple of something.

    Raises
    ------
    EncoderError
        If there is a remainder; it names the ``owner`` of the size, the size (``what``)
        and the divisor (``by``).
    """
    if size % divisor:
        number = f"{by} ({divisor})" if by else divisor
        raise EncoderError(f"{owner}: the {what} {size} is not a multiple of {number}")
    return size // divisor


def waveform_of(clip: ClipInputs, at_least: int) -> np.ndarray:
    """Waveform of a clip, which must have ``at_least`` samples.

    Returns
    -------
    np.ndarray of shape (samples,), float32

    Raises
    ------
    ClipError
        NO_AUDIO or TOO_SHORT.
    """
    waveform = _given(clip.waveform, clip, Status.NO_AUDIO, "audio")
    if len(waveform) < at_least:
        raise ClipError(
            Status.TOO_SHORT,
            f"clip {clip.clip_id} has {len(waveform)} audio samples; the encoder "
            f"needs {at_least}",
        )
    return waveform


def mouth_of(clip: ClipInputs) -> np.ndarray:
    """Mouth patches of a clip, at least one.

    Returns
    -------
    np.ndarray of shape (frames, 96, 96), uint8

    Raises
    ------
    ClipError
        NO_FACE or TOO_SHORT.
    """
    mouth = _given(clip.mouth, clip, Status.NO_FACE, "mouth patches")
    if len(mouth) == 0:
        raise too_short(clip)
    return mouth


def landmarks_of(clip: ClipInputs) -> np.ndarray:
    """Landmarks of a clip, (frames, 68, 2), float32; else a ClipError NO_FACE."""
    return _given(clip.landmarks, clip, Status.NO_FACE, "landmarks")


def boxes_of(clip: ClipInputs) -> np.ndarray:
    """Face boxes of a clip, (frames, 4), float32, NaN on frames without a face.

    Raises
    ------
    ClipError
        NO_VIDEO: only a clip without frames has no boxes.
    """
    return _given(clip.boxes, clip, Status.NO_VIDEO, "face boxes")


def frames_of(clip: ClipInputs, size: int) -> Iterator[np.ndarray]:
    """Whole RGB frames in chunks of at most ``size``; else a ClipError NO_VIDEO."""
    return _given(clip.frames, clip, Status.NO_VIDEO, "video")(size)


def too_short(clip: ClipInputs) -> ClipError:
    """Make the error for a clip whose video has no frame."""
    return ClipError(Status.TOO_SHORT, f"clip {clip.clip_id} has no video frame")


def _given(value: Given | None, clip: ClipInputs, status: Status, what: str) -> Given:
    if value is None:
        raise ClipError(status, f"clip {clip.clip_id} has no {what}")
    return value

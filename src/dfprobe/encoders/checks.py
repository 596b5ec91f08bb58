"""What a family asks of its spec and of a clip, with one sentence for each refusal."""

from collections.abc import Iterator

import numpy as np

from dfprobe.encoders.contract import ClipInputs
from dfprobe.errors import ClipError, EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.status import Status


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

    Parameters
    ----------
    owner, what : str
        Of what it is a size, and its name, for the message.
    size, divisor : int
    by : str
        Name of the divisor.

    Raises
    ------
    EncoderError
        If there is a remainder.
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
    if clip.waveform is None:
        raise ClipError(Status.NO_AUDIO, f"clip {clip.clip_id} has no audio")
    if len(clip.waveform) < at_least:
        raise ClipError(
            Status.TOO_SHORT,
            f"clip {clip.clip_id} has {len(clip.waveform)} audio samples; the encoder "
            f"needs {at_least}",
        )
    return clip.waveform


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
    if clip.mouth is None:
        raise ClipError(Status.NO_FACE, f"clip {clip.clip_id} has no mouth patches")
    if len(clip.mouth) == 0:
        raise too_short(clip)
    return clip.mouth


def landmarks_of(clip: ClipInputs) -> np.ndarray:
    """Landmarks of a clip.

    Returns
    -------
    np.ndarray of shape (frames, 68, 2), float32

    Raises
    ------
    ClipError
        NO_FACE.
    """
    if clip.landmarks is None:
        raise ClipError(Status.NO_FACE, f"clip {clip.clip_id} has no landmarks")
    return clip.landmarks


def boxes_of(clip: ClipInputs) -> np.ndarray:
    """Face boxes of a clip, NaN on frames without a face.

    Returns
    -------
    np.ndarray of shape (frames, 4), float32

    Raises
    ------
    ClipError
        NO_VIDEO: only a clip without frames has no boxes.
    """
    if clip.boxes is None:
        raise ClipError(Status.NO_VIDEO, f"clip {clip.clip_id} has no face boxes")
    return clip.boxes


def frames_of(clip: ClipInputs, size: int) -> Iterator[np.ndarray]:
    """Whole RGB frames of a clip in chunks of at most ``size``.

    Raises
    ------
    ClipError
        NO_VIDEO.
    """
    if clip.frames is None:
        raise ClipError(Status.NO_VIDEO, f"clip {clip.clip_id} has no video")
    return clip.frames(size)


def too_short(clip: ClipInputs) -> ClipError:
    """Make the error for a clip whose video has no frame."""
    return ClipError(Status.TOO_SHORT, f"clip {clip.clip_id} has no video frame")

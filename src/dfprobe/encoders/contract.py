"""What every encoder family provides, and what it is given for one clip."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np


@dataclass(frozen=True)
class ClipInputs:
    """What an encoder may read of one clip; what it did not ask for is None.

    Parameters
    ----------
    clip_id : str
        Key of the clip, for messages.
    waveform : np.ndarray of shape (samples,), float32
        Mono audio at 16 kHz in [-1, 1]; sample 0 is at the first video frame's time.
    mouth : np.ndarray of shape (frames, 96, 96), uint8
        Grey mouth patches at 25 frames per second.
    landmarks : np.ndarray of shape (frames, 68, 2), float32
        Landmarks in pixels of the source frame (x, y), gaps filled.
    frames : callable
        ``frames(size)`` yields whole RGB source frames at 25 per second in order, as
        arrays of shape (at most size, height, width, 3), uint8.
    boxes : np.ndarray of shape (frames, 4), float32
        Left, top, right, bottom of the face in whole pixels of the source frame, NaN
        on frames without a face; all NaN where the clip has none.
    start_s : float
        Time of the first sample and frame, in seconds after the first frame of the
        video: later than 0 where the start was cut.
    """

    clip_id: str
    waveform: np.ndarray | None = None
    mouth: np.ndarray | None = None
    landmarks: np.ndarray | None = None
    frames: Callable[[int], Iterator[np.ndarray]] | None = None
    boxes: np.ndarray | None = None
    start_s: float = 0.0


class ModelBased:
    """Base of encoders that are torch modules, see `dfprobe.encoders.model_encoder`.

    Attributes
    ----------
    whole_clip : bool
        Whether a row may depend on the whole clip, so that long ones go in windows.
    """

    whole_clip: ClassVar[bool] = False


class Encoder(Protocol):
    """A frozen encoder, ready to turn clips into rows.

    Attributes
    ----------
    inputs : frozenset of str
        Fields of `ClipInputs` that it reads: ``waveform``, ``mouth``, ``landmarks``,
        ``boxes``, ``frames``.
    dim : int
        Length of a row.
    layers : int
        Hidden layers side by side in a row, ``dim / layers`` long each; 1 unless all
        were asked for.
    rate_hz : float
        Rows per second.
    first_row_s : float
        Start of row 0, in seconds after the first sample and frame that it is given.
    weights_hash : str
        Identifies the values of the weights: a hash of the checkpoint, or a text such
        as ``random:seed=3``.
    """

    inputs: frozenset[str]
    dim: int
    layers: int
    rate_hz: float
    first_row_s: float
    weights_hash: str

    def encode(self, clip: ClipInputs) -> np.ndarray:
        """Features of one clip.

        Returns
        -------
        np.ndarray of shape (rows, dim), float32

        Raises
        ------
        ClipError
            If the clip cannot be encoded, e.g. because it is too short.
        """
        ...

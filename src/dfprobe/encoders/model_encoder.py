"""Encoders that are torch modules.

Work on a clip is split in two, so that both can run concurrently: `parts` reads
and prepares (on any thread), `forward` is the model (on its device). A family writes
these two; the extraction stage batches the parts, chooses the arithmetic and answers a
lack of memory.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, ClassVar

import numpy as np
import torch

from dfprobe.encoders.checks import frames_of, too_short
from dfprobe.encoders.contract import ClipInputs, ModelBased
from dfprobe.encoders.windows import WHOLE, Limits, Part, TimeAxis, cut_into_windows
from dfprobe.errors import EncoderError
from dfprobe.rates import VIDEO_FPS

Tensors = Mapping[str, torch.Tensor]
Axes = Mapping[str, tuple[str, ...]]

_IMAGES: Axes = {"pixels": ("batch", "3", "height", "width")}
_READ_BY = {"audio": "waveform", "video": "mouth"}
_CHUNKS: Axes = {"pixels": ("batch", "frames", "3", "height", "width")}


class ModelEncoder(ModelBased, ABC):
    """A frozen torch module, and how a clip is prepared for it; see also `Encoder`.

    Parameters
    ----------
    module : torch.nn.Module
        Frozen model on its device.
    width : int
        Length of one layer's row.
    weights_hash : str
        Identifies the weights.
    hidden : sequence of int or None
        Hidden layers side by side in a row, 0 for the input of the first;
        None for the model's own output.

    Attributes
    ----------
    tensors : mapping of str to tuple of str
        Axes of each input of the model; an axis of fixed length is named by it.
    """

    inputs: frozenset[str]
    rate_hz: float
    first_row_s: float = 0.0
    tensors: Axes

    def __init__(
        self,
        module: torch.nn.Module,
        width: int,
        weights_hash: str,
        hidden: Sequence[int] | None,
    ) -> None:
        self.module: Any = module
        self.hidden, self.weights_hash = hidden, weights_hash
        self.layers = 1 if hidden is None else len(hidden)
        self.dim = self.layers * width

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.module.parameters()).device

    @abstractmethod
    def parts(self, clip: ClipInputs, limits: Limits) -> Iterator[Part]:
        """Read and prepare a clip, part by part.

        Raises
        ------
        ClipError
            If the clip cannot be encoded, e.g. because it is too short.
        """

    @abstractmethod
    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """Rows of prepared inputs: (batch, rows, dim)."""

    def features(self, **tensors: torch.Tensor | np.ndarray) -> np.ndarray:
        """Rows of inputs that are already prepared, in float32.

        Parameters
        ----------
        **tensors : torch.Tensor or np.ndarray, float32
            As `tensors` says. Nothing is padded or masked: the clips of a batch have
            equal length.

        Returns
        -------
        np.ndarray of shape (batch, rows, dim), float32

        Raises
        ------
        EncoderError
            If a tensor is missing, unknown, or of another shape.
        """
        self._check({name: tuple(tensor.shape) for name, tensor in tensors.items()})
        moved = {
            name: torch.as_tensor(tensor).to(self.device, torch.float32)
            for name, tensor in tensors.items()
        }
        with torch.inference_mode():
            return self.forward(**moved).cpu().numpy()

    def encode(self, clip: ClipInputs) -> np.ndarray:
        """Rows of one clip, without windows: (rows, dim), float32; see `Encoder`."""
        rows = [
            self.features(**part.tensors).reshape(-1, self.dim)[part.keep]
            for part in self.parts(clip, WHOLE)
        ]
        return np.concatenate(rows)

    def _check(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        if shapes.keys() == self.tensors.keys() and all(
            _fits(shapes[name], axes) for name, axes in self.tensors.items()
        ):
            return
        wanted = [f"{name} ({', '.join(axes)})" for name, axes in self.tensors.items()]
        given = [f"{name} {shape}" for name, shape in shapes.items()]
        raise EncoderError(
            f"{type(self).__name__} takes {' and '.join(wanted)}, but it was given "
            f"{' and '.join(given) or 'nothing'}"
        )


def _fits(shape: tuple[int, ...], axes: tuple[str, ...]) -> bool:
    return len(shape) == len(axes) and all(
        not name.isdigit() or int(name) == size
        for name, size in zip(axes, shape, strict=True)
    )


class WholeClipEncoder(ModelEncoder):
    """An encoder whose every row may depend on the whole clip.

    Attributes
    ----------
    axes : mapping of str to TimeAxis
        Time axis of each tensor.
    """

    whole_clip = True
    axes: Mapping[str, TimeAxis]

    @abstractmethod
    def prepare(self, clip: ClipInputs) -> dict[str, torch.Tensor]:
        """Prepare a whole clip: each tensor with a batch axis of length 1.

        Raises
        ------
        ClipError
            If the clip cannot be encoded, e.g. because it is too short.
        """

    def parts(self, clip: ClipInputs, limits: Limits) -> Iterator[Part]:
        """One part, or overlapping windows where the clip is longer than the limit."""
        yield from self.cut(self.prepare(clip), limits)

    def cut(self, tensors: Tensors, limits: Limits) -> Iterator[Part]:
        """Cut the inputs for one clip into parts within the limits."""
        length = None
        if limits.window_s is not None:
            length = max(1, round(limits.window_s * self.rate_hz))
        overlap = round(limits.overlap_s * self.rate_hz)
        yield from cut_into_windows(tensors, self.axes, length, overlap)


class StreamsEncoder(WholeClipEncoder):
    """A model of the sound or the mouth of a clip, or of both, at 25 rows per second.

    Parameters
    ----------
    module, width, weights_hash, hidden
        As in `ModelEncoder`.
    stream : str
        ``audio``, ``video`` or ``audio_video``.

    Attributes
    ----------
    streams : mapping of str to tuple of str
        Axes of the model's input of each stream, in the order in which it takes them.
    """

    rate_hz = VIDEO_FPS
    streams: ClassVar[Axes]

    def __init__(
        self,
        module: torch.nn.Module,
        width: int,
        weights_hash: str,
        hidden: Sequence[int] | None,
        stream: str,
    ) -> None:
        super().__init__(module, width, weights_hash, hidden)
        names = [name for name in self.streams if name in stream.split("_")]
        self.tensors = {name: self.streams[name] for name in names}
        self.inputs = frozenset(_READ_BY[name] for name in names)


class FrameEncoder(ModelEncoder):
    """An encoder that gives one row per video frame, from that frame alone."""

    tensors = _IMAGES

    @abstractmethod
    def pixels(self, frames: np.ndarray, first: int, clip: ClipInputs) -> torch.Tensor:
        """Prepare neighbouring frames for the model.

        Parameters
        ----------
        frames : np.ndarray of shape (frames, height, width, 3), uint8
            RGB, at least one.
        first : int
            Number of the first one in the clip.
        clip : ClipInputs
            What else is known of the clip.

        Returns
        -------
        torch.Tensor of shape (frames or fewer, 3, side, side), float32
        """

    def parts(self, clip: ClipInputs, limits: Limits) -> Iterator[Part]:
        """Parts of at most ``limits.batch_rows`` frames; see `ModelEncoder.parts`."""
        first = 0
        for frames in frames_of(clip, limits.batch_rows):
            pixels = self.pixels(frames, first, clip)
            first += len(pixels)
            if len(pixels):
                yield Part({"pixels": pixels}, len(pixels))
        if not first:
            raise too_short(clip)


class ChunkEncoder(ModelEncoder):
    """An encoder of chunks of video frames without overlap.

    The frames after the last full chunk are dropped; a clip shorter than one chunk
    repeats its last frame to fill one.

    Attributes
    ----------
    chunk_frames, chunk_rows : int
        Frames of a chunk, and rows that it gives.
    """

    tensors = _CHUNKS
    chunk_frames: int
    chunk_rows: int

    @abstractmethod
    def pixels(self, chunk: list[np.ndarray]) -> torch.Tensor:
        """Prepare a chunk: frames of (height, width, 3) -> (frames, 3, side, side)."""

    def parts(self, clip: ClipInputs, limits: Limits) -> Iterator[Part]:
        """Parts of as many chunks as the limits allow; see `ModelEncoder.parts`."""
        length = self.chunk_frames
        frames = chain.from_iterable(frames_of(clip, length))
        chunk = list(islice(frames, length))
        if not chunk:
            raise too_short(clip)
        if len(chunk) < length:
            note = (
                f"{len(chunk)} frames fill no chunk of {length}; the last is repeated"
            )
            yield self._part([chunk + chunk[-1:] * (length - len(chunk))], note)
            return
        most = max(1, limits.batch_rows // self.chunk_rows)
        chunks = [chunk]
        while len(chunk := list(islice(frames, length))) == length:
            if len(chunks) == most:
                yield self._part(chunks)
                chunks = []
            chunks.append(chunk)
        yield self._part(chunks)

    def _part(self, chunks: list[list[np.ndarray]], note: str = "") -> Part:
        pixels = torch.stack([self.pixels(chunk) for chunk in chunks])
        return Part({"pixels": pixels}, len(chunks) * self.chunk_rows, note=note)

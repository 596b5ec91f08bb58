"""Image and video encoders of the family auto."""

from typing import Any

import numpy as np
import torch

from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.hub_models.auto_classes import auto_model, image_processor, trial
from dfprobe.encoders.hub_models.pooling import Pooling, pooling_for
from dfprobe.encoders.loading.hub import run
from dfprobe.encoders.model_encoder import ChunkEncoder, FrameEncoder, ModelEncoder
from dfprobe.errors import EncoderError
from dfprobe.rates import VIDEO_FPS
from dfprobe.settings.specs import EncoderSpec

_SIDE = 64  # pixels of a stand-in frame


class PooledEncoder(ModelEncoder):
    """A model of transformers on whole frames, its tokens pooled to rows.

    Parameters
    ----------
    model : PreTrainedModel
        Frozen model.
    processor : BaseImageProcessor
        Makes its input from frames.
    pooling : Pooling
        Makes rows of its output.
    weights_hash
        As in `ModelEncoder`.
    """

    inputs = frozenset({"frames"})

    def __init__(
        self, model: Any, processor: Any, pooling: Pooling, weights_hash: str
    ) -> None:
        super().__init__(model, pooling.width, weights_hash, pooling.hidden)
        self.processor, self.pooling = processor, pooling

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """Rows of images or of chunks: (batch, rows, dim)."""
        output = run(self.module, self.hidden, pixel_values=tensors["pixels"])
        return self.pooling(output)


class ImageEncoder(PooledEncoder, FrameEncoder):
    """An image model on each frame of a clip; see `PooledEncoder`."""

    rate_hz = VIDEO_FPS

    def pixels(self, frames: np.ndarray, first: int, clip: ClipInputs) -> torch.Tensor:
        """Whole frames; see `FrameEncoder.pixels`."""
        return self.processor(list(frames), return_tensors="pt").pixel_values


class VideoEncoder(PooledEncoder, ChunkEncoder):
    """A video model on chunks of a clip; see `PooledEncoder`."""

    def __init__(
        self, model: Any, processor: Any, pooling: Pooling, weights_hash: str
    ) -> None:
        super().__init__(model, processor, pooling, weights_hash)
        self.chunk_frames, self.chunk_rows = model.config.num_frames, pooling.rows
        self.rate_hz = VIDEO_FPS * self.chunk_rows / self.chunk_frames

    def pixels(self, chunk: list[np.ndarray]) -> torch.Tensor:
        """Whole frames; see `ChunkEncoder.pixels`."""
        return self.processor(chunk, return_tensors="pt").pixel_values[0]


def image_encoder(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec whose stream is image.

    Raises
    ------
    EncoderError
        If the model is not there, or of a kind that is not supported.
    """
    model, weights_hash = auto_model(spec, device)
    if hasattr(model.config, "num_frames"):
        raise EncoderError(
            f"encoder {spec.name!r}: the weights {spec.weights!r} are a video model of "
            f"type {model.config.model_type}; set stream: video"
        )
    processor, pooling = _fitting(spec, model)
    return ImageEncoder(model, processor, pooling, weights_hash)


def video_encoder(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec whose stream is video; raises as `image_encoder`."""
    model, weights_hash = auto_model(spec, device)
    if not hasattr(model.config, "num_frames"):
        raise EncoderError(
            f"encoder {spec.name!r}: the weights {spec.weights!r} are not a video "
            f"model: the configuration of type {model.config.model_type} has no "
            "num_frames; for an image model, set stream: image"
        )
    processor, pooling = _fitting(spec, model)
    return VideoEncoder(model, processor, pooling, weights_hash)


def _fitting(spec: EncoderSpec, model: Any) -> tuple[Any, Pooling]:
    """Preprocessing of a model, and how its output becomes rows."""
    processor = image_processor(spec)
    frames, axes = (model.config.num_frames, 5) if spec.stream == "video" else (1, 4)
    noise = np.random.default_rng(0).integers(0, 256, (_SIDE, _SIDE, 3), np.uint8)
    with trial(spec, model):
        pixels = processor([noise] * frames, return_tensors="pt").pixel_values.to(
            model.device
        )
        output, again = (
            model(pixel_values=pixels, output_hidden_states=True) for _ in range(2)
        )
        difference = (output.last_hidden_state - again.last_hidden_state).abs().max()
    if pixels.dim() != axes:
        raise EncoderError(
            f"encoder {spec.name!r}: the preprocessing published with {spec.weights!r} "
            f"makes an input of shape {tuple(pixels.shape)}, but the stream "
            f"{spec.stream} needs {axes} axes"
        )
    if difference > 1e-3:  # far above the rounding of a GPU
        raise EncoderError(
            f"encoder {spec.name!r}: {type(model).__name__} gives other values each "
            "time it sees the same frame (random masks?), so it is not a frozen encoder"
        )
    return processor, pooling_for(spec, model.config, output, pixels)

"""VideoMAE: chunks of 16 whole frames, one row a pair of frames.

The frames are cut into chunks of ``num_frames`` without overlap. Each chunk gives one
row a tubelet (2 frames): the mean of its patch tokens. The frames after the last full
chunk are dropped, as in the paper; a clip shorter than one chunk, for which the paper
has no rule, repeats its last frame to fill one. Recipe of the paper:
danoneata/veridiq, feature_extractors_dirty/fe_video_mae.py.
"""

import logging
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np
import torch
from transformers import VideoMAEConfig, VideoMAEImageProcessorPil, VideoMAEModel
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from dfprobe.encoders.base import ClipInputs, Encoder, EncoderSpec
from dfprobe.encoders.checks import frames_of, hidden_layer, joined
from dfprobe.encoders.hub import hidden_state, hub_model
from dfprobe.rates import VIDEO_FPS

STREAMS = {"video": "visual"}
WEIGHTS = {"random": "random weights at a small size", "file": "hub id or folder"}
OPTIONS = {
    "image_size": {
        "type": "integer",
        "minimum": 16,
        "default": 96,
        "description": "Random weights: side of the input in pixels.",
    },
    "patch_size": {
        "type": "integer",
        "minimum": 1,
        "default": 16,
        "description": "Random weights: side of a patch in pixels.",
    },
    "hidden_size": {
        "type": "integer",
        "minimum": 1,
        "default": 128,
        "description": "Random weights: width.",
    },
    "layers": {
        "type": "integer",
        "minimum": 1,
        "default": 2,
        "description": "Random weights: transformer layers.",
    },
    "heads": {
        "type": "integer",
        "minimum": 1,
        "default": 4,
        "description": "Random weights: attention heads.",
    },
}

log = logging.getLogger("dfprobe")


class VideoMAEEncoder:
    """VideoMAE on the chunks of a clip.

    Parameters
    ----------
    model : VideoMAEModel
        Frozen model; `dim` is its hidden size.
    layer : int or None
        Hidden layer without the final norm; None for the model's own output.
    weights_hash : str
        Identifies the weights.
    """

    inputs = frozenset({"frames"})
    first_row_s = 0.0

    def __init__(
        self, model: VideoMAEModel, layer: int | None, weights_hash: str
    ) -> None:
        self._model, self._layer = model, layer
        config = model.config
        self.dim = config.hidden_size
        self.rate_hz = VIDEO_FPS / config.tubelet_size
        self.weights_hash = weights_hash
        side = int(config.image_size)  # type: ignore[arg-type]
        # Without mean and std the library's class would take 0.5 for both.
        self._processor = VideoMAEImageProcessorPil(
            size={"shortest_edge": side},
            crop_size={"height": side, "width": side},
            image_mean=IMAGENET_DEFAULT_MEAN,
            image_std=IMAGENET_DEFAULT_STD,
        )

    def encode(self, clip: ClipInputs) -> np.ndarray:
        """Rows of the tubelets: (rows, dim), float32; see `Encoder.encode`."""
        return joined(clip, [self._rows(chunk) for chunk in self._chunks(clip)])

    def _chunks(self, clip: ClipInputs) -> Iterator[list[np.ndarray]]:
        """Chunks of exactly ``num_frames`` frames, each of shape (height, width, 3)."""
        length = self._model.config.num_frames
        frames = (frame for part in frames_of(clip, length) for frame in part)
        chunk = list(islice(frames, length))
        if 0 < len(chunk) < length:
            log.warning(
                "clip %s has %d frames, fewer than a chunk of %d; the last is repeated",
                *(clip.clip_id, len(chunk), length),
            )
            chunk += chunk[-1:] * (length - len(chunk))
        while len(chunk) == length:
            yield chunk
            chunk = list(islice(frames, length))

    def _rows(self, chunk: list[np.ndarray]) -> np.ndarray:
        pixels = self._processor(chunk, return_tensors="pt").pixel_values
        with torch.inference_mode():
            output = self._model(
                pixels.to(self._model.device),
                output_hidden_states=self._layer is not None,
            )
        tokens = hidden_state(output, self._layer)
        config = self._model.config
        # Tokens are ordered time, row, column: (1, t * r * c, dim) -> (t, r * c, dim)
        steps = tokens.reshape(config.num_frames // config.tubelet_size, -1, self.dim)
        return steps.mean(dim=1).cpu().numpy()


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`).

    A checkpoint fine-tuned for classification has no final norm; it is refused for
    the missing tensors, since its output is another feature than the paper's.
    """
    model, weights_hash = hub_model(
        spec,
        device,
        VideoMAEModel,
        lambda: _small_config(spec.options),
        use_mean_pooling=False,
    )
    layer = hidden_layer(spec, model.config.num_hidden_layers)
    return VideoMAEEncoder(model, layer, weights_hash)


def _small_config(options: dict[str, Any]) -> VideoMAEConfig:
    return VideoMAEConfig(
        image_size=options["image_size"],
        patch_size=options["patch_size"],
        hidden_size=options["hidden_size"],
        num_hidden_layers=options["layers"],
        num_attention_heads=options["heads"],
        intermediate_size=4 * options["hidden_size"],
        use_mean_pooling=False,
    )

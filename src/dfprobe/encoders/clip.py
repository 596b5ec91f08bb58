"""CLIP's image tower: one row a video frame, from the whole frame.

A row is the projected CLS token (``image_embeds``), not normalised; for a hidden layer
it is that layer's CLS token. The frames go through the PIL preprocessing of CLIP by
name, since the library would otherwise take another resampling where torchvision is
installed. Recipe of the paper: danoneata/veridiq, feature_extractors_dirty/fe_clip.py.
"""

from typing import Any

import numpy as np
import torch
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

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

CHUNK_FRAMES = 32  # bounds the memory; the rows do not depend on it


class ClipEncoder:
    """The image tower of CLIP on each frame of a clip.

    Parameters
    ----------
    model : CLIPVisionModelWithProjection
        Frozen model; `dim` is that of its projection.
    layer : int or None
        Hidden layer whose CLS token is the row; None for the projected embedding.
    weights_hash : str
        Identifies the weights.
    """

    inputs = frozenset({"frames"})
    rate_hz = VIDEO_FPS
    first_row_s = 0.0

    def __init__(
        self,
        model: CLIPVisionModelWithProjection,
        layer: int | None,
        weights_hash: str,
    ) -> None:
        self._model, self._layer = model, layer
        config = model.config
        self.dim = config.projection_dim if layer is None else config.hidden_size
        self.weights_hash = weights_hash
        side = int(config.image_size)  # type: ignore[arg-type]
        self._processor = CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        )

    def encode(self, clip: ClipInputs) -> np.ndarray:
        """Rows of the frames: (frames, dim), float32; see `Encoder.encode`."""
        chunks = frames_of(clip, CHUNK_FRAMES)
        return joined(clip, [self._rows(chunk) for chunk in chunks])

    def _rows(self, frames: np.ndarray) -> np.ndarray:
        pixels = self._processor(list(frames), return_tensors="pt").pixel_values
        with torch.inference_mode():
            output = self._model(
                pixels.to(self._model.device),
                output_hidden_states=self._layer is not None,
            )
        if self._layer is None:
            return output.image_embeds.cpu().numpy()
        return hidden_state(output, self._layer)[:, 0].cpu().numpy()


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    model, weights_hash = hub_model(
        spec,
        device,
        CLIPVisionModelWithProjection,
        lambda: _small_config(spec.options),
    )
    layer = hidden_layer(spec, model.config.num_hidden_layers)
    return ClipEncoder(model, layer, weights_hash)


def _small_config(options: dict[str, Any]) -> CLIPVisionConfig:
    return CLIPVisionConfig(
        image_size=options["image_size"],
        patch_size=options["patch_size"],
        hidden_size=options["hidden_size"],
        projection_dim=options["hidden_size"],
        num_hidden_layers=options["layers"],
        num_attention_heads=options["heads"],
        intermediate_size=4 * options["hidden_size"],
    )

"""CLIP's image tower: one row per video frame, from the whole frame.

A row is the projected CLS token (``image_embeds``), not normalised; for a hidden layer
it is that layer's CLS token. The frames go through the PIL preprocessing of CLIP by
name, since the library would otherwise take another resampling where torchvision is
installed. Recipe of the paper: danoneata/veridiq, feature_extractors_dirty/fe_clip.py.
"""

import numpy as np
import torch
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from dfprobe.encoders.checks import hidden_layers
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.loading.hub import hub_model, run, small_config, tokens_of
from dfprobe.encoders.model_encoder import FrameEncoder
from dfprobe.encoders.tracing import Site, Tracing, after_cls, last_block
from dfprobe.rates import VIDEO_FPS
from dfprobe.settings.model import Options
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"video": "visual"}
WEIGHTS = {"random": "random weights at a small size", "hub": "hub id or folder"}
EXPLAINED = ("video",)
OPTIONS: Options = {}
RANDOM_SIZES = {  # default, minimum, what it is
    "image_size": (96, 16, "side of the input in pixels"),
    "patch_size": (16, 1, "side of a patch in pixels"),
    "hidden_size": (128, 1, "width"),
    "layers": (2, 1, "transformer layers"),
    "heads": (4, 1, "attention heads"),
}


class ClipEncoder(FrameEncoder):
    """The image tower of CLIP on each frame of a clip."""

    inputs = frozenset({"frames"})
    rate_hz = VIDEO_FPS

    def __init__(
        self,
        model: CLIPVisionModelWithProjection,
        hidden: tuple[int, ...] | None,
        weights_hash: str,
    ) -> None:
        config = model.config
        width = config.projection_dim if hidden is None else config.hidden_size
        super().__init__(model, width, weights_hash, hidden)
        side = int(config.image_size)  # type: ignore[arg-type]
        self.processor = CLIPImageProcessorPil(
            size={"shortest_edge": side}, crop_size={"height": side, "width": side}
        )

    def pixels(self, frames: np.ndarray, first: int, clip: ClipInputs) -> torch.Tensor:
        """Whole frames, resized and cut square; see `FrameEncoder.pixels`."""
        return self.processor(list(frames), return_tensors="pt").pixel_values

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """One row per image: (batch, 1, dim)."""
        output = run(self.module, self.hidden, tensors["pixels"])
        if self.hidden is None:
            return output.image_embeds[:, None]
        return tokens_of(output, self.hidden, lambda tokens: tokens[:, :1])


def _site(encoder: ClipEncoder) -> Site:
    """First norm of the last layer, the paper's choice."""
    block = last_block(encoder, encoder.module.vision_model.encoder.layers)
    return Site(block.layer_norm1, after_cls)


TRACING = Tracing({"frame": "processed_frame"}, site=_site)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    options = spec.options
    model, weights_hash = hub_model(
        spec,
        device,
        CLIPVisionModelWithProjection,
        lambda: small_config(
            CLIPVisionConfig, projection_dim=options["hidden_size"], **options
        ),
    )
    hidden = hidden_layers(spec, model.config.num_hidden_layers)
    return ClipEncoder(model, hidden, weights_hash)

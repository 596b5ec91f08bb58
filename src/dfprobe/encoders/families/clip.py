"""CLIP's image tower: one row per video frame, from the whole frame.

A row is the projected CLS token (``image_embeds``), not normalised; for a hidden layer
it is that layer's CLS token. The frames go through the PIL preprocessing of CLIP by
name, since the library would otherwise take another resampling where torchvision is
installed. Recipe of the paper: danoneata/veridiq, feature_extractors_dirty/fe_clip.py.
"""

import torch
from transformers import (
    CLIPImageProcessorPil,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from dfprobe.encoders.checks import hidden_layers
from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.hub_models.auto_classes import square_processor
from dfprobe.encoders.hub_models.images import ImageEncoder
from dfprobe.encoders.hub_models.pooling import Pooling
from dfprobe.encoders.loading.hub import hub_model, run, small_config
from dfprobe.encoders.tracing import Site, Tracing, after_cls, last_block
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


class ClipEncoder(ImageEncoder):
    """The image tower of CLIP on each frame of a clip."""

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """One row per image: (batch, 1, dim)."""
        if self.hidden is not None:
            return super().forward(**tensors)
        return run(self.module, None, tensors["pixels"]).image_embeds[:, None]


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
    config = model.config
    width = config.projection_dim if hidden is None else config.hidden_size
    processor = square_processor(CLIPImageProcessorPil, config.image_size)
    pooling = Pooling("cls", hidden, width)
    return ClipEncoder(model, processor, pooling, weights_hash)

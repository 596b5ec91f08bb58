"""VideoMAE: chunks of 16 whole frames, one row per pair of frames.

The frames are cut into chunks of ``num_frames`` without overlap. Each chunk gives one
row per tubelet (2 frames): the mean of its patch tokens. The frames after the last full
chunk are dropped, as in the paper; a clip shorter than one chunk, for which the paper
has no rule, repeats its last frame to fill one. Recipe of the paper:
danoneata/veridiq, feature_extractors_dirty/fe_video_mae.py.
"""

import torch
from transformers import VideoMAEConfig, VideoMAEImageProcessorPil, VideoMAEModel
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from dfprobe.encoders.checks import hidden_layers
from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.hub_models.auto_classes import square_processor
from dfprobe.encoders.hub_models.images import VideoEncoder
from dfprobe.encoders.hub_models.pooling import Pooling, patch_shares
from dfprobe.encoders.loading.hub import hub_model, small_config
from dfprobe.encoders.tracing import Site, Tracing, last_block, square
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


def _site(encoder: VideoEncoder) -> Site:
    """Input of the last layer: the tokens of the row's own tubelet."""
    block = last_block(encoder, encoder.module.encoder.layer)

    def own_tokens(output: torch.Tensor, row: int) -> torch.Tensor:
        # (1, t * r * c, D) -> (t, r * c, D)
        return square(output[0].unflatten(0, (encoder.chunk_rows, -1))[row])

    return Site(block, own_tokens, before=True)


TRACING = Tracing({"frame": "processed_frame"}, site=_site, of_batch=patch_shares)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`).

    A checkpoint fine-tuned for classification has no final norm; it is refused for
    the missing tensors, since its output is another feature than the paper's.
    """
    model, weights_hash = hub_model(
        spec,
        device,
        VideoMAEModel,
        lambda: small_config(VideoMAEConfig, use_mean_pooling=False, **spec.options),
        use_mean_pooling=False,
    )
    hidden = hidden_layers(spec, model.config.num_hidden_layers)
    config = model.config
    rows = config.num_frames // config.tubelet_size
    pooling = Pooling("mean", hidden, config.hidden_size, rows=rows)
    # Without mean and std the library's class would take 0.5 for both.
    processor = square_processor(
        VideoMAEImageProcessorPil,
        config.image_size,
        image_mean=IMAGENET_DEFAULT_MEAN,
        image_std=IMAGENET_DEFAULT_STD,
    )
    return VideoEncoder(model, processor, pooling, weights_hash)

"""VideoMAE: chunks of 16 whole frames, one row per pair of frames.

The frames are cut into chunks of ``num_frames`` without overlap. Each chunk gives one
row a tubelet (2 frames): the mean of its patch tokens. The frames after the last full
chunk are dropped, as in the paper; a clip shorter than one chunk, for which the paper
has no rule, repeats its last frame to fill one. Recipe of the paper:
danoneata/veridiq, feature_extractors_dirty/fe_video_mae.py.
"""

from collections.abc import Mapping

import numpy as np
import torch
from transformers import VideoMAEConfig, VideoMAEImageProcessorPil, VideoMAEModel
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD

from dfprobe.encoders.checks import hidden_layers
from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.loading.hub import hub_model, run, small_config, tokens_of
from dfprobe.encoders.model_encoder import ChunkEncoder
from dfprobe.encoders.tracing import (
    Site,
    Tracing,
    last_block,
    shares_of_means,
    square,
)
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


class VideoMAEEncoder(ChunkEncoder):
    """VideoMAE on the chunks of a clip."""

    inputs = frozenset({"frames"})

    def __init__(
        self, model: VideoMAEModel, hidden: tuple[int, ...] | None, weights_hash: str
    ) -> None:
        config = model.config
        super().__init__(model, config.hidden_size, weights_hash, hidden)
        self.rate_hz = VIDEO_FPS / config.tubelet_size
        self.chunk_frames = config.num_frames
        self.chunk_rows = config.num_frames // config.tubelet_size
        side = int(config.image_size)  # type: ignore[arg-type]
        # Without mean and std the library's class would take 0.5 for both.
        self.processor = VideoMAEImageProcessorPil(
            size={"shortest_edge": side},
            crop_size={"height": side, "width": side},
            image_mean=IMAGENET_DEFAULT_MEAN,
            image_std=IMAGENET_DEFAULT_STD,
        )

    def pixels(self, chunk: list[np.ndarray]) -> torch.Tensor:
        """Whole frames, resized and cut square; see `ChunkEncoder.pixels`."""
        return self.processor(chunk, return_tensors="pt").pixel_values[0]

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """One row per tubelet: (batch, chunk_rows, dim)."""
        output = run(self.module, self.hidden, tensors["pixels"])
        return tokens_of(output, self.hidden, self._tubelets)

    def _tubelets(self, tokens: torch.Tensor) -> torch.Tensor:
        """Mean over the patches of each tubelet; tokens are ordered t, row, column."""
        # (batch, t * r * c, width) -> (batch, t, width)
        return tokens.unflatten(1, (self.chunk_rows, -1)).mean(dim=2)


def _site(encoder: VideoMAEEncoder) -> Site:
    """Input of the last layer: the tokens of the row's own tubelet."""
    block = last_block(encoder, encoder.module.encoder.layer)

    def own_tokens(output: torch.Tensor, row: int) -> torch.Tensor:
        # (1, t * r * c, D) -> (t, r * c, D)
        return square(output[0].unflatten(0, (encoder.chunk_rows, -1))[row])

    return Site(block, own_tokens, before=True)


def _shares(
    encoder: VideoMAEEncoder, tensors: Mapping[str, torch.Tensor]
) -> np.ndarray:
    """Shares of the patches in the rows of one chunk, see `Tracing`."""
    output = run(encoder.module, encoder.hidden, tensors["pixels"])
    return shares_of_means(tokens_of(output, encoder.hidden), encoder.chunk_rows)


TRACING = Tracing({"frame": "processed_frame"}, site=_site, of_batch=_shares)


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
    return VideoMAEEncoder(model, hidden, weights_hash)

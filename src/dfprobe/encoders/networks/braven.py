"""BRAVEn and RAVEn as torch modules, with the tensor names of the official checkpoints.

Written from the description of ahaliassos/raven (espnet/nets/pytorch_backend:
e2e_asr_transformer.py, transformer/{encoder,encoder_layer}.py): the forward pass of
`E2E.encoder` in evaluation mode without a mask, and nothing of training.
B batch, T frames (25 per second), D width.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dfprobe.encoders.networks.relative_attention import (
    NORM_EPS,
    FeedForward,
    RelativeAttention,
    RelativeEncoder,
    Sizes,
)
from dfprobe.encoders.networks.resnet_frontends import FRONTENDS

_LAYER_SCALE = 0.1  # before training
# For random weights: a second of sound as loud as speech, ten normalised mouth patches.
_NOISE_LEVEL = {"audio": 0.1, "video": 1.0}
_NOISE_SHAPE = {"audio": (1, 16_000, 1), "video": (1, 10, 88, 88)}


class Braven(RelativeEncoder):
    """The encoder of one stream, ``audio`` or ``video``."""

    def __init__(self, stream: str, sizes: Sizes) -> None:
        super().__init__(FRONTENDS[stream](sizes.trunk_width), sizes, Block)
        self._stream = stream

    def forward(self, stream: Tensor, hidden: Sequence[int] | None = None) -> Tensor:
        """Rows of a stream; video has no channel axis: (B, T, 88, 88)."""
        if self._stream == "video":
            stream = stream[:, :, None]
        return super().forward(stream, hidden)


class Block(nn.Module):
    """Self-attention and feed-forward, each normalised before and scaled after."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.norm_mha = nn.LayerNorm(width, eps=NORM_EPS)
        self.self_attn = RelativeAttention(width, sizes.heads)
        self.gamma_mha = nn.Parameter(torch.full((width,), _LAYER_SCALE))
        self.norm_ff = nn.BatchNorm1d(width)
        self.feed_forward = FeedForward(width, sizes.ffn)
        self.gamma_ff = nn.Parameter(torch.full((width,), _LAYER_SCALE))

    def forward(self, rows: Tensor, positions: Tensor) -> Tensor:
        """Transform the rows: (B, T, D), (2 T - 1, D) -> (B, T, D)."""
        mixed = self.self_attn(self.norm_mha(rows), positions)
        rows = rows + self.gamma_mha * mixed
        normed = self.norm_ff(rows.transpose(1, 2)).transpose(1, 2)
        return rows + self.gamma_ff * self.feed_forward(normed)


def random_model(stream: str, sizes: Sizes) -> Braven:
    """Model as it is before training, ready to be used in evaluation mode.

    The weights are drawn as in the official code: torch's constructors, layer scale
    0.1, position biases Xavier-uniform. The statistics of the batch norms are those of
    one pass over noise, as a first training step would have. Without them the signal
    fades from stage to stage, until the rows of a clip differ by less than float16 can
    store.
    """
    model = Braven(stream, sizes)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            module.momentum = None  # the statistics become the mean over all passes
    with torch.no_grad():
        model.train()(_NOISE_LEVEL[stream] * torch.randn(_NOISE_SHAPE[stream]))
    return model

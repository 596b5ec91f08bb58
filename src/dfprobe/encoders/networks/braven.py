"""BRAVEn and RAVEn as torch modules, with the tensor names of the official checkpoints.

Written from the description of ahaliassos/raven (espnet/nets/pytorch_backend:
e2e_asr_transformer.py, transformer/{encoder,encoder_layer}.py): the forward pass of
`E2E.encoder` in evaluation mode without a mask, and nothing of training.
B batch, T frames (25 per second), D width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfprobe.encoders.networks.relative_attention import (
    RelativeAttention,
    relative_positions,
)
from dfprobe.encoders.networks.resnet_frontends import AudioFrontend, VideoFrontend
from dfprobe.torch_modules import last_of, picked, run_blocks

_NORM_EPS = 1e-12  # of the layer norms; the batch norms keep 1e-5
_LAYER_SCALE = 0.1  # before training
_FRONTENDS: dict[str, type[AudioFrontend] | type[VideoFrontend]] = {
    "audio": AudioFrontend,
    "video": VideoFrontend,
}
# For random weights: a second of sound as loud as speech, ten normalised mouth patches.
_NOISE_LEVEL = {"audio": 0.1, "video": 1.0}
_NOISE_SHAPE = {"audio": (1, 16_000, 1), "video": (1, 10, 88, 88)}


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model; all can be read from a checkpoint.

    Parameters
    ----------
    layers, width, ffn, heads : int
        Of the transformer; ``ffn`` is the width inside the feed-forward part. The
        width is even and a multiple of the heads.
    trunk_width : int
        Channels of the first stage of the ResNet; each later stage doubles them.
    """

    layers: int
    width: int
    ffn: int
    heads: int
    trunk_width: int


class Braven(nn.Module):
    """The encoder of one stream: frontend, embedding, transformer blocks.

    Parameters
    ----------
    stream : str
        ``audio`` or ``video``: which frontend.
    sizes : Sizes
        Sizes of all parts.
    """

    def __init__(self, stream: str, sizes: Sizes) -> None:
        super().__init__()
        self._stream = stream
        self.frontend = _FRONTENDS[stream](sizes.trunk_width)
        # A list of one, as in the checkpoints.
        self.embed = nn.Sequential(nn.Linear(8 * sizes.trunk_width, sizes.width))
        self.encoders = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        self.after_norm = nn.LayerNorm(sizes.width, eps=_NORM_EPS)

    def forward(self, inputs: Tensor, hidden: Sequence[int] | None = None) -> Tensor:
        """Features of a stream.

        Parameters
        ----------
        inputs : Tensor, float32
            (B, samples, 1) for ``audio``, (B, T, 88, 88) for ``video``.
        hidden : sequence of int or None
            Hidden layers, without the final norm; None for the output with it.

        Returns
        -------
        Tensor of shape (B, T, D), or (B, T, layers * D)
        """
        if self._stream == "video":
            inputs = inputs[:, :, None]  # the channel: (B, T, 1, 88, 88)
        rows = self.embed(self.frontend(inputs))
        rows = rows * math.sqrt(rows.shape[2])
        states = run_blocks(self.encoders, rows, relative_positions(rows))
        if hidden is None:
            return self.after_norm(last_of(states))
        return picked(states, hidden)


class Block(nn.Module):
    """Self-attention and feed-forward, each normalised before and scaled after."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.norm_mha = nn.LayerNorm(width, eps=_NORM_EPS)
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


class FeedForward(nn.Module):
    """Two linear layers with a ReLU between (the frontends have SiLU)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, inner)
        self.w_2 = nn.Linear(inner, width)

    def forward(self, rows: Tensor) -> Tensor:
        """Transform each row: (B, T, D) -> (B, T, D)."""
        return self.w_2(F.relu(self.w_1(rows)))


def random_model(stream: str, sizes: Sizes) -> Braven:
    """Model as it is before training, ready to be used in evaluation mode.

    The weights are drawn as in the official code: torch's constructors, layer scale
    0.1, position biases Xavier-uniform. The statistics of the batch norms are those of
    one pass over noise, as a first training step would have. Without them the signal
    fades from stage to stage, until the rows of a clip differ by less than float16 can
    store.

    Parameters
    ----------
    stream : str
        ``audio`` or ``video``.
    sizes : Sizes
        Sizes of all parts.
    """
    model = Braven(stream, sizes)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            module.momentum = None  # the statistics become the mean over all passes
    with torch.no_grad():
        model.train()(_NOISE_LEVEL[stream] * torch.randn(_NOISE_SHAPE[stream]))
    return model

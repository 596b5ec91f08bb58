"""Auto-AVSR's encoders as torch modules, with the names of the v1.0.0 checkpoints.

Written from the description of mpc001/auto_avsr (tag v1.0.0, espnet/nets/
pytorch_backend: e2e_asr_conformer.py, e2e_asr_conformer_av.py, backbones/,
transformer/): a ResNet-18 on every frame, then a Conformer; the forward pass in
evaluation mode, and nothing of training.
B batch, T video frames (25 per second), N audio samples (16 kHz), D width, H heads.
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
from dfprobe.encoders.networks.resnet_frontends import (
    AudioFrontend,
    VideoFrontend,
    initialise_frontend,
)
from dfprobe.torch_modules import last_of, picked, run_blocks

_NORM_EPS = 1e-12  # of the layer norms; the batch norms have torch's 1e-5


@dataclass(frozen=True)
class Sizes:
    """Sizes of one encoder; all can be read from a checkpoint.

    Parameters
    ----------
    layers, width, ffn, heads : int
        Of the Conformer; ``ffn`` is the width inside the feed-forward parts.
    conv_kernel : int
        Frames that the convolution of a Conformer block sees, odd.
    trunk_width : int
        Channels of the first stage of the ResNet; each later stage doubles them.
    """

    layers: int
    width: int
    ffn: int
    heads: int
    trunk_width: int
    conv_kernel: int = 31


class OneStream(nn.Module):
    """The audio or the visual model."""

    def __init__(self, frontend: nn.Module, sizes: Sizes) -> None:
        super().__init__()
        self.encoder = Conformer(frontend, sizes)

    @property
    def layers(self) -> int:
        """Number of Conformer blocks."""
        return len(self.encoder.encoders)

    def width(self, fused: bool) -> int:
        """Length of one layer's row; fused or not makes no difference."""
        return self.encoder.after_norm.normalized_shape[0]

    def forward(self, stream: Tensor, hidden: Sequence[int] | None = None) -> Tensor:
        """Rows of the stream; see `Conformer.forward`."""
        return self.encoder(stream, hidden)


class TwoStreams(nn.Module):
    """The audio-visual model: two encoders of their own, joined by an MLP."""

    def __init__(self, video: Sizes, audio: Sizes, fusion_width: int) -> None:
        super().__init__()
        self.encoder = Conformer(VideoFrontend(video.trunk_width), video)
        self.aux_encoder = Conformer(AudioFrontend(audio.trunk_width), audio)
        self.fusion = Fusion(video.width + audio.width, fusion_width, video.width)

    @property
    def layers(self) -> int:
        """Number of Conformer blocks that both encoders have."""
        return min(len(self.encoder.encoders), len(self.aux_encoder.encoders))

    def width(self, fused: bool) -> int:
        """Length of the fused row, or of one hidden layer's."""
        return self.fusion.fc2.out_features if fused else self.fusion.fc1.in_features

    def forward(
        self, video: Tensor, audio: Tensor, hidden: Sequence[int] | None = None
    ) -> Tensor:
        """Rows of both streams together.

        Parameters
        ----------
        video : Tensor of shape (B, T, 1, 88, 88), float32
        audio : Tensor of shape (B, 640 * T, 1), float32
        hidden : sequence of int or None
            Hidden layers of both encoders, not fused; None for the fused output.

        Returns
        -------
        Tensor of shape (B, T, D), or (B, T, layers * 2 D): of each layer video first
        """
        count = 1 if hidden is None else len(hidden)
        halves = [
            encoder(stream, hidden).unflatten(2, (count, -1))  # (B, T, layers, D)
            for encoder, stream in ((self.encoder, video), (self.aux_encoder, audio))
        ]
        rows = torch.cat(halves, dim=3).flatten(2)  # (B, T, layers * 2 D)
        return self.fusion(rows) if hidden is None else rows


class Fusion(nn.Module):
    """Two linear layers with a batch norm between: (B, T, 2 D) -> (B, T, D)."""

    def __init__(self, wide_in: int, hidden: int, wide: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(wide_in, hidden)
        self.bn1 = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, wide)

    def forward(self, rows: Tensor) -> Tensor:
        """Fuse the rows."""
        hidden = self.bn1(self.fc1(rows).transpose(1, 2)).transpose(1, 2)
        return self.fc2(F.relu(hidden))


class Conformer(nn.Module):
    """Frontend, linear layer, Conformer blocks, final norm."""

    def __init__(self, frontend: nn.Module, sizes: Sizes) -> None:
        super().__init__()
        self.frontend = frontend
        # A list of one, as in the checkpoints.
        self.embed = nn.Sequential(nn.Linear(8 * sizes.trunk_width, sizes.width))
        self.encoders = nn.ModuleList(
            ConformerBlock(sizes) for _ in range(sizes.layers)
        )
        self.after_norm = nn.LayerNorm(sizes.width, eps=_NORM_EPS)

    def forward(self, stream: Tensor, hidden: Sequence[int] | None) -> Tensor:
        """Hidden layers without the final norm, or the output with it.

        Returns
        -------
        Tensor of shape (B, T, D), or (B, T, layers * D)
        """
        rows = self.embed(self.frontend(stream))
        rows = rows * math.sqrt(rows.shape[2])
        states = run_blocks(self.encoders, rows, relative_positions(rows))
        if hidden is None:
            return self.after_norm(last_of(states))
        return picked(states, hidden)


class ConformerBlock(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, norm."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.feed_forward_macaron = FeedForward(width, sizes.ffn)
        self.self_attn = RelativeAttention(width, sizes.heads)
        self.conv_module = ConvolutionModule(width, sizes.conv_kernel)
        self.feed_forward = FeedForward(width, sizes.ffn)
        self.norm_ff_macaron = nn.LayerNorm(width, eps=_NORM_EPS)
        self.norm_mha = nn.LayerNorm(width, eps=_NORM_EPS)
        self.norm_conv = nn.LayerNorm(width, eps=_NORM_EPS)
        self.norm_ff = nn.LayerNorm(width, eps=_NORM_EPS)
        self.norm_final = nn.LayerNorm(width, eps=_NORM_EPS)

    def forward(self, rows: Tensor, positions: Tensor) -> Tensor:
        """Transform the rows: (B, T, D) -> (B, T, D)."""
        rows = rows + 0.5 * self.feed_forward_macaron(self.norm_ff_macaron(rows))
        rows = rows + self.self_attn(self.norm_mha(rows), positions)
        rows = rows + self.conv_module(self.norm_conv(rows))
        rows = rows + 0.5 * self.feed_forward(self.norm_ff(rows))
        return self.norm_final(rows)


class FeedForward(nn.Module):
    """Two linear layers with a ReLU between."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, hidden)
        self.w_2 = nn.Linear(hidden, width)

    def forward(self, rows: Tensor) -> Tensor:
        """Transform each row: (B, T, D) -> (B, T, D)."""
        return self.w_2(F.relu(self.w_1(rows)))


class ConvolutionModule(nn.Module):
    """Gated pointwise, depthwise and pointwise convolution over time."""

    def __init__(self, width: int, kernel: int) -> None:
        super().__init__()
        # "cov" is how the checkpoints spell it.
        self.pointwise_cov1 = nn.Conv1d(width, 2 * width, 1)
        self.depthwise_conv = nn.Conv1d(
            width, width, kernel, padding=kernel // 2, groups=width
        )
        self.norm = nn.BatchNorm1d(width)
        self.pointwise_cov2 = nn.Conv1d(width, width, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Mix neighbouring rows: (B, T, D) -> (B, T, D)."""
        gated = F.glu(self.pointwise_cov1(rows.transpose(1, 2)), dim=1)  # (B, D, T)
        mixed = F.silu(self.norm(self.depthwise_conv(gated)))
        return self.pointwise_cov2(mixed).transpose(1, 2)


def initialise(model: OneStream | TwoStreams) -> None:
    """Draw the frontends' weights anew; the rest stays as the constructors draw it."""
    for module in model.modules():
        if isinstance(module, VideoFrontend | AudioFrontend):
            initialise_frontend(module)

"""Auto-AVSR's encoders as torch modules, with the names of the v1.0.0 checkpoints.

Written from the description of mpc001/auto_avsr (tag v1.0.0, espnet/nets/
pytorch_backend: e2e_asr_conformer.py, e2e_asr_conformer_av.py, backbones/,
transformer/): a ResNet-18 on every frame, then a Conformer; the forward pass in
evaluation mode, and nothing of training.
B batch, T video frames (25 per second), N audio samples (16 kHz), D width, H heads.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfprobe.encoders.networks import relative_attention
from dfprobe.encoders.networks.relative_attention import (
    NORM_EPS,
    FeedForward,
    RelativeAttention,
    RelativeEncoder,
)
from dfprobe.encoders.networks.resnet_frontends import (
    AudioFrontend,
    VideoFrontend,
    initialise_frontend,
)

# Also that of the convolution can be read from a checkpoint.
SIZES = relative_attention.SIZES | {
    "encoders.0.conv_module.depthwise_conv.weight": "_ _ conv_kernel"
}


@dataclass(frozen=True)
class Sizes(relative_attention.Sizes):
    """Sizes of one Conformer."""

    conv_kernel: int = 31  # frames that the convolution of a block sees, odd


class OneStream(nn.Module):
    """The audio or the visual model."""

    def __init__(self, frontend: nn.Module, sizes: Sizes) -> None:
        super().__init__()
        self.encoder = RelativeEncoder(frontend, sizes, ConformerBlock)

    @property
    def layers(self) -> int:
        """Number of Conformer blocks."""
        return len(self.encoder.encoders)

    def width(self, fused: bool) -> int:
        """Length of one layer's row; fused or not makes no difference."""
        return self.encoder.after_norm.normalized_shape[0]

    def forward(self, stream: Tensor, hidden: Sequence[int] | None = None) -> Tensor:
        """Rows of the stream; see `RelativeEncoder.forward`."""
        return self.encoder(stream, hidden)


class TwoStreams(nn.Module):
    """The audio-visual model: two encoders of their own, joined by an MLP."""

    def __init__(self, video: Sizes, audio: Sizes, fusion_width: int) -> None:
        super().__init__()
        frontend = VideoFrontend(video.trunk_width)
        self.encoder = RelativeEncoder(frontend, video, ConformerBlock)
        aux_frontend = AudioFrontend(audio.trunk_width)
        self.aux_encoder = RelativeEncoder(aux_frontend, audio, ConformerBlock)
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


class ConformerBlock(nn.Module):
    """Half a feed-forward, attention, convolution, half a feed-forward, norm."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.feed_forward_macaron = FeedForward(width, sizes.ffn)
        self.self_attn = RelativeAttention(width, sizes.heads)
        self.conv_module = ConvolutionModule(width, sizes.conv_kernel)
        self.feed_forward = FeedForward(width, sizes.ffn)
        self.norm_ff_macaron = nn.LayerNorm(width, eps=NORM_EPS)
        self.norm_mha = nn.LayerNorm(width, eps=NORM_EPS)
        self.norm_conv = nn.LayerNorm(width, eps=NORM_EPS)
        self.norm_ff = nn.LayerNorm(width, eps=NORM_EPS)
        self.norm_final = nn.LayerNorm(width, eps=NORM_EPS)

    def forward(self, rows: Tensor, positions: Tensor) -> Tensor:
        """Transform the rows: (B, T, D) -> (B, T, D)."""
        rows = rows + 0.5 * self.feed_forward_macaron(self.norm_ff_macaron(rows))
        rows = rows + self.self_attn(self.norm_mha(rows), positions)
        rows = rows + self.conv_module(self.norm_conv(rows))
        rows = rows + 0.5 * self.feed_forward(self.norm_ff(rows))
        return self.norm_final(rows)


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

"""AV-HuBERT as torch modules, with the tensor names of the official checkpoints.

Written from the description of facebookresearch/av_hubert (avhubert/hubert.py) and
facebookresearch/fairseq (wav2vec2.py, TransformerEncoder): the forward pass of
`extract_finetune` in evaluation mode, and nothing of training.
B batch, T video frames (25 per second), D width.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfprobe.encoders.networks.resnet_frontends import VideoFrontend
from dfprobe.torch_modules import last_of, picked, run_blocks

AUDIO_FEATURES = 104  # 26 log mel bands x 4 frames


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model; all but the head count can be read from a checkpoint."""

    layers: int
    width: int
    ffn: int  # width inside the feed-forward part
    heads: int
    # Channels of the first stage of the ResNet; each later stage doubles them
    trunk_width: int
    conv_kernel: int = 128  # of the positional convolution
    conv_groups: int = 16


class AVHubert(nn.Module):
    """The whole encoder."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.width
        self.feature_extractor_audio = AudioBranch(width)
        self.feature_extractor_video = VideoBranch(width, sizes.trunk_width)
        self.layer_norm = nn.LayerNorm(2 * width)
        self.post_extract_proj = nn.Linear(2 * width, width)
        self.encoder = Transformer(sizes)

    def forward(
        self,
        audio: Tensor | None,
        video: Tensor | None,
        hidden: Sequence[int] | None = None,
    ) -> Tensor:
        """Features of one or both streams.

        Parameters
        ----------
        audio : Tensor of shape (B, 104, T), float32, or None
        video : Tensor of shape (B, 1, T, 88, 88), float32, or None
            At least one of the two; of both, with the same T.
        hidden : sequence of int or None
            Hidden layers, without the final norm; None for the output with it.

        Returns
        -------
        Tensor of shape (B, T, D), or (B, T, layers * D)
        """
        halves = [
            self.feature_extractor_audio(audio) if audio is not None else None,
            self.feature_extractor_video(video) if video is not None else None,
        ]
        known = next(half for half in halves if half is not None)
        # A missing stream is zero after its projection: not even the bias enters.
        fused = torch.cat(
            [torch.zeros_like(known) if half is None else half for half in halves],
            dim=2,
        )  # (B, T, 2 D), audio first
        return self.encoder(self.post_extract_proj(self.layer_norm(fused)), hidden)


class AudioBranch(nn.Module):
    """One linear layer: (B, 104, T) -> (B, T, D)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Linear(AUDIO_FEATURES, width)

    def forward(self, audio: Tensor) -> Tensor:
        """Project the rows of all times."""
        return self.proj(audio.transpose(1, 2))


class VideoBranch(nn.Module):
    """ResNet on each frame, then one linear layer: (B, 1, T, 88, 88) -> (B, T, D)."""

    def __init__(self, width: int, trunk_width: int) -> None:
        super().__init__()
        self.resnet = ResNet(trunk_width)
        self.proj = nn.Linear(8 * trunk_width, width)

    def forward(self, video: Tensor) -> Tensor:
        """Encode the frames and project them."""
        return self.proj(self.resnet(video))


class ResNet(VideoFrontend):
    """The front end with PReLU, the channel in front of the time."""

    def __init__(self, width: int) -> None:
        super().__init__(width, nn.PReLU)

    def forward(self, video: Tensor) -> Tensor:
        """Encode the frames: (B, 1, T, 88, 88) -> (B, T, 8 * trunk width)."""
        return super().forward(video.transpose(1, 2))


class Transformer(nn.Module):
    """Positional convolution, pre-norm layers, final norm."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        conv = PositionalConv(sizes.width, sizes.conv_kernel, sizes.conv_groups)
        self.pos_conv = nn.Sequential(conv)  # a list of one, as in the checkpoints
        self.layers = nn.ModuleList(
            TransformerLayer(sizes) for _ in range(sizes.layers)
        )
        self.layer_norm = nn.LayerNorm(sizes.width)

    def forward(self, rows: Tensor, hidden: Sequence[int] | None) -> Tensor:
        """Transform the rows: (B, T, D) -> (B, T, D) or (B, T, layers * D)."""
        states = run_blocks(self.layers, rows + self.pos_conv(rows))
        if hidden is None:
            return self.layer_norm(last_of(states))
        return picked(states, hidden)


class PositionalConv(nn.Module):
    """Grouped convolution over time with weight norm over the taps, then GELU."""

    def __init__(self, width: int, kernel: int, groups: int) -> None:
        super().__init__()
        self.weight_g = nn.Parameter(torch.ones(1, 1, kernel))
        self.weight_v = nn.Parameter(torch.ones(width, width // groups, kernel))
        self.bias = nn.Parameter(torch.zeros(width))
        self._kernel, self._groups = kernel, groups

    def forward(self, rows: Tensor) -> Tensor:
        """Positional term of the rows: (B, T, D) -> (B, T, D)."""
        norm = self.weight_v.norm(dim=(0, 1), keepdim=True)  # one for each tap
        weight = self.weight_g * self.weight_v / norm
        out = F.conv1d(
            rows.transpose(1, 2),
            weight,
            self.bias,
            padding=self._kernel // 2,
            groups=self._groups,
        )
        # An even kernel gives T + 1 steps; the last one goes.
        return F.gelu(out[:, :, : rows.shape[1]]).transpose(1, 2)


class TransformerLayer(nn.Module):
    """Self-attention and feed-forward, each with its layer norm before it."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.self_attn = SelfAttention(sizes.width, sizes.heads)
        self.self_attn_layer_norm = nn.LayerNorm(sizes.width)
        self.fc1 = nn.Linear(sizes.width, sizes.ffn)
        self.fc2 = nn.Linear(sizes.ffn, sizes.width)
        self.final_layer_norm = nn.LayerNorm(sizes.width)

    def forward(self, rows: Tensor) -> Tensor:
        """Transform the rows: (B, T, D) -> (B, T, D)."""
        rows = rows + self.self_attn(self.self_attn_layer_norm(rows))
        return rows + self.fc2(F.gelu(self.fc1(self.final_layer_norm(rows))))


class SelfAttention(nn.Module):
    """Full attention over time, scores scaled by one over the root of the head size."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.q_proj = nn.Linear(width, width)
        self.k_proj = nn.Linear(width, width)
        self.v_proj = nn.Linear(width, width)
        self.out_proj = nn.Linear(width, width)
        self._heads = heads

    def forward(self, rows: Tensor) -> Tensor:
        """Mix the rows: (B, T, D) -> (B, T, D)."""
        query, key, value = (
            proj(rows).unflatten(2, (self._heads, -1)).transpose(1, 2)  # (B, H, T, D/H)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.out_proj(mixed.transpose(1, 2).flatten(2))  # (B, T, D)


def initialise(model: AVHubert) -> None:
    """Draw random weights as the official code does before training.

    Linear layers of the transformer from N(0, 0.02) with zero bias, the positional
    convolution from N(0, 4 / (K D)), the 2-D and 3-D convolutions from
    N(0, 2 / (taps * output channels)); all else as torch's constructors leave it
    (batch norms: mean 0, variance 1; PReLU slopes: 0.25).
    """
    for module in model.encoder.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            nn.init.zeros_(module.bias)
        elif isinstance(module, PositionalConv):
            weight = module.weight_v
            width, _, kernel = weight.shape
            nn.init.normal_(weight, std=math.sqrt(4 / (kernel * width)))
            # So that the normalised weight is at first the drawn one.
            module.weight_g.data = weight.data.norm(dim=(0, 1), keepdim=True)
    for module in model.feature_extractor_video.modules():
        if isinstance(module, nn.Conv2d | nn.Conv3d):
            taps = math.prod(module.kernel_size)
            nn.init.normal_(
                module.weight, std=math.sqrt(2 / (taps * module.out_channels))
            )

"""Encoders with relative positions, as in Transformer-XL and ESPnet.

Auto-AVSR and BRAVEn differ in their blocks only; the rest has the same tensor names.
Written from the description of mpc001/auto_avsr (tag v1.0.0, espnet/nets/
pytorch_backend/transformer/, attention.py and embedding.py in the variant "latest").
B batch, T rows (25 per second), D width, H heads.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfprobe.torch_modules import last_of, picked, run_blocks

NORM_EPS = 1e-12  # of the layer norms; the batch norms have torch's 1e-5
# Tensor -> sizes that its axes have, see `Checkpoint.sizes`.
SIZES = {
    "embed.0.weight": "width _",
    "encoders.0.feed_forward.w_1.weight": "ffn _",
    "encoders.0.self_attn.pos_bias_u": "heads _",
}


@dataclass(frozen=True)
class Sizes:
    """Sizes of an encoder; all can be read from a checkpoint."""

    layers: int
    width: int  # even, and a multiple of the heads
    ffn: int  # width inside the feed-forward parts
    heads: int
    # Channels of the first stage of the ResNet; each later stage doubles them
    trunk_width: int


class RelativeEncoder(nn.Module):
    """Front end, linear layer, blocks, final norm.

    Parameters
    ----------
    frontend : torch.nn.Module
        Gives rows of ``8 * sizes.trunk_width``.
    sizes : Sizes
        Sizes of all parts.
    block : callable
        Makes a block of the sizes: (B, T, D), (2 T - 1, D) -> (B, T, D).
    """

    def __init__(
        self, frontend: nn.Module, sizes: Any, block: Callable[[Any], nn.Module]
    ) -> None:
        super().__init__()
        self.frontend = frontend
        # A list of one, as in the checkpoints.
        self.embed = nn.Sequential(nn.Linear(8 * sizes.trunk_width, sizes.width))
        self.encoders = nn.ModuleList(block(sizes) for _ in range(sizes.layers))
        self.after_norm = nn.LayerNorm(sizes.width, eps=NORM_EPS)

    def forward(self, stream: Tensor, hidden: Sequence[int] | None = None) -> Tensor:
        """Rows of a stream, as the front end reads it.

        Parameters
        ----------
        stream : Tensor, float32
            (B, samples, 1) of audio, (B, T, 1, 88, 88) of video.
        hidden : sequence of int or None
            Hidden layers, without the final norm; None for the output with it.

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


class FeedForward(nn.Module):
    """Two linear layers with a ReLU between."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(width, inner)
        self.w_2 = nn.Linear(inner, width)

    def forward(self, rows: Tensor) -> Tensor:
        """Transform each row: (B, T, D) -> (B, T, D)."""
        return self.w_2(F.relu(self.w_1(rows)))


def relative_positions(rows: Tensor) -> Tensor:
    """Sine and cosine, in turn, of the relative positions T - 1 to -(T - 1).

    (B, T, D) -> (2 T - 1, D), on the device and of the dtype of the rows; D is even.
    """
    frames, width = rows.shape[1:]
    steps = torch.arange(frames - 1, -frames, -1.0, device=rows.device)
    halves = torch.arange(0, width, 2.0, device=rows.device)
    angles = torch.outer(steps, torch.exp(halves * (-math.log(10_000) / width)))
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1).to(rows)


class RelativeAttention(nn.Module):
    """Full attention whose scores depend on content and on relative position."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.linear_q = nn.Linear(width, width)
        self.linear_k = nn.Linear(width, width)
        self.linear_v = nn.Linear(width, width)
        self.linear_out = nn.Linear(width, width)
        self.linear_pos = nn.Linear(width, width, bias=False)
        head = (heads, width // heads)
        self.pos_bias_u = nn.Parameter(nn.init.xavier_uniform_(torch.empty(head)))
        self.pos_bias_v = nn.Parameter(nn.init.xavier_uniform_(torch.empty(head)))

    def forward(self, rows: Tensor, positions: Tensor) -> Tensor:
        """Mix the rows: (B, T, D) with (2 T - 1, D) -> (B, T, D)."""
        heads, wide = self.pos_bias_u.shape
        query, key, value = (
            linear(rows).unflatten(2, (heads, wide)).transpose(1, 2)  # (B, H, T, D/H)
            for linear in (self.linear_q, self.linear_k, self.linear_v)
        )
        distances = self.linear_pos(positions).unflatten(1, (heads, wide))
        distances = distances.transpose(0, 1)  # (H, 2 T - 1, D/H)
        by_distance = (query + self.pos_bias_v[:, None]) @ distances.transpose(1, 2)
        mixed = F.scaled_dot_product_attention(
            query + self.pos_bias_u[:, None],
            key,
            value,
            attn_mask=_by_key(by_distance) / math.sqrt(wide),  # added to the scores
        )
        return self.linear_out(mixed.transpose(1, 2).flatten(2))  # (B, T, D)


def _by_key(scores: Tensor) -> Tensor:
    """Scores of each query, from relative positions to keys.

    Query i finds key j at the relative position i - j, column T - 1 - i + j: each row
    starts one column before the row above it. A column in front makes the rows one
    longer, so that cutting the flat sequence into the old length shifts them so:
    (B, H, T, 2 T - 1) -> (B, H, T, T).
    """
    frames = scores.shape[2]
    flat = F.pad(scores, (1, 0)).flatten(2)  # (B, H, T * 2 T)
    return flat[..., frames:].unflatten(2, (frames, -1))[..., :frames]

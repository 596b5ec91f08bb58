"""Self-attention with relative positions, as in Transformer-XL and ESPnet.

Auto-AVSR and BRAVEn have the same one, with the same tensor names. Written from the
description of mpc001/auto_avsr (tag v1.0.0, espnet/nets/pytorch_backend/transformer/
attention.py and embedding.py, the variant "latest").
B batch, T rows, D width, H heads.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def relative_positions(rows: Tensor) -> Tensor:
    """Sine and cosine, in turn, of the relative positions T - 1 to -(T - 1).

    Parameters
    ----------
    rows : Tensor of shape (B, T, D)
        D must be even.

    Returns
    -------
    Tensor of shape (2 T - 1, D)
        On the device and of the dtype of the rows.
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
    longer, so that cutting the flat sequence into the old length shifts them so.

    Parameters
    ----------
    scores : Tensor of shape (B, H, T, 2 T - 1)

    Returns
    -------
    Tensor of shape (B, H, T, T)
    """
    frames = scores.shape[2]
    flat = F.pad(scores, (1, 0)).flatten(2)  # (B, H, T * 2 T)
    return flat[..., frames:].unflatten(2, (frames, -1))[..., :frames]

"""FSFM's vision transformer as torch modules, with the names of the checkpoints.

Written from the description of wolo-wolo/FSFM-CVPR25 (fsfm-3c/models_vit.py: forward
pass; fsfm-3c/models_fsfm.py: start values): a pre-norm ViT without layer scale, in
evaluation mode. B images, N patches (row by row), D width.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dfprobe.torch_modules import last_of, picked, run_blocks

_NORM_EPS = 1e-6


@dataclass(frozen=True)
class Sizes:
    """Sizes of a model; all but the head count can be read from a checkpoint."""

    layers: int
    width: int
    ffn: int  # width inside the feed-forward part
    heads: int
    grid: int  # patches along each side of the square image
    patch: int  # side of a patch in pixels

    @property
    def image(self) -> int:
        """Side of the image in pixels."""
        return self.grid * self.patch


class FSFM(nn.Module):
    """The whole encoder.

    Parameters
    ----------
    sizes : Sizes
    pooling : str
        ``mean``: mean of the patch tokens, then ``fc_norm``. ``cls``: ``norm``, then
        token 0.
    """

    def __init__(self, sizes: Sizes, pooling: str) -> None:
        super().__init__()
        width = sizes.width
        self.sizes = sizes
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + sizes.grid**2, width))
        self.patch_embed = PatchEmbed(sizes)
        self.blocks = nn.ModuleList(Block(sizes) for _ in range(sizes.layers))
        norm = nn.LayerNorm(width, eps=_NORM_EPS)
        self.averages = pooling == "mean"
        if self.averages:
            self.fc_norm = norm
        else:
            self.norm = norm

    def forward(self, pixels: Tensor, hidden: Sequence[int] | None = None) -> Tensor:
        """Features of images.

        Parameters
        ----------
        pixels : Tensor of shape (B, 3, side, side), float32
        hidden : sequence of int or None
            Hidden layers, pooled without the final norm; None for the output with it.

        Returns
        -------
        Tensor of shape (B, D), or (B, layers * D)
        """
        states = run_blocks(self.blocks, self.embed(pixels))
        if hidden is not None:
            return picked(states, hidden, self._pool)
        pooled = self._pool(last_of(states))
        return self.fc_norm(pooled) if self.averages else self.norm(pooled)

    def _pool(self, tokens: Tensor) -> Tensor:
        """One vector per image: (B, 1 + N, D) -> (B, D)."""
        return tokens[:, 1:].mean(dim=1) if self.averages else tokens[:, 0]

    def embed(self, pixels: Tensor) -> Tensor:
        """Input of the first block: (B, 3, side, side) -> (B, 1 + N, D), CLS first."""
        patches = self.patch_embed(pixels)
        cls_token = self.cls_token.expand(len(patches), -1, -1)
        return torch.cat([cls_token, patches], dim=1) + self.pos_embed


class PatchEmbed(nn.Module):
    """One linear map of each patch: (B, 3, side, side) -> (B, N, D)."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, sizes.width, sizes.patch, sizes.patch)

    def forward(self, pixels: Tensor) -> Tensor:
        """Embed the patches, row by row."""
        return self.proj(pixels).flatten(2).transpose(1, 2)


class Block(nn.Module):
    """Self-attention and feed-forward, each with its layer norm before it."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(sizes.width, eps=_NORM_EPS)
        self.attn = Attention(sizes.width, sizes.heads)
        self.norm2 = nn.LayerNorm(sizes.width, eps=_NORM_EPS)
        self.mlp = MLP(sizes.width, sizes.ffn)

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform the tokens: (B, 1 + N, D) -> (B, 1 + N, D)."""
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Attention(nn.Module):
    """Full attention, scores scaled by one over the root of the head size."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self._heads = heads

    def forward(self, tokens: Tensor) -> Tensor:
        """Mix the tokens: (B, 1 + N, D) -> (B, 1 + N, D)."""
        # All queries, then all keys, then all values: (B, 1 + N, 3, H, D / H)
        parts = self.qkv(tokens).unflatten(2, (3, self._heads, -1))
        query, key, value = parts.permute(2, 0, 3, 1, 4)  # (B, H, 1 + N, D / H) each
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).flatten(2))  # (B, 1 + N, D)


class MLP(nn.Module):
    """Two linear layers with the exact GELU between them."""

    def __init__(self, width: int, ffn: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, ffn)
        self.fc2 = nn.Linear(ffn, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Transform the tokens one by one."""
        return self.fc2(F.gelu(self.fc1(tokens)))


def initialise(model: FSFM) -> None:
    """Draw random weights as the official code does before pre-training.

    Linear layers and patches: Xavier uniform, the former with zero bias; CLS token:
    N(0, 0.02); positions: the fixed sine table; norms: weight 1, bias 0.
    """
    for module in model.modules():
        if isinstance(module, nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            nn.init.zeros_(module.bias)
    nn.init.xavier_uniform_(model.patch_embed.proj.weight.flatten(1))  # a view
    nn.init.normal_(model.cls_token, std=0.02)
    model.pos_embed.data = sine_table(model.sizes.grid, model.sizes.width)


def sine_table(grid: int, width: int) -> Tensor:
    """Make the fixed positions of pre-training (fsfm-3c/util/pos_embed.py).

    The first half of the channels tells the column, the second half the row, each as
    sines, then cosines, with frequencies ``10000 ** (-i / (width / 4))``.

    Returns
    -------
    Tensor of shape (1, 1 + grid ** 2, width), float32
        Row 0, of the CLS token, is zero.
    """
    quarter = width // 4
    frequencies = 10000.0 ** (-torch.arange(quarter, dtype=torch.float64) / quarter)
    angles = torch.arange(grid, dtype=torch.float64)[:, None] * frequencies
    waves = torch.cat([angles.sin(), angles.cos()], dim=1)  # (grid, width / 2)
    columns = waves.repeat(grid, 1)  # row by row: 0 1 2 ... 0 1 2 ...
    rows = waves.repeat_interleave(grid, dim=0)  # 0 0 0 ... 1 1 1 ...
    table = torch.cat([columns, rows], dim=1).float()  # (grid ** 2, width)
    return torch.cat([torch.zeros(1, width), table])[None]

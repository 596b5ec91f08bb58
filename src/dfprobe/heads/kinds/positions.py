"""Sizes, layers and sinusoidal positions of heads that attend over time."""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from dfprobe.errors import ConfigError
from dfprobe.settings.model import Options


class Sizes(NamedTuple):
    """Sizes of a Transformer: its width, that inside a layer, heads of a layer..."""

    width: int
    feed_forward: int
    heads: int
    layers: int
    dropout: float  # share of values set to zero in training


def sizes_of(options: Options) -> Sizes:
    """Sizes of the model in the options of a head."""
    return Sizes(*(options[name] for name in Sizes._fields))


def new_layers(kind: str, sizes: Sizes) -> nn.TransformerEncoder:
    """Layers before training; all begin with the same weights, as published.

    Raises
    ------
    ConfigError
        If the width is odd or does not divide into the attention heads.
    """
    width, heads = sizes.width, sizes.heads
    if width % 2 or width % heads:
        raise ConfigError(
            f"heads: options.width of a {kind} head must be even and a multiple of "
            f"options.heads, but the configuration has width {width} and {heads} heads."
        )
    layer = nn.TransformerEncoderLayer(
        width,
        heads,
        sizes.feed_forward,
        sizes.dropout,
        # Not "relu": for that torch has a shortcut in evaluation that holds all T x T
        # attention weights.
        activation=torch.relu,
        batch_first=True,
    )
    return nn.TransformerEncoder(layer, sizes.layers, enable_nested_tensor=False)


def sinusoids(rows: int, width: int) -> Tensor:
    """Table of positions, (rows, width), float32: sine in even columns, cosine in odd.

    Columns 2 k and 2 k + 1 have the frequency ``10000 ** (-2 k / width)``; the width is
    even. Computed in float32: in row 5,000 that is off by up to 5e-4.
    """
    columns = torch.arange(0, width, 2)
    frequencies = torch.exp(columns * (-math.log(10_000) / width))
    angles = torch.arange(rows)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)

"""Sinusoidal positions for heads that attend over time."""

import math

import torch
from torch import Tensor


def sinusoids(rows: int, width: int) -> Tensor:
    """Table of positions: sine in even columns, cosine in odd ones.

    Columns 2 k and 2 k + 1 have the frequency ``10000 ** (-2 k / width)``.

    Parameters
    ----------
    rows : int
        Number of positions.
    width : int
        Even.

    Returns
    -------
    Tensor of shape (rows, width), float32
        Computed in float32: in row 5,000 that is off by up to 5e-4.
    """
    columns = torch.arange(0, width, 2)
    frequencies = torch.exp(columns * (-math.log(10_000) / width))
    angles = torch.arange(rows)[:, None] * frequencies
    return torch.stack([angles.sin(), angles.cos()], dim=2).flatten(1)

"""What each place of the frame adds to a row, for families whose rows are such sums."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dfprobe.encoders.contract import ClipInputs
from dfprobe.errors import EncoderError
from dfprobe.explain.spatial.maps.sites import square


def videomae_shares(encoder: Any, tensors: Mapping[str, Tensor]) -> np.ndarray:
    """Shares of the patches in the rows of one chunk.

    Parameters
    ----------
    encoder : VideoMAEEncoder
    tensors : mapping of str to Tensor
        A batch of one, on the encoder's device.

    Returns
    -------
    np.ndarray of shape (rows, grid rows, grid columns, dim), float64
    """
    from dfprobe.encoders.loading.hub import (  # transformers takes seconds
        run,
        tokens_of,
    )

    with torch.inference_mode():
        output = run(encoder.module, encoder.hidden, tensors["pixels"])
        return _of_means(tokens_of(output, encoder.hidden), encoder.chunk_rows)


def auto_shares(encoder: Any, tensors: Mapping[str, Tensor]) -> np.ndarray:
    """Shares of the patches, as `videomae_shares`, for a `PooledEncoder`.

    Raises
    ------
    EncoderError
        If its rows are no means of patch vectors.
    """
    from dfprobe.encoders.loading.hub import (  # transformers takes seconds
        run,
        tokens_of,
    )

    pooling = encoder.pooling
    if pooling.kind != "mean":
        raise EncoderError(
            f"A row with pooling {pooling.kind} is no mean of patch vectors, so the "
            "family auto cannot explain it. Set pooling: mean, or take this encoder "
            "out of spatial.encoders."
        )

    def patches(state: Tensor) -> Tensor:
        if state.dim() == 4:
            state = state.flatten(2).mT  # (1, D, h, w) -> (1, h * w, D)
        return state[:, pooling.extra :]

    with torch.inference_mode():
        output = run(encoder.module, encoder.hidden, pixel_values=tensors["pixels"])
        tokens = tokens_of(output, encoder.hidden, patches)
        return _of_means(tokens, pooling.rows)


def _of_means(tokens: Tensor, rows: int) -> np.ndarray:
    """Divide tokens, (1, rows * cells, dim), by the cells that a row is the mean of."""
    per_row = tokens[0].unflatten(0, (rows, -1)).cpu().double()  # (rows, cells, dim)
    grids = torch.stack([square(cells) for cells in per_row])
    return (grids / per_row.shape[1]).numpy()


def residual_shares(
    encoder: Any, clip: ClipInputs, rows: Sequence[int]
) -> dict[int, dict[str, np.ndarray]]:
    """Shares of the cells of the mouth and of the face in some rows of a clip.

    Parameters
    ----------
    encoder : ResidualEncoder
    clip : ClipInputs
    rows : sequence of int
        Numbers of rows; those that the clip does not have are left out.

    Returns
    -------
    dict of int to dict of str to np.ndarray of shape (grid, grid, dim), float64
        By row and part. The constant column is spread evenly over the cells of both.
    """
    columns, grid = encoder.cell_columns(), encoder.grid
    cells = sum(len(mask) for mask in columns.values())
    features = encoder.encode(clip).astype(np.float64)
    shares = {}
    for row in _existing(rows, len(features)):
        constant = np.zeros(encoder.dim)
        constant[-1] = features[row, -1] / cells
        shares[row] = {
            part: (mask * features[row] + constant).reshape(grid, grid, -1)
            for part, mask in columns.items()
        }
    return shares


def example_shares(
    encoder: Any, clip: ClipInputs, rows: Sequence[int]
) -> dict[int, dict[str, np.ndarray]]:
    """Shares of the coarse pixels of the mouth patch, as `residual_shares`."""
    shares = {}
    for row in _existing(rows, len(encoder.encode(clip))):
        pixels = encoder.pixel_shares(clip, row)  # (side ** 2, dim)
        side = math.isqrt(len(pixels))
        shares[row] = {"mouth": pixels.reshape(side, side, -1)}
    return shares


def _existing(rows: Sequence[int], count: int) -> list[int]:
    return [row for row in rows if 0 <= row < count]

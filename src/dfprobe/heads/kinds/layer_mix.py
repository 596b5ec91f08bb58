"""Layer mix: a linear probe on a weighted sum of all hidden layers of an encoder.

The weights are learned with the probe and are those of a softmax, so they are positive
and sum to one: they say which layers the probe reads.
"""

from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from scipy.special import softmax
from torch import Tensor, nn
from torch.nn.functional import normalize

from dfprobe.errors import DataError
from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Candidate, Split
from dfprobe.heads.files.head_file import read_head
from dfprobe.heads.kinds.clip_head import ClipHead, ClipObjective
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.torch_modules import random_module

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

KIND = "layer_mix"
TRAINER = "torch"
STREAMS = (1,)
REAL_ONLY = False
MIN_ROWS = 1


class LayerMixModel(nn.Module):
    """Weighted sum over layers, divided by its norm, then one logit per row.

    Parameters
    ----------
    dim : int
        Length of one layer's row, D.
    layers : int
        Number of layers, L.
    """

    def __init__(self, dim: int, layers: int) -> None:
        super().__init__()
        self.mix = nn.Parameter(torch.zeros(layers))  # equal weights at first
        self.head = nn.Linear(dim, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Logit of every row of a clip.

        Parameters
        ----------
        rows : Tensor of shape (T, L * D), float32
            Layers side by side, each divided by its norm.

        Returns
        -------
        Tensor of shape (T,)
        """
        layers = rows.unflatten(1, (len(self.mix), -1))  # (T, L, D)
        mixed = torch.einsum("l,tld->td", self.mix.softmax(0), layers)
        return self.head(normalize(mixed, dim=1))[:, 0]


class LayerMixHead(ClipHead):
    """A trained layer mix; ``metadata`` has ``spec`` with ``layers``."""

    KIND: ClassVar[str] = KIND

    def new_model(self) -> LayerMixModel:
        """Model of the sizes in the metadata."""
        return _new_model(self.dims[0], self._layers, seed=0)

    def normalise(self, rows: np.ndarray) -> np.ndarray:
        """Each layer's row divided by its norm."""
        return unit_layers(rows, self._layers)

    @property
    def _layers(self) -> int:
        return int(self.metadata["spec"]["layers"])


HEAD = LayerMixHead


def objective(train: Split, spec: HeadSpec, candidate: Candidate) -> ClipObjective:
    """Make what a candidate learns from features made with ``layer: all``.

    Raises
    ------
    DataError
        If rows do not divide into that many layers.
    """
    if spec.layers is None:
        raise ValueError("a mix of layers needs their number")
    model = _new_model(train.dims[0], spec.layers, candidate.seed)
    normalise = partial(unit_layers, layers=spec.layers)
    return ClipObjective(model, normalise, train, spec, candidate.seed)


def mix_weights(path: Path) -> np.ndarray:
    """Weight of each layer in the head file of a mix, (layers,), summing to one."""
    tensors, _ = read_head(path, KIND)
    weights: np.ndarray = softmax(tensors["mix"].astype(np.float64))
    return weights


def unit_layers(rows: np.ndarray, layers: int) -> np.ndarray:
    """Divide each layer's part of each row by its norm.

    Parameters
    ----------
    rows : np.ndarray of shape (T, layers * D), float16 or float32
        As stored.
    layers : int
        Number of layers.

    Returns
    -------
    np.ndarray of shape (T, layers * D), float32
        NaN where a layer's part is all zero.
    """
    parts = rows.reshape(len(rows) * layers, -1)  # (T, L * D) -> (T * L, D)
    return unit_rows(parts).reshape(rows.shape)


def _new_model(dim: int, layers: int, seed: int) -> LayerMixModel:
    if dim % layers:
        raise DataError(
            f"Rows of {dim} values do not divide into {layers} layers of equal width; "
            "a layer mix needs features made with layer: all."
        )
    return random_module(lambda: LayerMixModel(dim // layers, layers), seed)

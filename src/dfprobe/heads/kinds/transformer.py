"""Transformer head: a small encoder over the rows of a clip, trained on clip labels.

The paper compares it with the linear probe and does not give its size; that is in the
configuration.

Rows enter with unit mean square, that is of length ``sqrt(D)``. Of unit length, as the
linear probe has them, they would come out of the first layer some fifty times smaller
than the positions that are added there (at 1,024 dimensions), and training often does
not get away from chance.

No clip is dropped for its length. Attention grows with the square of the rows, so a
clip of more than 2,048 is cut into the fewest parts possible, equally long to a row.
Each is read on its own, its positions counted from 0, in training as in scoring; the
clip's score is over the logits of all parts.
"""

import math
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Candidate, Split
from dfprobe.heads.kinds.clip_head import ClipHead, ClipObjective
from dfprobe.heads.kinds.positions import new_layers, sinusoids, sizes_of
from dfprobe.settings.model import Options
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.torch_modules import random_module

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

KIND = "transformer"
TRAINER = "torch"
STREAMS = (1,)
REAL_ONLY = False
MIN_ROWS = 1
MAX_ROWS = 2048  # that attend to each other: 82 s of video, 41 s of Wav2Vec2

OPTIONS = {
    "width": {
        "type": "integer",
        "minimum": 2,
        "default": 256,
        "description": "Width, even and a multiple of heads.",
    },
    "layers": {
        "type": "integer",
        "minimum": 1,
        "default": 2,
        "description": "Number of layers.",
    },
    "heads": {
        "type": "integer",
        "minimum": 1,
        "default": 4,
        "description": "Attention heads of a layer.",
    },
    "feed_forward": {
        "type": "integer",
        "minimum": 1,
        "default": 512,
        "description": "Width of the feed-forward layers.",
    },
    "dropout": {
        "type": "number",
        "minimum": 0,
        "maximum": 0.9,
        "default": 0.1,
        "description": "Share of values that training sets to zero.",
    },
}


class TransformerModel(nn.Module):
    """Linear map, sinusoidal positions, Transformer encoder, one logit per row.

    Raises
    ------
    ConfigError
        If the width is odd or does not divide into the attention heads.
    """

    positions: Tensor

    def __init__(self, dim: int, options: Options) -> None:
        super().__init__()
        sizes = sizes_of(options)
        self.project = nn.Linear(dim, sizes.width)
        table = sinusoids(MAX_ROWS, sizes.width)
        self.register_buffer("positions", table, persistent=False)
        self.transformer = new_layers(KIND, sizes)
        self.head = nn.Linear(sizes.width, 1)

    def forward(self, rows: Tensor) -> Tensor:
        """Logit of every row of a clip, each divided by its norm: (T, D) -> (T,)."""
        parts = rows.tensor_split(math.ceil(len(rows) / MAX_ROWS))
        return torch.cat([self._part(part) for part in parts])

    def _part(self, rows: Tensor) -> Tensor:
        scaled = rows * math.sqrt(rows.shape[1])  # mean square 1
        hidden = self.project(scaled) + self.positions[: len(rows)]
        hidden = self.transformer(hidden[None])[0]  # a batch of one
        return self.head(hidden)[:, 0]


class TransformerHead(ClipHead):
    """A trained Transformer head; ``metadata`` has ``spec`` with ``options``."""

    KIND: ClassVar[str] = KIND

    def new_model(self) -> TransformerModel:
        """Model of the sizes in the metadata."""
        return _new_model(self.dims[0], self.metadata["spec"]["options"], seed=0)

    def normalise(self, rows: np.ndarray) -> np.ndarray:
        """Rows divided by their norms."""
        return unit_rows(rows)


HEAD = TransformerHead


def objective(train: Split, spec: HeadSpec, candidate: Candidate) -> ClipObjective:
    """Make what a candidate learns.

    Raises
    ------
    ConfigError
        If the width does not fit the number of attention heads.
    """
    model = _new_model(train.dims[0], spec.options, candidate.seed)
    return ClipObjective(model, unit_rows, train, spec, candidate.seed)


def _new_model(dim: int, options: Options, seed: int) -> TransformerModel:
    return random_module(lambda: TransformerModel(dim, options), seed)

"""The Transformer that predicts the next row, with the published tensor names.

Written from the description of danoneata/veridiq (veridiq/autoregression:
autoregressor.py). B batch, T rows, D length of a row.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dfprobe.errors import ConfigError
from dfprobe.heads.kinds.positions import sinusoids

MAX_INPUTS = 5000  # rows of the published table of positions


@dataclass(frozen=True)
class Sizes:
    """Sizes of the model.

    Parameters
    ----------
    width : int
        Of the transformer; even, and a multiple of ``heads``.
    feed_forward : int
        Width inside the feed-forward part of a layer.
    heads, layers : int
        Attention heads of a layer, and layers.
    dropout : float
        Share of values set to zero in training.
    """

    width: int
    feed_forward: int
    heads: int
    layers: int
    dropout: float

    def __post_init__(self) -> None:
        if self.width % 2 or self.width % self.heads:
            raise ConfigError(
                "heads: options.width of a next_token head must be even and a multiple "
                f"of options.heads, but the configuration has width {self.width} and "
                f"{self.heads} heads."
            )


class NextTokenModel(nn.Module):
    """Causal Transformer over the rows of a clip.

    All layers begin with the same weights: ``nn.TransformerEncoder`` copies the one
    that it is given, as in the published code.

    Parameters
    ----------
    dim : int
        Length of a row, D.
    sizes : Sizes
        Sizes of all parts.
    """

    positions: Tensor

    def __init__(self, dim: int, sizes: Sizes) -> None:
        super().__init__()
        self.project_layer = nn.Linear(dim, sizes.width)
        table = sinusoids(MAX_INPUTS, sizes.width)
        self.register_buffer("positions", table, persistent=False)
        self.dropout = nn.Dropout(sizes.dropout)
        layer = nn.TransformerEncoderLayer(
            sizes.width,
            sizes.heads,
            sizes.feed_forward,
            sizes.dropout,
            # Not "relu": for that torch has a shortcut in evaluation that holds all
            # T x T attention weights.
            activation=torch.relu,
            batch_first=True,
        )
        self.transformer = nn.TransformerEncoder(
            layer, sizes.layers, enable_nested_tensor=False
        )
        self.head = nn.Linear(sizes.width, dim)

    def forward(self, rows: Tensor) -> Tensor:
        """Predict the row after each row.

        Parameters
        ----------
        rows : Tensor of shape (B, T, D), float32
            Each divided by its norm; at most `MAX_INPUTS` of a clip. Padding goes
            behind a clip. It needs no mask of its own: no row sees what comes after it.

        Returns
        -------
        Tensor of shape (B, T, D)
            Row t is the prediction of row t + 1.
        """
        length = rows.shape[1]
        hidden = self.project_layer(rows) + self.positions[:length]
        future = torch.ones(length, length, dtype=torch.bool, device=rows.device)
        hidden = self.transformer(
            self.dropout(hidden), future.triu(diagonal=1), is_causal=True
        )
        return self.head(hidden)

    def errors(self, rows: Tensor) -> Tensor:
        """Squared error of the prediction of rows 1 to T - 1, mean over dimensions.

        Parameters
        ----------
        rows : Tensor of shape (B, T, D), float32
            As in `forward`, but one more row may be given: the last is no input.

        Returns
        -------
        Tensor of shape (B, T - 1)
        """
        return (self(rows[:, :-1]) - rows[:, 1:]).square().mean(dim=2)

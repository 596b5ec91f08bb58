"""Next-token prediction: how far the next row of a clip is from its prediction.

The model is trained on real clips alone; a large prediction error speaks for a fake. It
is written from the description of danoneata/veridiq, with its tensor names. B batch,
T rows, D length of a row.
Source: arXiv 2511.17181; danoneata/veridiq, ``veridiq/autoregression``.

No clip is dropped for its length. The published table of positions holds 5,000 inputs;
a longer clip is cut into pieces that each fill the table and begin 2,500 rows after the
one before. Training takes them as clips of their own; scoring takes the prediction of a
row from the first piece that has one, which then sees at least 2,500 rows before it.
"""

from collections.abc import Iterator
from itertools import islice
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import CosineAnnealingLR

from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Candidate, Split, epoch_order
from dfprobe.heads.kinds.positions import Sizes, new_layers, sinusoids, sizes_of
from dfprobe.heads.kinds.torch_head import Loss, Objective, TorchHead, finite_inputs
from dfprobe.settings.model import Options
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.torch_modules import random_module

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

KIND = "next_token"
TRAINER = "torch"
STREAMS = (1, 2)
REAL_ONLY = True
MIN_ROWS = 2  # one to predict from, one to predict
MAX_INPUTS = 5000  # rows of the published table of positions


class NextTokenModel(nn.Module):
    """Causal Transformer over the rows of a clip, each of length ``dim``."""

    positions: Tensor

    def __init__(self, dim: int, sizes: Sizes) -> None:
        super().__init__()
        self.project_layer = nn.Linear(dim, sizes.width)
        table = sinusoids(MAX_INPUTS, sizes.width)
        self.register_buffer("positions", table, persistent=False)
        self.dropout = nn.Dropout(sizes.dropout)
        self.transformer = new_layers(KIND, sizes)
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


class NextTokenHead(TorchHead):
    """A trained model; ``metadata`` has ``dims``, and ``spec`` with ``options``."""

    KIND: ClassVar[str] = KIND

    def new_model(self) -> NextTokenModel:
        """Model of the sizes in the metadata."""
        return _new_model(self.dims, self.metadata["spec"]["options"], seed=0)

    def curve(self, *rows: np.ndarray) -> np.ndarray:
        """Squared error of the prediction of every row, mean over dimensions.

        Parameters
        ----------
        *rows : np.ndarray of shape (T, dim), float16 or float32
            Features of a clip, not normalised: one array per stream, video before audio
            as in training, of one rate and length.

        Returns
        -------
        np.ndarray of shape (T,), float64
            Larger = more fake. Row 0, which nothing predicts, has 0, so that a curve
            can be plotted and ranked as it is. All NaN if a row of the clip is all zero
            or not finite: every later prediction depends on it.
        """
        inputs = unit_rows(*rows)
        curve = np.zeros(len(inputs))
        if not np.isfinite(inputs).all():
            return np.full_like(curve, np.nan)
        with torch.no_grad():
            # From the last, so that a row keeps the prediction of its first piece.
            for start, stop in reversed(pieces(len(inputs))):
                piece = torch.from_numpy(inputs[None, start:stop])
                curve[start + 1 : stop] = self.model.errors(piece)[0].numpy()
        return curve

    def score(self, *rows: np.ndarray) -> float:
        """Largest value of the `curve`; NaN for a bad row or fewer than two rows."""
        curve = self.curve(*rows)
        return float(curve.max()) if len(curve) >= MIN_ROWS else np.nan

    def mean_score(self, *rows: np.ndarray) -> float:
        """Mean of the `curve` over all rows but row 0; NaN where `score` has it."""
        curve = self.curve(*rows)
        return float(curve[1:].mean()) if len(curve) >= MIN_ROWS else np.nan


HEAD = NextTokenHead


class NextTokenObjective(Objective):
    """Prediction of the next row.

    The loss is the squared error, mean over all targets and dimensions. That of an
    epoch is such a mean over the whole split, whatever the batches (the published code
    logs the mean over the batches, each weighted by its number of clips).

    Parameters
    ----------
    model : NextTokenModel
    max_epochs : int
        Epochs over which the learning rate falls to zero along a cosine.
    batch_size : int
        Clips per batch.
    seed : int
        Of the order of clips.
    """

    def __init__(
        self, model: NextTokenModel, max_epochs: int, batch_size: int, seed: int
    ) -> None:
        super().__init__(model, seed)
        self._max_epochs = max_epochs
        self._batch_size = batch_size

    def batches(self, split: Split, epoch: int | None) -> Iterator[tuple[Tensor, ...]]:
        """Cut the clips into batches, long clips into their pieces, (T, D) each."""
        order = epoch_order(len(split), self.seed, epoch)
        sequences = (
            torch.from_numpy(inputs[start:stop])
            for _, inputs in finite_inputs(split, order, unit_rows)
            for start, stop in pieces(len(inputs))
        )
        while batch := tuple(islice(sequences, self._batch_size)):
            yield batch

    def loss(self, batch: tuple[Tensor, ...]) -> Loss:
        """Mean over the targets; padding has no part in it."""
        padded = pad_sequence(list(batch), batch_first=True).to(self.device)
        targets = torch.tensor([len(clip) - 1 for clip in batch], device=self.device)
        errors = self.model.errors(padded)
        real = torch.arange(errors.shape[1], device=self.device) < targets[:, None]
        total = errors.masked_fill(~real, 0.0).sum()
        items = sum(len(clip) - 1 for clip in batch)
        return Loss(total / items, total, items)

    def schedule(self, optimizer: torch.optim.Optimizer) -> CosineAnnealingLR:
        """Lower the learning rate to zero along a cosine."""
        return CosineAnnealingLR(optimizer, self._max_epochs)


def objective(train: Split, spec: HeadSpec, candidate: Candidate) -> NextTokenObjective:
    """Make what a candidate learns, from real clips of at least `MIN_ROWS` rows.

    Raises
    ------
    ConfigError
        If the width does not fit the number of attention heads.
    """
    model = _new_model(train.dims, spec.options, candidate.seed)
    batch_size = spec.options["batch_size"]
    return NextTokenObjective(model, spec.max_epochs, batch_size, candidate.seed)


def pieces(rows: int) -> list[tuple[int, int]]:
    """Cut a clip for the table of positions: first row of a piece, and its end.

    The last row of a piece is predicted and not an input, so a piece has one row more
    than the table.
    """
    step = MAX_INPUTS // 2
    starts = range(0, max(rows - 1 - step, 1), step)
    return [(start, min(start + MAX_INPUTS + 1, rows)) for start in starts]


def _new_model(dims: tuple[int, ...], options: Options, seed: int) -> NextTokenModel:
    sizes = sizes_of(options)
    return random_module(lambda: NextTokenModel(sum(dims), sizes), seed)

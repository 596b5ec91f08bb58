"""Next-token prediction: how badly the next row of a clip can be foretold.

The model learns from real clips only; a row that it does not expect speaks for a fake.
Source: arXiv 2511.17181; danoneata/veridiq, ``veridiq/autoregression``.

No clip is dropped for its length. The published table of positions holds 5,000 inputs;
a longer clip is cut into pieces that each fill the table and begin 2,500 rows after the
one before. Training takes them as clips of their own; scoring takes the prediction of a
row from the first piece that has one, which then sees at least 2,500 rows before it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.optim.lr_scheduler import CosineAnnealingLR

from dfprobe.errors import DataError
from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Candidate, Split, epoch_order
from dfprobe.heads.files.head_file import read_head, write_head
from dfprobe.heads.fit.loop import Learner
from dfprobe.heads.fit.torch_learner import Step, TorchLearner, pick_device
from dfprobe.heads.kinds.next_token_model import MAX_INPUTS, NextTokenModel, Sizes
from dfprobe.settings.model import Options
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.torch_modules import random_module

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

KIND = "next_token"
STREAMS = (1, 2)
REAL_ONLY = True
ONE_PASS = False
MIN_ROWS = 2  # one to predict from, one to predict


@dataclass(frozen=True)
class NextTokenHead:
    """A trained model and where it comes from; it runs on the CPU.

    Parameters
    ----------
    tensors : dict of str to np.ndarray
        The model's parameters.
    metadata : dict
        What the head file says of it: ``dims``, ``spec`` (with ``options``), the
        encoders, the training corpus...
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, Any]

    @property
    def dims(self) -> tuple[int, ...]:
        """Length of the rows of each stream."""
        return tuple(self.metadata["dims"])

    def curve(self, *rows: np.ndarray) -> np.ndarray:
        """Surprise at every row: squared error of its prediction, mean over dimensions.

        Parameters
        ----------
        *rows : np.ndarray of shape (T, dim), float16 or float32
            Features of a clip, not normalised: one array a stream, video before audio
            as in training, of one rate and length.

        Returns
        -------
        np.ndarray of shape (T,), float64
            Larger = more fake. Row 0, which nothing predicts, has 0, so that a curve
            can be plotted and ranked as it is. All NaN if a row of the clip is all zero
            or not finite: every later prediction depends on it.
        """
        inputs = joined_rows(rows)
        curve = np.zeros(len(inputs))
        if not np.isfinite(inputs).all():
            return np.full_like(curve, np.nan)
        with torch.no_grad():
            # From the last, so that a row keeps the prediction of its first piece.
            for start, stop in reversed(pieces(len(inputs))):
                piece = torch.from_numpy(inputs[None, start:stop])
                curve[start + 1 : stop] = self._model.errors(piece)[0].numpy()
        return curve

    def score(self, *rows: np.ndarray) -> float:
        """Largest value of the `curve`; NaN for a bad row or fewer than two rows."""
        curve = self.curve(*rows)
        return float(curve.max()) if len(curve) >= MIN_ROWS else np.nan

    def mean_score(self, *rows: np.ndarray) -> float:
        """Mean of the `curve` over all rows but row 0; NaN where `score` has it."""
        curve = self.curve(*rows)
        return float(curve[1:].mean()) if len(curve) >= MIN_ROWS else np.nan

    def save(self, path: Path) -> None:
        """Write the head file."""
        entries = {**self.metadata, "kind": KIND, "dims": list(self.dims)}
        write_head(path, self.tensors, entries)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a head file.

        Raises
        ------
        DataError
            If it is no next-token head, or its tensors are not what it says.
        """
        head = cls.from_tensors(*read_head(path, KIND))
        expected = {
            n: tuple(t.shape) for n, t in head._new_model().state_dict().items()
        }
        shapes = {name: tensor.shape for name, tensor in head.tensors.items()}
        for name in sorted(expected.keys() | shapes.keys()):
            if shapes.get(name) != expected.get(name):
                raise DataError(
                    f"{path}: tensor {name} has shape {shapes.get(name)}, but the "
                    f"sizes in its metadata ask for {expected.get(name)}. Train the "
                    "head again."
                )
        return head

    @classmethod
    def from_tensors(
        cls, tensors: dict[str, np.ndarray], metadata: dict[str, Any]
    ) -> Self:
        """Make a head of what `dfprobe.heads.fit.loop.fit` returns."""
        return cls(tensors, metadata)

    @cached_property
    def _model(self) -> NextTokenModel:
        model = self._new_model()
        model.load_state_dict({n: torch.from_numpy(t) for n, t in self.tensors.items()})
        return model.eval()

    def _new_model(self) -> NextTokenModel:
        sizes = sizes_of(self.metadata["spec"]["options"])
        return random_module(lambda: NextTokenModel(sum(self.dims), sizes), seed=0)


class NextTokenLearner(TorchLearner):
    """Training of one model.

    The loss is the squared error, mean over all targets and dimensions. That of an
    epoch is such a mean over the whole split, whatever the batches (the published code
    logs the mean over the batches, each weighted by its number of clips).

    Parameters
    ----------
    train, val : Split
        Real clips of at least `MIN_ROWS` rows.
    model : NextTokenModel
        On its device.
    spec : HeadSpec
        ``max_epochs`` and ``options.batch_size``, in clips.
    candidate : Candidate
        Seed and learning rate.
    """

    def __init__(
        self,
        train: Split,
        val: Split,
        model: NextTokenModel,
        spec: HeadSpec,
        candidate: Candidate,
    ) -> None:
        optimizer = torch.optim.Adam(model.parameters(), lr=candidate.learning_rate)
        schedule = CosineAnnealingLR(optimizer, spec.max_epochs)
        super().__init__(model, optimizer, schedule, candidate.seed)
        self._train = train
        self._val = val
        self._errors = model.errors
        self._device = model.positions.device
        self._batch_size: int = spec.options["batch_size"]

    def train_steps(self, epoch: int) -> Iterator[Step]:
        """Losses of the training batches, in the order of the epoch."""
        order = epoch_order(len(self._train), self.seed, epoch)
        return self._steps(self._train, order)

    def val_steps(self) -> Iterator[Step]:
        """Losses of the validation batches."""
        return self._steps(self._val, np.arange(len(self._val)))

    def _steps(self, split: Split, order: np.ndarray) -> Iterator[Step]:
        for clips in _batches(_sequences(split, order), self._batch_size):
            yield self._step(clips)

    def _step(self, clips: list[Tensor]) -> Step:
        padded = pad_sequence(clips, batch_first=True).to(self._device)
        targets = torch.tensor([len(clip) - 1 for clip in clips], device=self._device)
        errors = self._errors(padded)
        real = torch.arange(errors.shape[1], device=self._device) < targets[:, None]
        total = errors.masked_fill(~real, 0.0).sum()
        items = sum(len(clip) - 1 for clip in clips)
        return Step(total / items, total.detach(), items)


def learner(
    train: Split,
    val: Split,
    spec: HeadSpec,
    candidates: list[Candidate],
    device: str,
) -> Learner:
    """Make the learner of one candidate.

    Parameters
    ----------
    train, val : Split
        Real clips of at least `MIN_ROWS` rows.
    spec : HeadSpec
        ``max_epochs``; ``options``: ``width``, ``feed_forward``, ``heads``, ``layers``,
        ``dropout``, ``batch_size``.
    candidates : list of Candidate
        One.
    device : str
        ``cpu``, ``cuda`` or ``auto``.

    Raises
    ------
    ConfigError
        If the width does not fit the number of attention heads.
    """
    [candidate] = candidates
    sizes = sizes_of(spec.options)
    model = random_module(
        lambda: NextTokenModel(sum(train.dims), sizes), candidate.seed
    )
    return NextTokenLearner(train, val, model.to(pick_device(device)), spec, candidate)


def sizes_of(options: Options) -> Sizes:
    """Sizes of the model in the options of a head."""
    names = ("width", "feed_forward", "heads", "layers", "dropout")
    return Sizes(**{name: options[name] for name in names})


def joined_rows(rows: Iterable[np.ndarray]) -> np.ndarray:
    """Streams side by side, each row of each divided by its norm: (T, sum of dims)."""
    return np.concatenate([unit_rows(stream) for stream in rows], axis=1)


def pieces(rows: int) -> list[tuple[int, int]]:
    """Cut a clip for the table of positions: first row of a piece, and its end.

    The last row of a piece is predicted and no input, so a piece has one row more than
    the table.
    """
    step = MAX_INPUTS // 2
    starts = range(0, max(rows - 1 - step, 1), step)
    return [(start, min(start + MAX_INPUTS + 1, rows)) for start in starts]


def _sequences(split: Split, order: np.ndarray) -> Iterator[Tensor]:
    """Clips in the given order, long ones in their pieces, (T, D) each."""
    for item in split.visit(order):
        inputs = joined_rows(item.rows)
        if not np.isfinite(inputs).all():
            raise split.bad_clip(item.clip_id, "a row is all zero or not finite")
        for start, stop in pieces(len(inputs)):
            yield torch.from_numpy(inputs[start:stop])


def _batches(sequences: Iterator[Tensor], size: int) -> Iterator[list[Tensor]]:
    while batch := list(islice(sequences, size)):
        yield batch

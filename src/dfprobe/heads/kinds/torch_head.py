"""What the kinds that PyTorch trains share: the trained head, and what it learns.

Such a kind is one module: its model, its head, and an `Objective` with its batches and
their loss. `dfprobe.heads.fit.torch` does the rest.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Protocol, Self, TypeAlias

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from dfprobe.heads.data.splits import Candidate, Split
from dfprobe.heads.files.head_file import check_tensors, read_head
from dfprobe.heads.files.tensor_file import Facts, Tensors, write_tensors
from dfprobe.heads.kinds.contract import Kind
from dfprobe.settings.stage_specs.heads import HeadSpec

Schedule: TypeAlias = LRScheduler | ReduceLROnPlateau


@dataclass(frozen=True)
class TorchHead(ABC):
    """A trained model and where it comes from; it runs on the CPU."""

    tensors: Tensors  # the model's parameters, by their names in the model
    # What the head file says of it: ``dims``, ``spec``, encoder, training corpus
    metadata: Facts

    KIND: ClassVar[str]

    @abstractmethod
    def new_model(self) -> nn.Module:
        """Model of the sizes that the head says; its parameters do not matter."""

    @abstractmethod
    def curve(self, *rows: np.ndarray) -> np.ndarray:
        """Value of every row, see `dfprobe.heads.kinds.contract.Head`."""

    def score(self, *rows: np.ndarray) -> float:
        """Log-sum-exp over time of the `curve`; NaN for a bad row."""
        return float(torch.from_numpy(self.curve(*rows)).logsumexp(0))

    @property
    def dims(self) -> tuple[int, ...]:
        """Length of the rows of each stream."""
        return tuple(self.metadata["dims"])

    def save(self, path: Path) -> None:
        """Write the head file."""
        entries = {**self.metadata, "kind": self.KIND, "dims": list(self.dims)}
        write_tensors(path, self.tensors, entries)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a head file.

        Raises
        ------
        DataError
            If it is not a head of this kind, or its tensors are not what it says.
        """
        head = cls.from_tensors(*read_head(path, cls.KIND))
        head.check(path)
        return head

    @classmethod
    def from_tensors(cls, tensors: Tensors, metadata: Facts) -> Self:
        """Make a head of what training gives."""
        return cls(tensors, metadata)

    def check(self, path: Path) -> None:
        """Compare the tensors with those of the model, see `check_tensors`."""
        expected = self.new_model().state_dict()
        shapes = {name: tuple(tensor.shape) for name, tensor in expected.items()}
        check_tensors(path, self.tensors, shapes)

    @cached_property
    def model(self) -> Any:
        """The model, in evaluation mode."""
        model = self.new_model()
        model.load_state_dict({n: torch.from_numpy(t) for n, t in self.tensors.items()})
        return model.eval()


class Loss(NamedTuple):
    """Loss of one batch."""

    gradient_of: Tensor  # scalar that is back-propagated
    total: Tensor  # scalar; sum of the loss over the items of the batch
    # Number of items: the loss of an epoch is the sum of totals by that of items
    items: int


class Objective(ABC):
    """What a head learns: a model, the batches of an epoch, and their loss.

    Parameters
    ----------
    model : nn.Module
        Before training; trained in place, and moved to a device by its trainer.
    seed : int
        Of the order of clips.
    """

    def __init__(self, model: Any, seed: int) -> None:
        self.model = model
        self.seed = seed

    @abstractmethod
    def batches(self, split: Split, epoch: int | None) -> Iterator[Any]:
        """Batches of a training epoch, or of validation where it is None."""

    @abstractmethod
    def loss(self, batch: Any) -> Loss:
        """Loss of one batch."""

    @abstractmethod
    def schedule(self, optimizer: torch.optim.Optimizer) -> Schedule | None:
        """Make what sets the learning rate after each epoch."""

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device


class TorchKind(Kind, Protocol):
    """Module of a kind of head that PyTorch trains."""

    def objective(
        self, train: Split, spec: HeadSpec, candidate: Candidate
    ) -> Objective:
        """Make what a candidate learns, its model drawn from its seed."""


def finite_inputs(
    split: Split, order: np.ndarray, normalise: Callable[..., np.ndarray]
) -> Iterator[tuple[int, np.ndarray]]:
    """Label (0 real, 1 fake) and normalised rows of clips, in a given order.

    Parameters
    ----------
    split : Split
    order : np.ndarray
        Positions of the clips, see `dfprobe.heads.data.splits.epoch_order`.
    normalise : callable
        Makes of the rows of each stream, as stored, what the model reads, (T, D).

    Raises
    ------
    DataError
        If a row is all zero or not finite; it names the clip.
    """
    for item in split.visit(order):
        inputs = normalise(*item.rows)
        if not np.isfinite(inputs).all():
            raise split.bad_clip(item.clip_id, "a row is all zero or not finite")
        yield item.label, inputs

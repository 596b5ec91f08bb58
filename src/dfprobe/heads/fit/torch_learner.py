"""What all heads that PyTorch trains share: steps, optimiser, schedule, state."""

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

_SCHEDULE = "schedule"


class Step(NamedTuple):
    """The loss of one batch.

    Parameters
    ----------
    loss : torch.Tensor
        Scalar; what is back-propagated.
    total : torch.Tensor
        Scalar without gradient; sum of the loss over the items of the batch.
    items : int
        Number of items: an epoch's loss is the sum of totals by that of items.
    """

    loss: torch.Tensor
    total: torch.Tensor
    items: int


class TorchLearner(ABC):
    """One head as a `dfprobe.heads.fit.loop.Learner`.

    A subclass says which batches there are and what their loss is.

    Parameters
    ----------
    model : nn.Module
        On its device.
    optimizer : torch.optim.Optimizer
        Over the parameters of ``model``, in one group.
    schedule : LRScheduler, ReduceLROnPlateau or None
        Stepped once an epoch.
    seed : int
        Of dropout; the initial parameters are the caller's.
    """

    members = 1

    def __init__(
        self,
        model: nn.Module,
        optimizer: torch.optim.Optimizer,
        schedule: LRScheduler | ReduceLROnPlateau | None,
        seed: int,
    ) -> None:
        self.model = model
        self.optimizer = optimizer
        self.schedule = schedule
        self.seed = seed

    @abstractmethod
    def train_steps(self, epoch: int) -> Iterator[Step]:
        """Losses of the training batches of an epoch, one after the other."""

    @abstractmethod
    def val_steps(self) -> Iterator[Step]:
        """Losses of the validation batches; called without gradients."""

    def train_epoch(self, epoch: int) -> np.ndarray:
        """Take one optimiser step a batch; mean loss, (1,)."""
        torch.manual_seed(epoch_seed(self.seed, epoch))
        self.model.train()
        mean = _Mean()
        for step in self.train_steps(epoch):
            self.optimizer.zero_grad()
            step.loss.backward()
            self.optimizer.step()
            mean.add(step)
        return mean.value()

    def val_losses(self) -> np.ndarray:
        """Mean loss on the validation clips, (1,)."""
        self.model.eval()
        mean = _Mean()
        with torch.no_grad():
            for step in self.val_steps():
                mean.add(step)
        return mean.value()

    def adapt(self, val_losses: np.ndarray) -> None:
        """Step the schedule."""
        if isinstance(self.schedule, ReduceLROnPlateau):
            self.schedule.step(float(val_losses[0]))
        elif self.schedule is not None:
            self.schedule.step()

    def learning_rates(self) -> np.ndarray:
        """Learning rate of the optimiser, (1,)."""
        return np.array([self.optimizer.param_groups[0]["lr"]])

    def tensors(self, member: int) -> dict[str, np.ndarray]:
        """Parameters by their names in the model."""
        return _arrays(self.model.state_dict())

    def state(self) -> dict[str, np.ndarray]:
        """Parameters, the optimiser's moments, the schedule."""
        optimizer = self.optimizer.state_dict()
        moments = {
            f"optimizer/{number}/{name}": torch.as_tensor(value)
            for number, values in optimizer["state"].items()
            for name, value in values.items()
        }
        schedule = {"lr": optimizer["param_groups"][0]["lr"], **self._schedule_state()}
        text = json.dumps(schedule).encode()
        return {
            **{f"model/{name}": a for name, a in self.tensors(0).items()},
            **_arrays(moments),
            _SCHEDULE: np.frombuffer(text, np.uint8),
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a `state`."""
        tensors = {n: torch.from_numpy(a) for n, a in state.items() if n != _SCHEDULE}
        model = {n: t for n, t in tensors.items() if n.startswith("model/")}
        self.model.load_state_dict(
            {n.removeprefix("model/"): t for n, t in model.items()}
        )
        schedule = json.loads(state[_SCHEDULE].tobytes())
        rate = schedule.pop("lr")
        moments: dict[int, dict[str, torch.Tensor]] = {}
        for name in tensors.keys() - model.keys():
            _, number, kind = name.split("/")
            moments.setdefault(int(number), {})[kind] = tensors[name]
        groups = self.optimizer.state_dict()["param_groups"]
        groups[0]["lr"] = rate
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        if self.schedule is not None:
            self.schedule.load_state_dict(schedule)

    def _schedule_state(self) -> dict[str, Any]:
        return {} if self.schedule is None else self.schedule.state_dict()


def epoch_seed(seed: int, epoch: int) -> int:
    """Seed of an epoch's dropout."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0])


def pick_device(name: str) -> torch.device:
    """Device of a name; ``auto`` is the GPU where there is one."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


class _Mean:
    """Mean of a loss over the items of all batches, summed in float64."""

    def __init__(self) -> None:
        self._total: torch.Tensor | None = None
        self._count = 0

    def add(self, step: Step) -> None:
        total = step.total.detach().double()
        self._total = total if self._total is None else self._total + total
        self._count += step.items

    def value(self) -> np.ndarray:
        assert self._total is not None  # a split without clips is refused before
        return np.array([float(self._total) / self._count])


def _arrays(tensors: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    return {n: t.detach().cpu().numpy().copy() for n, t in tensors.items()}

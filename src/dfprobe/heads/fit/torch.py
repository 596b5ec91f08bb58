"""Training of heads by PyTorch: Adam on what their kind declares as its objective."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from dfprobe.heads.data.splits import Candidate, Split
from dfprobe.heads.files.tensor_file import Tensors
from dfprobe.heads.kinds.torch_head import Loss, Objective, TorchKind
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.torch_modules import pick_device

_SCHEDULE = "schedule"


def trainers(
    kind: TorchKind,
    train: Split,
    val: Split,
    spec: HeadSpec,
    candidates: Sequence[Candidate],
) -> Iterator["TorchTrainer"]:
    """Trainers of all candidates: one each."""
    for candidate in candidates:
        objective = kind.objective(train, spec, candidate)
        yield TorchTrainer(objective, train, val, candidate, spec.device)


class TorchTrainer:
    """One head as a `dfprobe.heads.fit.loop.Trainer`.

    Parameters
    ----------
    objective : Objective
        What it learns.
    train, val : Split
        Clips to learn from, and to choose the epoch by.
    candidate : Candidate
        Seed, of dropout, and learning rate.
    device : str
        ``cpu``, ``cuda``, or ``auto``: the GPU where there is one.
    """

    def __init__(
        self,
        objective: Objective,
        train: Split,
        val: Split,
        candidate: Candidate,
        device: str,
    ) -> None:
        self.candidates = [candidate]
        self.objective = objective
        self._train, self._val = train, val
        self.model = objective.model.to(pick_device(device))
        self.optimizer = torch.optim.Adam(
            self.model.parameters(), lr=candidate.learning_rate
        )
        self._schedule: Any = objective.schedule(self.optimizer)

    def train_epoch(self, epoch: int) -> np.ndarray:
        """Take one optimiser step per batch; mean loss, (1,)."""
        # Of dropout.
        sequence = np.random.SeedSequence([self.candidates[0].seed, epoch])
        torch.manual_seed(int(sequence.generate_state(1, np.uint64)[0]))
        self.model.train()
        mean = _Mean()
        for batch in self.objective.batches(self._train, epoch):
            loss = self.objective.loss(batch)
            self.optimizer.zero_grad()
            loss.gradient_of.backward()
            self.optimizer.step()
            mean.add(loss)
        return mean.value()

    def val_losses(self) -> np.ndarray:
        """Mean loss on the validation clips, (1,)."""
        self.model.eval()
        mean = _Mean()
        with torch.no_grad():
            for batch in self.objective.batches(self._val, None):
                mean.add(self.objective.loss(batch))
        return mean.value()

    def adapt(self, val_losses: np.ndarray) -> None:
        """Step the schedule."""
        if isinstance(self._schedule, torch.optim.lr_scheduler.ReduceLROnPlateau):
            self._schedule.step(float(val_losses[0]))
        elif self._schedule is not None:
            self._schedule.step()

    def learning_rates(self) -> np.ndarray:
        """Learning rate of the optimiser, (1,)."""
        return np.array([self.optimizer.param_groups[0]["lr"]])

    def tensors(self, member: int) -> Tensors:
        """Parameters by their names in the model."""
        return _arrays(self.model.state_dict())

    def state(self) -> Tensors:
        """Parameters, the optimiser's moments, the schedule."""
        optimizer = self.optimizer.state_dict()
        moments = {
            f"optimizer/{number}/{name}": torch.as_tensor(value)
            for number, values in optimizer["state"].items()
            for name, value in values.items()
        }
        schedule = {"lr": optimizer["param_groups"][0]["lr"]}
        if self._schedule is not None:
            schedule |= self._schedule.state_dict()
        text = json.dumps(schedule).encode()
        return {
            **{f"model/{name}": a for name, a in self.tensors(0).items()},
            **_arrays(moments),
            _SCHEDULE: np.frombuffer(text, np.uint8),
        }

    def restore(self, state: Tensors) -> None:
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
        if self._schedule is not None:
            self._schedule.load_state_dict(schedule)


class _Mean:
    """Mean of a loss over the items of all batches, summed in float64."""

    def __init__(self) -> None:
        self._total: torch.Tensor | None = None
        self._count = 0

    def add(self, loss: Loss) -> None:
        total = loss.total.detach().double()
        self._total = total if self._total is None else self._total + total
        self._count += loss.items

    def value(self) -> np.ndarray:
        assert self._total is not None  # a split without clips is refused before
        return np.array([float(self._total) / self._count])


def _arrays(tensors: dict[str, torch.Tensor]) -> Tensors:
    return {n: t.detach().cpu().numpy().copy() for n, t in tensors.items()}

"""Training epoch by epoch until the validation loss stops falling, for every head.

A training that was killed resumes after the last epoch whose state it wrote, and ends
with the same bytes: a `Trainer` draws what is random in an epoch from its seed and the
number of the epoch, so its state is its numbers alone.
"""

import logging
import math
import time
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np

from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.data.splits import Candidate
from dfprobe.heads.files.history import Epoch, Stopping
from dfprobe.heads.files.tensor_file import Facts, Tensors, read_tensors, write_tensors
from dfprobe.progress import Progress

log = logging.getLogger("dfprobe")

_STATE, _BEST = "state", "best"


class Trainer(Protocol):
    """What `fit` runs: the training of one head, or of several in one pass.

    Attributes
    ----------
    candidates : list of Candidate
        What each of its heads (its members, by number) is.
    """

    candidates: list[Candidate]

    def train_epoch(self, epoch: int) -> np.ndarray:
        """Visit the training clips once; mean loss of each member, (members,).

        What is random depends on the seed and on ``epoch`` (1 for the first) only.
        """

    def val_losses(self) -> np.ndarray:
        """Mean loss of each member on the validation clips, (members,) float64."""

    def adapt(self, val_losses: np.ndarray) -> None:
        """Set the learning rates of the next epoch."""

    def learning_rates(self) -> np.ndarray:
        """Learning rate of each member, (members,) float64."""

    def tensors(self, member: int) -> Tensors:
        """Parameters of one member as the head file holds them, by name; copies."""

    def state(self) -> Tensors:
        """All that the next epoch depends on, by name."""

    def restore(self, state: Tensors) -> None:
        """Go back to a `state`."""


class Fit(NamedTuple):
    """One trained head."""

    candidate: Candidate
    tensors: Tensors  # its parameters after the epoch of the lowest validation loss
    history: list[Epoch]
    best: Epoch  # that of ``tensors``
    # Whether the validation loss stopped falling; False at the limit of epochs
    stopped: bool


class ProgressFile:
    """Side file with the state of a training, from which a killed one resumes.

    Parameters
    ----------
    path : Path
        The side file; beside the head, and deleted when that is written.
    key : str
        What the training depends on; a state written under another key is ignored.
    every_s : float
        Seconds between two states: epochs of milliseconds are not all written.
    """

    def __init__(self, path: Path, key: str, every_s: float = 5.0) -> None:
        self.path = path
        self._key = key
        self._every_s = every_s
        self._last = time.monotonic()

    def due(self) -> bool:
        """Whether it is time to write the next state."""
        return time.monotonic() - self._last >= self._every_s

    def write(self, arrays: Tensors, facts: Facts) -> None:
        """Write arrays and JSON values, whole or not at all."""
        write_tensors(self.path, arrays, {"key": self._key, **facts})
        self._last = time.monotonic()

    def read(self) -> tuple[Tensors, Facts] | None:
        """Read what was written last; None for nothing that can be used."""
        if not self.path.exists():
            return None
        try:
            arrays, facts = read_tensors(self.path)
        except DataError as error:
            log.warning(f"{error} Training starts again from the first epoch.")
            return None
        return (arrays, facts) if facts.pop("key") == self._key else None

    def discard(self) -> None:
        """Delete the side file: the heads are written."""
        self.path.unlink(missing_ok=True)


class _Member:
    """Epochs of one head while it is trained, and the best of them."""

    def __init__(self, candidate: Candidate, stopping: Stopping) -> None:
        self._candidate = candidate
        self._stopping = stopping
        self.history: list[Epoch] = []
        self.best = Epoch(0, math.inf, math.inf, math.nan)
        self.tensors: Tensors = {}

    @property
    def stopped(self) -> bool:
        """Whether patience ran out."""
        return len(self.history) - self.best.epoch >= self._stopping.patience

    @property
    def done(self) -> bool:
        return self.stopped or len(self.history) >= self._stopping.max_epochs

    def improves(self, epoch: Epoch) -> bool:
        """Note an epoch; whether its validation loss is the lowest so far."""
        self.history.append(epoch)
        if not epoch.val_loss < self.best.val_loss:  # NaN is no improvement
            return False
        self.best = epoch
        return True

    def restore(self, history: list[list[Any]], tensors: Tensors) -> None:
        for values in history:
            self.improves(Epoch(*values))
        self.tensors = tensors

    def fit(self) -> Fit:
        return Fit(self._candidate, self.tensors, self.history, self.best, self.stopped)


def fit(
    trainer: Trainer, stopping: Stopping, progress_file: ProgressFile, task: str
) -> list[Fit]:
    """Train all members of a trainer until each has stopped.

    A member that has stopped keeps its best parameters; the pass over the data goes on
    for the others.

    Parameters
    ----------
    trainer : Trainer
        What takes the steps.
    stopping : Stopping
        When each member ends.
    progress_file : ProgressFile
        From which a killed training resumes. The caller deletes it when the heads are
        written.
    task : str
        Name in the progress lines.

    Returns
    -------
    list of Fit
        One per member.
    """
    members = [_Member(candidate, stopping) for candidate in trainer.candidates]
    first = _resume(trainer, members, progress_file, task)
    progress = Progress(task, stopping.max_epochs - first + 1, unit="epochs")
    for epoch in range(first, stopping.max_epochs + 1):
        if all(member.done for member in members):
            break
        rates = trainer.learning_rates()
        losses = np.stack([trainer.train_epoch(epoch), trainer.val_losses()])
        trainer.adapt(losses[1])
        for number, member in enumerate(members):
            values = (*losses[:, number].tolist(), float(rates[number]))
            if not member.done and member.improves(Epoch(epoch, *values)):
                member.tensors = trainer.tensors(number)
        if progress_file.due():
            _write(trainer, members, progress_file, epoch)
        progress.step()
    for member in members:
        if not member.tensors:
            raise ConfigError(
                f"{task}: the validation loss was never finite, so no head can be "
                "kept. Lower the learning rate."
            )
        log.info(
            f"{task}: {len(member.history)} epochs, lowest validation loss "
            f"{member.best.val_loss:.5f} after epoch {member.best.epoch}"
        )
    return [member.fit() for member in members]


def _write(
    trainer: Trainer, members: list[_Member], file: ProgressFile, epoch: int
) -> None:
    arrays = {f"{_STATE}/{name}": value for name, value in trainer.state().items()}
    for number, member in enumerate(members):
        arrays |= {f"{_BEST}/{number}/{n}": v for n, v in member.tensors.items()}
    file.write(arrays, {"epoch": epoch, "histories": [m.history for m in members]})


def _resume(
    trainer: Trainer, members: list[_Member], file: ProgressFile, task: str
) -> int:
    """Restore what a killed training left; number of the first epoch to do."""
    found = file.read()
    if found is None:
        return 1
    arrays, facts = found
    trainer.restore(_below(arrays, f"{_STATE}/"))
    for number, member in enumerate(members):
        member.restore(facts["histories"][number], _below(arrays, f"{_BEST}/{number}/"))
    log.info(f"{task}: resumes after epoch {facts['epoch']}")
    return int(facts["epoch"]) + 1


def _below(arrays: Tensors, prefix: str) -> Tensors:
    return {
        n.removeprefix(prefix): a for n, a in arrays.items() if n.startswith(prefix)
    }

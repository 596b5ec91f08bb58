"""Heads that PyTorch trains with clip labels, by the linear probe's protocol.

Adam, one clip a step, shuffled every epoch. A model gives each row of a clip a logit;
the clip's score ``s`` is their log-sum-exp over time, and its loss for label ``y``
(0 real, 1 fake) is ``softplus(-2 (2 y - 1) s)``.
Source: arXiv 2511.17181; bit-ml/ssr-dfd, ``linear_probing/{model,train}.py``.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim.lr_scheduler import ReduceLROnPlateau

from dfprobe.errors import DataError
from dfprobe.heads.data.splits import Candidate, Item, Split, class_weights, epoch_order
from dfprobe.heads.files.head_file import read_head, write_head
from dfprobe.heads.fit.torch_learner import Step, TorchLearner, pick_device
from dfprobe.settings.stage_specs.heads import HeadSpec

Normalise = Callable[[np.ndarray], np.ndarray]

# Of schedule `plateau`, as for the linear probe: down after two epochs in vain.
_PLATEAU: dict[str, Any] = {
    "factor": 0.3,
    "patience": 1,
    "threshold": 0.0,
    "min_lr": 1e-6,
}


@dataclass(frozen=True)
class ClipHead(ABC):
    """A trained head and where it comes from; it runs on the CPU.

    Parameters
    ----------
    tensors : dict of str to np.ndarray
        The model's parameters, by their names in the model.
    metadata : dict
        What the head file says of it: ``dims``, ``spec``, encoder, training corpus...
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, Any]

    KIND: ClassVar[str]

    @abstractmethod
    def new_model(self) -> nn.Module:
        """Model of the sizes in the metadata: (T, D) normalised rows to (T,) logits."""

    @abstractmethod
    def normalise(self, rows: np.ndarray) -> np.ndarray:
        """Make of stored rows what the model reads, float32; NaN in a bad row."""

    @property
    def dims(self) -> tuple[int, ...]:
        """Length of the rows of the stream."""
        return tuple(self.metadata["dims"])

    def curve(self, rows: np.ndarray) -> np.ndarray:
        """Logit of every row.

        Parameters
        ----------
        rows : np.ndarray of shape (T, dim), float16 or float32
            Features of a clip, not normalised.

        Returns
        -------
        np.ndarray of shape (T,), float64
            Larger = more fake. All NaN if a row of the clip is all zero or not finite.
        """
        inputs = self.normalise(rows)
        if not np.isfinite(inputs).all():
            return np.full(len(rows), np.nan)
        with torch.no_grad():
            logits: Tensor = self._model(torch.from_numpy(inputs))
        return logits.double().numpy()

    def score(self, rows: np.ndarray) -> float:
        """Logit of a clip: log-sum-exp of its `curve`; NaN for a bad row."""
        return float(torch.from_numpy(self.curve(rows)).logsumexp(0))

    def save(self, path: Path) -> None:
        """Write the head file."""
        entries = {**self.metadata, "kind": self.KIND, "dims": list(self.dims)}
        write_head(path, self.tensors, entries)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a head file.

        Raises
        ------
        DataError
            If it is no head of this kind, or its tensors are not what it says.
        """
        head = cls.from_tensors(*read_head(path, cls.KIND))
        wanted = {n: tuple(t.shape) for n, t in head.new_model().state_dict().items()}
        found = {name: tensor.shape for name, tensor in head.tensors.items()}
        for name in sorted(wanted.keys() | found.keys()):
            if found.get(name) != wanted.get(name):
                raise DataError(
                    f"{path}: tensor {name} has shape {found.get(name)}, but the sizes "
                    f"in its metadata ask for {wanted.get(name)}. Train the head again."
                )
        return head

    @classmethod
    def from_tensors(
        cls, tensors: dict[str, np.ndarray], metadata: dict[str, Any]
    ) -> Self:
        """Make a head of what `dfprobe.heads.fit.loop.fit` returns."""
        return cls(tensors, metadata)

    @cached_property
    def _model(self) -> nn.Module:
        model = self.new_model()
        model.load_state_dict({n: torch.from_numpy(t) for n, t in self.tensors.items()})
        return model.eval()


class ClipLearner(TorchLearner):
    """Training of one model with clip labels.

    Parameters
    ----------
    train, val : Split
        Clips of one stream.
    model : nn.Module
        (T, D) normalised rows to (T,) logits.
    normalise : callable
        Stored rows as the model reads them, see `ClipHead.normalise`.
    spec : HeadSpec
        ``class_weights``: ``none``, or ``balanced``, which multiplies the losses of
        both splits by ``n / (2 n_class)``, counted in the training clips.
        ``schedule``: ``none``, or ``plateau``, which multiplies the learning rate by
        0.3 after more than two epochs without a lower validation loss.
    candidate : Candidate
        Seed and learning rate.
    device : str
        ``cpu``, ``cuda`` or ``auto``.
    """

    def __init__(
        self,
        train: Split,
        val: Split,
        model: nn.Module,
        normalise: Normalise,
        spec: HeadSpec,
        candidate: Candidate,
        device: str,
    ) -> None:
        self._device = pick_device(device)
        model = model.to(self._device)
        optimizer = torch.optim.Adam(model.parameters(), lr=candidate.learning_rate)
        schedule = (
            ReduceLROnPlateau(optimizer, **_PLATEAU)
            if spec.schedule == "plateau"
            else None
        )
        super().__init__(model, optimizer, schedule, candidate.seed)
        self._train = train
        self._val = val
        self._normalise = normalise
        self._weights = class_weights(train.labels, spec.class_weights)

    def train_steps(self, epoch: int) -> Iterator[Step]:
        """Loss of each training clip, in the order of the epoch."""
        return self._steps(self._train, epoch_order(len(self._train), self.seed, epoch))

    def val_steps(self) -> Iterator[Step]:
        """Loss of each validation clip."""
        return self._steps(self._val, np.arange(len(self._val)))

    def _steps(self, split: Split, order: np.ndarray) -> Iterator[Step]:
        for item in split.visit(order):
            inputs = self._normalise(item.rows[0])
            if not np.isfinite(inputs).all():
                raise split.bad_clip(item.clip_id, "its rows cannot be normalised")
            yield self._step(item, inputs)

    def _step(self, item: Item, inputs: np.ndarray) -> Step:
        logits = self.model(torch.from_numpy(inputs).to(self._device))
        loss = self._weights[item.label] * clip_loss(logits, item.label)
        return Step(loss, loss.detach(), 1)


def clip_loss(logits: Tensor, label: int) -> Tensor:
    """Cross-entropy of the two logits (-s, s) of a clip with frame logits (T,)."""
    return softplus(-2.0 * (2 * label - 1) * logits.logsumexp(0))

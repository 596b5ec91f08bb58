"""Synchronisation: how badly the mouth and the sound of a clip go together.

The network learns from real clips only: of the rows of one stream around a moment it
has to find the one that belongs to the row of the other stream. A clip whose pairs it
finds unlikely is a fake. Source: arXiv 2412.00175; bit-ml/AVH-Align.

Which stream offers the candidates is an option: the released code keeps the video row
and varies the audio (``direction: audio``); the paper prints the opposite (``video``).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import torch
from torch.nn import functional as F
from torch.optim.lr_scheduler import ReduceLROnPlateau

from dfprobe.errors import DataError
from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Candidate, Split, epoch_order
from dfprobe.heads.files.head_file import read_head, write_head
from dfprobe.heads.fit.loop import Learner
from dfprobe.heads.fit.torch_learner import Step, TorchLearner, pick_device
from dfprobe.heads.kinds.sync_model import Sizes, SyncModel, new_model
from dfprobe.settings.model import Options
from dfprobe.settings.stage_specs.heads import HeadSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

KIND = "sync"
STREAMS = (2,)  # visual, audio
REAL_ONLY = True
ONE_PASS = False
MIN_ROWS = 1

_FIXED = {"audio": "visual", "video": "audio"}  # by direction: the stream that is kept
# In shuffled training: frames of a clip that stay together, since each needs its
# neighbours; and batches among which such runs are mixed, which bounds the memory.
_RUN_FRAMES = 16
_MIXED_BATCHES = 8
_SCORED_FRAMES = 4096  # at a time; bounds the memory


@dataclass(frozen=True)
class SyncHead:
    """A trained network and where it comes from; it runs on the CPU.

    Parameters
    ----------
    tensors : dict of str to np.ndarray
        The network's parameters; they tell its sizes.
    metadata : dict
        What the head file says of it: the encoders, the training corpus...
    """

    tensors: dict[str, np.ndarray]
    metadata: dict[str, Any]

    @property
    def dims(self) -> tuple[int, ...]:
        """Length of a visual row and of an audio row."""
        return Sizes.of_tensors(self.tensors).dims

    def curve(self, *rows: np.ndarray) -> np.ndarray:
        """Disagreement of the streams at every row: the network's output, negated.

        Parameters
        ----------
        *rows : np.ndarray of shape (T, dim), float16 or float32
            Visual rows, audio rows; of one rate and length, not normalised.

        Returns
        -------
        np.ndarray of shape (T,), float64
            Larger = more fake; NaN where a row is all zero or not finite.
        """
        streams = [torch.from_numpy(unit_rows(r)).split(_SCORED_FRAMES) for r in rows]
        with torch.no_grad():
            outputs = [
                self._model(*pair).numpy() for pair in zip(*streams, strict=True)
            ]
        return -np.concatenate(outputs).astype(np.float64)

    def score(self, *rows: np.ndarray) -> float:
        """Log-sum-exp of the `curve`; NaN for a bad row."""
        curve = self.curve(*rows)
        top = curve.max()
        return float(top + np.log(np.exp(curve - top).sum()))

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
            If it is no synchronisation head, or its tensors do not fit together.
        """
        head = cls.from_tensors(*read_head(path, KIND))
        check_tensors(head.tensors, path)
        return head

    @classmethod
    def from_tensors(
        cls, tensors: dict[str, np.ndarray], metadata: dict[str, Any]
    ) -> Self:
        """Make a head of what `dfprobe.heads.fit.loop.fit` returns."""
        return cls(tensors, metadata)

    @cached_property
    def _model(self) -> SyncModel:
        model = new_model(Sizes.of_tensors(self.tensors), seed=0)
        model.load_state_dict({n: torch.from_numpy(t) for n, t in self.tensors.items()})
        return model.eval()


class Frames(NamedTuple):
    """Frames in succession with what each is compared with.

    Parameters
    ----------
    fixed : np.ndarray of shape (F, dim), float32
        Rows of the stream that is kept.
    others : np.ndarray of shape (F + 2 tau, dim), float32
        Rows of the other stream: frame t has rows t to t + 2 tau as candidates. Zero
        outside the clip.
    """

    fixed: np.ndarray
    others: np.ndarray

    def part(self, start: int, stop: int) -> "Frames":
        """Frames ``start`` to ``stop - 1``."""
        reach = len(self.others) - len(self.fixed)
        return Frames(self.fixed[start:stop], self.others[start : stop + reach])


class SyncLearner(TorchLearner):
    """Training of one network.

    The loss of a frame is the cross-entropy of its candidates with the matching row as
    the right answer. Its sum over a batch is back-propagated; logged is the mean over
    the frames.

    Parameters
    ----------
    train, val : Split
        Real clips: visual rows, audio rows.
    model : SyncModel
        On its device.
    options : dict
        ``tau``: candidates on each side of the matching row; ``direction``;
        ``batch_frames``; ``shuffle``: False visits the frames clip by clip in the
        order of the list, as published, so that a batch holds a few clips. True draws
        an order of the clips for each epoch and mixes runs of 16 frames within 8
        batches.
    candidate : Candidate
        Seed and learning rate.
    """

    def __init__(
        self,
        train: Split,
        val: Split,
        model: SyncModel,
        options: Options,
        candidate: Candidate,
    ) -> None:
        optimizer = torch.optim.Adam(model.parameters(), lr=candidate.learning_rate)
        schedule = ReduceLROnPlateau(optimizer, factor=0.1, patience=5)  # as published
        super().__init__(model, optimizer, schedule, candidate.seed)
        self._train = train
        self._val = val
        self._candidates = model.candidates
        self._device = model.visual_proj.weight.device
        self._tau: int = options["tau"]
        self._fixed = _FIXED[options["direction"]]
        self._batch_frames: int = options["batch_frames"]
        self._shuffle: bool = options["shuffle"]

    def train_steps(self, epoch: int) -> Iterator[Step]:
        """Losses of the training batches."""
        if not self._shuffle:
            return self._steps(self._in_order(self._train))
        order = epoch_order(len(self._train), self.seed, epoch)
        runs = _runs(self._clips(self._train, order))
        return self._steps(_mixed(runs, self._batch_frames, [self.seed, epoch]))

    def val_steps(self) -> Iterator[Step]:
        """Losses of the validation batches."""
        return self._steps(self._in_order(self._val))

    def _in_order(self, split: Split) -> Iterator[Frames]:
        return self._clips(split, np.arange(len(split)))

    def _clips(self, split: Split, order: np.ndarray) -> Iterator[Frames]:
        for item in split.visit(order):
            fixed, others = (unit_rows(rows) for rows in item.rows)
            if not (np.isfinite(fixed).all() and np.isfinite(others).all()):
                raise split.bad_clip(item.clip_id, "a row is all zero or not finite")
            if self._fixed == "audio":
                fixed, others = others, fixed
            yield Frames(fixed, np.pad(others, ((self._tau, self._tau), (0, 0))))

    def _steps(self, frames: Iterator[Frames]) -> Iterator[Step]:
        for batch in _batches(frames, self._batch_frames):
            yield self._step(batch)

    def _step(self, batch: list[Frames]) -> Step:
        fixed, others = (
            torch.from_numpy(np.concatenate(rows)).to(self._device)
            for rows in zip(*batch, strict=True)
        )
        streams = (fixed, others) if self._fixed == "visual" else (others, fixed)
        partners = torch.from_numpy(_partners(batch, self._tau)).to(self._device)
        outputs = self._candidates(*streams, partners, self._fixed)
        centre = torch.full((len(fixed),), self._tau, device=self._device)
        loss = F.cross_entropy(outputs, centre, reduction="sum")
        return Step(loss, loss.detach(), len(fixed))


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
        Real clips of two streams: visual, audio.
    spec : HeadSpec
        ``options``: ``hidden``, ``widths``, and those of `SyncLearner`.
    candidates : list of Candidate
        One.
    device : str
        ``cpu``, ``cuda`` or ``auto``.

    Raises
    ------
    ConfigError
        If ``hidden`` is odd.
    """
    [candidate] = candidates
    options = spec.options
    visual, audio = train.dims
    first, second, third = options["widths"]
    sizes = Sizes((visual, audio), options["hidden"], (first, second, third))
    model = new_model(sizes, candidate.seed).to(pick_device(device))
    return SyncLearner(train, val, model, options, candidate)


def check_tensors(tensors: dict[str, np.ndarray], path: Path) -> None:
    """See that tensors are those of one network.

    Raises
    ------
    DataError
        If one is not there, has another shape than the others ask for, or a value that
        is not finite.
    """
    try:
        model = new_model(Sizes.of_tensors(tensors), seed=0)
    except LookupError as error:
        raise DataError(
            f"{path} holds tensors {', '.join(sorted(tensors)) or 'none'}, expected "
            "visual_proj, audio_proj and mlp of a synchronisation head."
        ) from error
    expected = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | shapes.keys()):
        if shapes.get(name) != expected.get(name):
            raise DataError(
                f"{path}: tensor {name} has shape {shapes.get(name)}, but the other "
                f"tensors of the synchronisation head ask for {expected.get(name)}."
            )
        if not np.isfinite(tensors[name]).all():
            raise DataError(f"{path}: a value of tensor {name} is not finite.")


def _batches(parts: Iterable[Frames], size: int) -> Iterator[list[Frames]]:
    """Cut frames into batches of ``size``, the last one smaller, across clips."""
    batch: list[Frames] = []
    room = size
    for frames in parts:
        start = 0
        while start < len(frames.fixed):
            taken = frames.part(start, start + room)
            batch.append(taken)
            start += len(taken.fixed)
            room -= len(taken.fixed)
            if room == 0:
                yield batch
                batch, room = [], size
    if batch:
        yield batch


def _runs(clips: Iterable[Frames]) -> Iterator[Frames]:
    """Cut clips into runs of `_RUN_FRAMES` frames."""
    for clip in clips:
        for start in range(0, len(clip.fixed), _RUN_FRAMES):
            yield clip.part(start, start + _RUN_FRAMES)


def _mixed(
    runs: Iterable[Frames], batch_frames: int, entropy: list[int]
) -> Iterator[Frames]:
    """Put the runs of every `_MIXED_BATCHES` batches in an order drawn at random."""
    rng = np.random.default_rng([*entropy, 1])  # another stream than the clips' order
    for pool in _batches(runs, _MIXED_BATCHES * batch_frames):
        for number in rng.permutation(len(pool)):
            yield pool[number]


def _partners(batch: list[Frames], tau: int) -> np.ndarray:
    """Candidates of each frame of a batch, rows of all ``others`` end to end."""
    window = np.arange(2 * tau + 1)
    ends = np.cumsum([len(frames.others) for frames in batch])
    return np.concatenate(
        [
            end - len(frames.others) + np.arange(len(frames.fixed))[:, None] + window
            for frames, end in zip(batch, ends, strict=True)
        ]
    )

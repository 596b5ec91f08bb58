"""Synchronisation: how badly the mouth and the sound of a clip match.

The network is trained on real clips alone: of the rows of one stream around a moment it
has to find the one that belongs to the row of the other stream. A clip whose pairs it
finds unlikely is a fake. Source: arXiv 2412.00175; written from the description of
bit-ml/AVH-Align (model.py: FusionModel), with its tensor names.

Which stream offers the candidates is an option: the released code keeps the video row
and varies the audio (``direction: audio``); the paper prints the opposite (``video``).

F frames, C candidates of a frame.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim.lr_scheduler import ReduceLROnPlateau

from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Candidate, Split, epoch_order
from dfprobe.heads.kinds.torch_head import Loss, Objective, TorchHead, finite_inputs
from dfprobe.settings.model import Options
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.torch_modules import random_module

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

KIND = "sync"
TRAINER = "torch"
STREAMS = (2,)  # visual, audio
REAL_ONLY = True
MIN_ROWS = 1

_OF_WIDTHS = ("mlp.0.weight", "mlp.3.weight", "mlp.6.weight")
_FIXED = {"audio": "visual", "video": "audio"}  # by direction: the stream that is kept
# In shuffled training: frames of a clip that stay together, since each needs its
# neighbours; and batches among which such runs are mixed, which bounds the memory.
_RUN_FRAMES = 16
_MIXED_BATCHES = 8
_SCORED_FRAMES = 4096  # concurrently; bounds the memory


@dataclass(frozen=True)
class Sizes:
    """Sizes of the network; all can be read from its tensors."""

    dims: tuple[int, int]  # length of a visual row and of an audio row
    hidden: int  # both rows together, after their projections; each has half of it
    # Of the three layers between the projections and the output
    widths: tuple[int, int, int]

    def __post_init__(self) -> None:
        if self.hidden % 2:
            raise ConfigError(
                "heads: options.hidden of a sync head is shared by two streams, so it "
                f"must be even, but the configuration has {self.hidden}."
            )

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Any]) -> Self:
        """Read the sizes of a network from its tensors.

        Raises
        ------
        LookupError
            If a tensor is not there, or no matrix.
        """
        visual, audio = (
            tensors[f"{stream}_proj.weight"].shape for stream in ("visual", "audio")
        )
        first, second, third = (tensors[name].shape[0] for name in _OF_WIDTHS)
        return cls((visual[1], audio[1]), 2 * visual[0], (first, second, third))


class SyncModel(nn.Module):
    """One number for a pair of rows; the larger, the better they go together.

    The network has no dropout and no batch norm: it is the same in training.

    Parameters
    ----------
    sizes : Sizes
        Sizes of all parts.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        half = sizes.hidden // 2
        self.visual_proj = nn.Linear(sizes.dims[0], half)
        self.audio_proj = nn.Linear(sizes.dims[1], half)
        layers: list[nn.Module] = []
        for width, next_width in pairwise([sizes.hidden, *sizes.widths]):
            norm = nn.LayerNorm(next_width)
            # In place: the norm does not need its output to go back.
            layers += [nn.Linear(width, next_width), norm, nn.ReLU(inplace=True)]
        self.mlp = nn.Sequential(*layers, nn.Linear(sizes.widths[-1], 1))

    def forward(self, visual: Tensor, audio: Tensor) -> Tensor:
        """Judge the pairs of rows of the same number.

        Parameters
        ----------
        visual, audio : Tensor of shapes (F, dim), float32
            Each row divided by its norm.

        Returns
        -------
        Tensor of shape (F,)
        """
        return self._outputs(self._visual_part(visual) + self._audio_part(audio))

    def candidates(
        self, visual: Tensor, audio: Tensor, partners: Tensor, fixed: str
    ) -> Tensor:
        """Judge each row of one stream beside several rows of the other.

        The first layer is linear, so its two parts are computed once per row and added
        for each pair; the published code computes it for each pair.

        Parameters
        ----------
        visual, audio : Tensor of shapes (rows, dim), float32
            Each row divided by its norm, or all zero.
        partners : Tensor of shape (F, C), int64
            Rows of the other stream, for each of the F rows of the fixed one.
        fixed : str
            ``visual`` or ``audio``.

        Returns
        -------
        Tensor of shape (F, C)
        """
        own, other = self._visual_part(visual), self._audio_part(audio)
        if fixed == "audio":
            own, other = other, own
        return self._outputs(own[:, None] + F.embedding(partners, other))

    def _visual_part(self, rows: Tensor) -> Tensor:
        """Part of the first layer's output, with its bias: (rows, width)."""
        first, half = self._first, self.visual_proj.out_features
        return F.linear(self.visual_proj(rows), first.weight[:, :half], first.bias)

    def _audio_part(self, rows: Tensor) -> Tensor:
        """Part of the first layer's output: (rows, width)."""
        half = self.audio_proj.out_features
        return F.linear(self.audio_proj(rows), self._first.weight[:, half:])

    @property
    def _first(self) -> nn.Linear:
        return cast(nn.Linear, self.mlp[0])

    def _outputs(self, first: Tensor) -> Tensor:
        """Run the layers after the first: (..., width) -> (...)."""
        return self.mlp[1:](first)[..., 0]


class SyncHead(TorchHead):
    """A trained network; its tensors tell its sizes."""

    KIND: ClassVar[str] = KIND

    @property
    def dims(self) -> tuple[int, ...]:
        """Length of a visual row and of an audio row."""
        return Sizes.of_tensors(self.tensors).dims

    def new_model(self) -> SyncModel:
        """Network of the sizes that the tensors have."""
        return new_model(Sizes.of_tensors(self.tensors), seed=0)

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
            outputs = [self.model(*pair).numpy() for pair in zip(*streams, strict=True)]
        return -np.concatenate(outputs).astype(np.float64)

    def check(self, path: Path) -> None:
        """Compare the tensors with those of a network, see `check_tensors`."""
        try:
            super().check(path)
        except LookupError as error:
            raise DataError(
                f"{path} holds tensors {', '.join(sorted(self.tensors)) or 'none'}, "
                "expected visual_proj, audio_proj and mlp of a synchronisation head."
            ) from error


HEAD = SyncHead


class Frames(NamedTuple):
    """Frames in succession with what each is compared with."""

    fixed: np.ndarray  # (F, dim), float32: rows of the stream that is kept
    # (F + 2 tau, dim), float32: rows of the other stream: frame t has rows t to t + 2
    # tau as candidates. Zero outside the clip.
    others: np.ndarray

    def part(self, start: int, stop: int) -> "Frames":
        """Frames ``start`` to ``stop - 1``."""
        reach = len(self.others) - len(self.fixed)
        return Frames(self.fixed[start:stop], self.others[start : stop + reach])


class SyncObjective(Objective):
    """Finding the row of the other stream that belongs to a frame.

    The loss of a frame is the cross-entropy of its candidates with the matching row as
    the right answer. Its sum over a batch is back-propagated; logged is the mean over
    the frames.

    Parameters
    ----------
    model : SyncModel
    options : dict
        ``tau``: candidates on each side of the matching row; ``direction``;
        ``batch_frames``; ``shuffle``: False visits the frames clip by clip in the
        order of the list, as published, so that a batch holds a few clips. True draws
        an order of the clips for each epoch and mixes runs of 16 frames within 8
        batches.
    seed : int
        Of the order of clips and runs.
    """

    def __init__(self, model: SyncModel, options: Options, seed: int) -> None:
        super().__init__(model, seed)
        self._tau: int = options["tau"]
        self._fixed = _FIXED[options["direction"]]
        self._batch_frames: int = options["batch_frames"]
        self._shuffle: bool = options["shuffle"]

    def batches(self, split: Split, epoch: int | None) -> Iterator[list[Frames]]:
        """Frames of one clip after the other, mixed where training shuffles."""
        if not self._shuffle or epoch is None:
            return _batches(self._clips(split, None), self._batch_frames)
        runs = _runs(self._clips(split, epoch))
        mixed = _mixed(runs, self._batch_frames, [self.seed, epoch])
        return _batches(mixed, self._batch_frames)

    def loss(self, batch: list[Frames]) -> Loss:
        """Sum over the frames."""
        fixed, others = (
            torch.from_numpy(np.concatenate(rows)).to(self.device)
            for rows in zip(*batch, strict=True)
        )
        streams = (fixed, others) if self._fixed == "visual" else (others, fixed)
        partners = torch.from_numpy(_partners(batch, self._tau)).to(self.device)
        outputs = self.model.candidates(*streams, partners, self._fixed)
        centre = torch.full((len(fixed),), self._tau, device=self.device)
        loss = F.cross_entropy(outputs, centre, reduction="sum")
        return Loss(loss, loss, len(fixed))

    def schedule(self, optimizer: torch.optim.Optimizer) -> ReduceLROnPlateau:
        """Lower the learning rate as published."""
        return ReduceLROnPlateau(optimizer, factor=0.1, patience=5)

    def _clips(self, split: Split, epoch: int | None) -> Iterator[Frames]:
        order = epoch_order(len(split), self.seed, epoch)
        for _, inputs in finite_inputs(split, order, unit_rows):
            fixed, others = np.split(inputs, [split.dims[0]], axis=1)
            if self._fixed == "audio":
                fixed, others = others, fixed
            yield Frames(fixed, np.pad(others, ((self._tau, self._tau), (0, 0))))


def objective(train: Split, spec: HeadSpec, candidate: Candidate) -> SyncObjective:
    """Make what a candidate learns, from real clips of two streams: visual, audio.

    Raises
    ------
    ConfigError
        If ``options.hidden`` is odd.
    """
    visual, audio = train.dims
    first, second, third = spec.options["widths"]
    sizes = Sizes((visual, audio), spec.options["hidden"], (first, second, third))
    model = new_model(sizes, candidate.seed)
    return SyncObjective(model, spec.options, candidate.seed)


def new_model(sizes: Sizes, seed: int) -> SyncModel:
    """Network before training, its weights drawn by torch's constructors."""
    return random_module(lambda: SyncModel(sizes), seed)


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

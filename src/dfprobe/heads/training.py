"""Training of the linear probe with the paper's settings.

Source: arXiv 2511.17181; bit-ml/ssr-dfd, ``linear_probing/{model,train}.py``: Adam, one
clip a step, shuffled every epoch, early stopping on the validation loss, the parameters
of the lowest validation loss kept.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from dfprobe import __version__
from dfprobe.errors import ConfigError, DataError
from dfprobe.heads import kernels
from dfprobe.heads.clips import LabelledClips, StoreSet, labelled_clips
from dfprobe.heads.head_file import provenance_of
from dfprobe.heads.linear import LinearProbe
from dfprobe.progress import Progress
from dfprobe.storage import write_whole

log = logging.getLogger("dfprobe")


@dataclass(frozen=True)
class TrainingSpec:
    """Settings of the training.

    Parameters
    ----------
    max_epochs : int
        Epochs at most.
    patience : int
        Epochs without a lower validation loss after which training stops.
    learning_rate : float
        Adam's learning rate.
    seed : int
        Seed of the initial parameters and of the order of clips.
    """

    max_epochs: int
    patience: int
    learning_rate: float
    seed: int

    def __post_init__(self) -> None:
        if min(self.max_epochs, self.patience) < 1 or not self.learning_rate > 0:
            raise ConfigError(
                "probe: max_epochs and patience must be at least 1 and learning_rate "
                f"above 0, but the configuration has {self}."
            )


class Epoch(NamedTuple):
    """Mean losses of one epoch; the training loss is taken before each step."""

    epoch: int
    train_loss: float
    val_loss: float


class Fit(NamedTuple):
    """The best parameters, (dim + 1,) float32, and the losses of all epochs."""

    params: np.ndarray
    curve: list[Epoch]
    best: Epoch


def train_linear_probe(
    features: list[Path], manifest: Path, spec: dict[str, Any], head: Path, curve: Path
) -> None:
    """Train a linear probe on one encoder's features of one corpus.

    Parameters
    ----------
    features : list of Path
        Feature stores of the corpus, one a shard.
    manifest : Path
        Its manifest; splits ``train`` and ``val`` are used.
    spec : dict
        ``max_epochs``, ``patience``, ``learning_rate``, ``seed``: see `TrainingSpec`.
    head : Path
        Head file to write.
    curve : Path
        CSV to write: ``epoch, train_loss, val_loss``.

    Raises
    ------
    DataError
        If a split has no usable clip of one of the classes, or a clip's features are
        not finite.
    """
    clips = pl.read_parquet(manifest, columns=["clip_id", "split", "label"])
    corpus = manifest.stem
    with StoreSet(features) as stores:
        train = labelled_clips(clips, "train", stores)
        val = labelled_clips(clips, "val", stores)
        _check_split(train, corpus)
        _check_split(val, corpus)
        fit = fit_linear(stores, train, val, TrainingSpec(**spec), task=str(head))
        provenance = provenance_of(stores.attributes)
    metadata = {
        **provenance,
        "train_corpus": corpus,
        "best_epoch": fit.best.epoch,
        "val_loss": fit.best.val_loss,
        "clips_used": {"train": len(train.clip_ids), "val": len(val.clip_ids)},
        "clips_skipped": {"train": train.skipped, "val": val.skipped},
        "spec": spec,
        "version": __version__,
    }
    LinearProbe(fit.params, metadata).save(head)
    _write_curve(fit.curve, curve)


def fit_linear(
    stores: StoreSet,
    train: LabelledClips,
    val: LabelledClips,
    spec: TrainingSpec,
    task: str,
) -> Fit:
    """Train until the validation loss no longer falls.

    Parameters
    ----------
    stores : StoreSet
        Features of the clips.
    train, val : LabelledClips
        Clips to learn from, and clips to stop by.
    spec : TrainingSpec
        Settings.
    task : str
        Name in the progress lines.
    """
    rng = np.random.default_rng(spec.seed)
    params = initial_parameters(stores.dim, rng)
    moments = np.zeros((2, params.size), np.float32)
    progress = Progress(task, spec.max_epochs, unit="epochs")
    curve: list[Epoch] = []
    best, best_params = Epoch(0, math.inf, math.inf), params
    for epoch in range(1, spec.max_epochs + 1):
        order = rng.permutation(len(train.clip_ids))
        first_step = (epoch - 1) * len(order) + 1
        train_loss = _train_epoch(
            stores, train, order, params, moments, first_step, spec.learning_rate
        )
        curve.append(Epoch(epoch, train_loss, validation_loss(stores, val, params)))
        progress.step()
        if curve[-1].val_loss < best.val_loss:
            best, best_params = curve[-1], params.copy()
        elif epoch - best.epoch >= spec.patience:
            break
    log.info(
        f"{task}: {len(curve)} epochs, lowest validation loss {best.val_loss:.5f} "
        f"after epoch {best.epoch}"
    )
    return Fit(best_params, curve, best)


def initial_parameters(dim: int, rng: np.random.Generator) -> np.ndarray:
    """Weights and bias, (dim + 1,) float32, uniform in +-1/sqrt(dim) as nn.Linear's."""
    bound = 1.0 / math.sqrt(dim)
    return rng.uniform(-bound, bound, dim + 1).astype(np.float32)


def validation_loss(stores: StoreSet, val: LabelledClips, params: np.ndarray) -> float:
    """Mean loss of the clips of a split."""
    total = 0.0
    for clip_id, label in zip(val.clip_ids, val.labels, strict=True):
        rows = kernels.stored_bits(stores.rows(clip_id))
        loss = kernels.clip_loss(kernels.clip_score(rows, params), label)
        _check_finite(loss, clip_id, stores)
        total += loss
    return total / len(val.clip_ids)


def _train_epoch(
    stores: StoreSet,
    train: LabelledClips,
    order: np.ndarray,
    params: np.ndarray,
    moments: np.ndarray,
    first_step: int,
    learning_rate: float,
) -> float:
    """One step a clip in the given order; ``params`` and ``moments`` are updated."""
    total = 0.0
    gradient = np.empty_like(params)
    for step, position in enumerate(order, first_step):
        clip_id, label = train.clip_ids[position], train.labels[position]
        rows = kernels.stored_bits(stores.rows(clip_id))
        loss = kernels.train_step(
            rows, label, params, moments, gradient, step, learning_rate
        )
        _check_finite(loss, clip_id, stores)
        total += loss
    return total / len(order)


def _check_finite(loss: float, clip_id: str, stores: StoreSet) -> None:
    if not math.isfinite(loss):
        raise DataError(
            f"Clip {clip_id}: its loss is {loss}. {stores.path_of(clip_id)} marks it "
            "ok, yet it holds a row that is all zero or not finite (or the learning "
            "rate is far too high). Delete that file and run the workflow again."
        )


def _check_split(clips: LabelledClips, corpus: str) -> None:
    counts = {label: int((clips.labels == label).sum()) for label in (0, 1)}
    reasons = ", ".join(f"{count} {reason}" for reason, count in clips.skipped.items())
    if reasons:
        log.warning(f"{corpus}, split {clips.split}: clips skipped: {reasons}.")
    if 0 in counts.values():
        raise DataError(
            f"Corpus {corpus}, split {clips.split}: {counts[0]} real and {counts[1]} "
            "fake clips can be used; a probe needs both. Skipped: "
            f"{reasons or 'none'}. Check the corpus' splits and its labels."
        )


def _write_curve(curve: list[Epoch], path: Path) -> None:
    lines = [f"{e.epoch},{e.train_loss:.8f},{e.val_loss:.8f}" for e in curve]
    with write_whole(path) as draft:
        draft.write_text("\n".join(["epoch,train_loss,val_loss", *lines]) + "\n")

"""Splits in memory for the tests of heads that learn from clip labels."""

from pathlib import Path

import numpy as np

from dfprobe.errors import DataError
from dfprobe.heads.data.splits import Candidate, Item
from dfprobe.heads.files.history import Stopping
from dfprobe.heads.fit import torch
from dfprobe.heads.fit.loop import Fit, ProgressFile, fit


class ClipSplit:
    """Clips of one stream: (label, rows) each."""

    def __init__(self, clips, name="train"):
        self.name = name
        self.clip_ids = [f"{name}/{i}" for i in range(len(clips))]
        self.labels = np.array([label for label, _ in clips])
        self.dims = (clips[0][1].shape[1],)
        self._rows = [rows for _, rows in clips]

    def __len__(self):
        return len(self.clip_ids)

    def visit(self, order):
        for i in order:
            yield Item(self.clip_ids[i], int(self.labels[i]), (self._rows[i],))

    def bad_clip(self, clip_id, why):
        return DataError(f"Clip {clip_id}: {why}.")


def trainer(kind, splits, spec, rate=0.01, seed=43):
    """Trainer of one head of a kind (a module) that PyTorch trains."""
    [made] = torch.trainers(kind, *splits, spec, [Candidate(seed, rate)])
    return made


def train(kind, splits, spec, folder: Path, epochs: int, rate=0.01, seed=43) -> Fit:
    """Train one head of a kind (a module) on two splits, or go on with it."""
    side = ProgressFile(folder / "progress.safetensors", "key", every_s=0.0)
    made = trainer(kind, splits, spec, rate, seed)
    [fitted] = fit(made, Stopping(epochs, epochs), side, "toy")
    return fitted

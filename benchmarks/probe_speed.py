"""Seconds per epoch of the linear probe: the published Lightning loop and ours.

Both train on the same seeded features, from the same initial weights, with the clips in
the same order. The Lightning loop below is our own, written to do what the published
one does (arXiv 2511.17181; bit-ml/ssr-dfd, ``linear_probing``): a DataLoader over
float32 .npz files, batch size 1, each clip normalised as it is read, a placeholder of
float64 -inf for the stream that is not used, losses logged to CSV, a checkpoint and
early stopping. No worker processes: for few clips they cost more than they save.
"""

import argparse
import contextlib
import io
import logging
import os
import statistics
import tempfile
import time
import warnings
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import lightning
import numpy as np
import polars as pl
import torch
from torch.utils.data import DataLoader, Dataset

from dfprobe.features.store import write_store
from dfprobe.heads.clips import LabelledClips, StoreSet, labelled_clips
from dfprobe.heads.training import TrainingSpec, fit_linear, initial_parameters

DIM = 1024
CLIPS = {"train": 500, "val": 150}
ROWS = (150, 300)
SHIFT = 0.05  # of a fake's rows along one direction: makes the task learnable


class Data(NamedTuple):
    npz: Path
    store: Path
    clips: pl.DataFrame


def make_data(folder: Path, seed: int) -> Data:
    """Write the same features as one .npz a clip and as one feature store."""
    rng = np.random.default_rng(seed)
    count = sum(CLIPS.values())
    clips = pl.DataFrame(
        {
            "clip_id": [f"{i:04d}" for i in range(count)],
            "split": ["train"] * CLIPS["train"] + ["val"] * CLIPS["val"],
            "label": rng.permutation(count) % 2,
        }
    )
    lengths = rng.integers(ROWS[0], ROWS[1] + 1, count)
    direction = rng.standard_normal(DIM)
    arrays = []
    for clip_id, label, rows in zip(
        clips["clip_id"], clips["label"], lengths, strict=True
    ):
        values = rng.standard_normal((rows, DIM)) + label * SHIFT * direction
        arrays.append(values.astype(np.float16))
        # The published features are float32; these hold the float16 values, so that
        # both sides see equal numbers.
        np.savez(folder / f"{clip_id}.npz", video=arrays[-1].astype(np.float32))
    index = pl.DataFrame(
        {
            "clip_id": clips["clip_id"],
            "status": "ok",
            "detail": "",
            "rows": lengths,
            "content_key": "",
            "crops_key": "",
        }
    )
    store = folder / "000.zarr.zip"
    write_store(store, index, arrays, DIM, "float16", {"encoder_key": "benchmark"})
    return Data(folder, store, clips)


class NpzClips(Dataset):
    """Clips of one split: both streams (one is a placeholder) and the label."""

    def __init__(self, data: Data, split: str) -> None:
        clips = data.clips.filter(pl.col("split") == split)
        self.paths = [data.npz / f"{clip_id}.npz" for clip_id in clips["clip_id"]]
        self.labels = clips["label"].to_list()

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, position: int) -> tuple[torch.Tensor, torch.Tensor, int]:
        with np.load(self.paths[position]) as arrays:
            video = arrays["video"]
        audio = np.full(video.shape, -np.inf)  # float64, as in the published loop
        video = video / np.linalg.norm(video, axis=1, keepdims=True)
        streams = [torch.tensor(rows, dtype=torch.float32) for rows in (video, audio)]
        return *streams, self.labels[position]


class EpochOrders(torch.utils.data.Sampler[int]):
    """The given order of clips for each epoch."""

    def __init__(self, orders: list[np.ndarray]) -> None:
        self.orders = iter(orders)

    def __iter__(self):
        return iter(next(self.orders).tolist())

    def __len__(self) -> int:
        return CLIPS["train"]


class LightningProbe(lightning.LightningModule):
    """The linear probe as a LightningModule."""

    def __init__(self, params: np.ndarray, learning_rate: float) -> None:
        super().__init__()
        self.head = torch.nn.Linear(DIM, 1)
        with torch.no_grad():
            self.head.weight.copy_(torch.from_numpy(params[None, :-1]))
            self.head.bias.copy_(torch.from_numpy(params[-1:]))
        self.learning_rate = learning_rate
        self.val_losses: list[float] = []
        self.seconds: list[float] = []

    def _loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
        rows, _, labels = batch
        scores = torch.logsumexp(self.head(rows).squeeze(-1), dim=1)
        logits = torch.stack([-scores, scores], dim=1)
        return torch.nn.functional.cross_entropy(logits, labels)

    def training_step(self, batch, index):
        loss = self._loss(batch)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, index):
        self.log("val_loss", self._loss(batch), on_epoch=True)

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate)

    def on_train_epoch_start(self) -> None:
        self.start = time.perf_counter()

    def on_train_epoch_end(self) -> None:  # after the epoch's validation
        self.seconds.append(time.perf_counter() - self.start)
        self.val_losses.append(self.trainer.callback_metrics["val_loss"].item())


def run_lightning(
    data: Data, spec: TrainingSpec, folder: Path
) -> tuple[list[float], list[float]]:
    """Seconds and validation losses of the epochs of the published loop."""
    rng = np.random.default_rng(spec.seed)
    model = LightningProbe(initial_parameters(DIM, rng), spec.learning_rate)
    orders = [rng.permutation(CLIPS["train"]) for _ in range(spec.max_epochs)]
    train = DataLoader(NpzClips(data, "train"), sampler=EpochOrders(orders))
    trainer = lightning.Trainer(
        max_epochs=spec.max_epochs,
        accelerator="cpu",
        logger=lightning.pytorch.loggers.CSVLogger(folder),
        enable_model_summary=False,
        num_sanity_val_steps=0,
        default_root_dir=folder,
        callbacks=[
            lightning.pytorch.callbacks.ModelCheckpoint(
                folder / "checkpoints", monitor="val_loss"
            ),
            lightning.pytorch.callbacks.EarlyStopping("val_loss", patience=10),
        ],
    )
    # The progress bar is part of the published loop; its text is not ours to show.
    with contextlib.redirect_stdout(io.StringIO()):
        trainer.fit(model, train, DataLoader(NpzClips(data, "val")))
    return model.seconds, model.val_losses


def run_ours(
    stores: StoreSet, train: LabelledClips, val: LabelledClips, spec: TrainingSpec
) -> tuple[float, list[float]]:
    """Seconds per epoch and validation losses of our trainer."""
    start = time.perf_counter()
    fit = fit_linear(stores, train, val, spec, task="probe")
    seconds = (time.perf_counter() - start) / len(fit.curve)
    return seconds, [epoch.val_loss for epoch in fit.curve]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4, help="epochs a round")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds")
    args = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    torch.set_num_threads(1)
    spec = TrainingSpec(args.epochs, patience=10, learning_rate=1e-3, seed=43)
    published: list[float] = []
    ours: list[float] = []
    with tempfile.TemporaryDirectory() as name:
        data = make_data(Path(name), seed=0)
        with StoreSet([data.store]) as stores:
            splits = [labelled_clips(data.clips, s, stores) for s in ("train", "val")]
            run_ours(stores, *splits, TrainingSpec(1, 10, 1e-3, 43))  # compile, map
            for round_ in range(args.rounds):
                seconds, reference = run_lightning(data, spec, Path(name))
                published += seconds
                for _ in range(5):  # ours is short: repeated for a steady median
                    own_seconds, losses = run_ours(stores, *splits, spec)
                    ours.append(own_seconds)
                print(
                    f"round {round_ + 1}: published {statistics.median(seconds):.3f} "
                    f"s/epoch, dfprobe {statistics.median(ours[-5:]):.4f} s/epoch",
                    flush=True,
                )
    slow, fast = statistics.median(published), statistics.median(ours)
    print(f"median seconds per epoch: published {slow:.3f}, dfprobe {fast:.4f}")
    print(f"ratio: {slow / fast:.1f}")
    difference = max(abs(a - b) for a, b in zip(reference, losses, strict=True))
    print(f"largest difference of a validation loss: {difference:.1e}")


if __name__ == "__main__":
    main()

"""Seconds per epoch of the linear probe: the published loop, a plain one, and ours.

All train on the same seeded features, from the same initial weights, with the clips in
the same order:

- the Lightning loop below is our own, written to do what the published one does (arXiv
  2511.17181; bit-ml/ssr-dfd, ``linear_probing``): a DataLoader over float32 .npz files,
  batch size 1, each clip normalised as it is read, a placeholder of float64 -inf for
  the stream that is not used, losses logged to CSV, a checkpoint and early stopping. No
  worker processes: for few clips they cost more than they save;
- the plain loop has the normalised clips as float32 tensors in memory;
- ours reads the float16 feature store, with one probe and with ten in one pass.
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
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported

import lightning
import numpy as np
import polars as pl
import torch
from torch.utils.data import DataLoader, Dataset

from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.clips import StoreSet, labelled_clips
from dfprobe.heads.data.feed import ClipFeed
from dfprobe.heads.data.splits import Candidate, Split, Stream, epoch_order
from dfprobe.heads.fit.linear import LinearTrainer, initial_parameters
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.store.features import write_store

DIM = 1024
CLIPS = {"train": 500, "val": 150}
ROWS = (150, 300)
SHIFT = 0.05  # of a fake's rows along one direction: makes the task learnable
ONE = [Candidate(43, 1e-3)]
TEN = [Candidate(seed, rate) for seed in range(43, 48) for rate in (1e-3, 1e-2)]
SPEC = HeadSpec(
    kind="linear",
    seeds=(43,),
    learning_rates=(1e-3,),
    max_epochs=100,
    patience=10,
    schedule="none",
    class_weights="none",
    options={},
    memory_mb=4000,
    device="cpu",
)
FEED_BYTES = 2**31  # all clips stay in memory


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
            "first_row_s": 0.0,
            "content_key": "",
            "crops_key": "",
        }
    )
    store = folder / "000.zarr.zip"
    write_store(store, index, arrays, DIM, "float16", {"encoder_key": "benchmark"})
    return Data(folder, store, clips)


class Run(NamedTuple):
    """Seconds and validation loss of every epoch; the loss is of the first probe."""

    seconds: list[float]
    losses: list[float]


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


def clip_loss(
    head: torch.nn.Linear, rows: torch.Tensor, labels: torch.Tensor
) -> torch.Tensor:
    """Loss of a batch of one clip."""
    scores = torch.logsumexp(head(rows).squeeze(-1), dim=1)
    logits = torch.stack([-scores, scores], dim=1)
    return torch.nn.functional.cross_entropy(logits, labels)


def new_head(candidate: Candidate) -> torch.nn.Linear:
    params = torch.from_numpy(initial_parameters(DIM, candidate.seed))
    head = torch.nn.Linear(DIM, 1)
    with torch.no_grad():
        head.weight.copy_(params[None, :-1])
        head.bias.copy_(params[-1:])
    return head


def orders(epochs: int) -> list[np.ndarray]:
    count, seed = CLIPS["train"], ONE[0].seed
    return [epoch_order(count, seed, epoch) for epoch in range(1, epochs + 1)]


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

    def __init__(self, candidate: Candidate) -> None:
        super().__init__()
        self.head = new_head(candidate)
        self.learning_rate = candidate.learning_rate
        self.val_losses: list[float] = []
        self.seconds: list[float] = []

    def _loss(self, batch: list[torch.Tensor]) -> torch.Tensor:
        rows, _, labels = batch
        return clip_loss(self.head, rows, labels)

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


def run_lightning(data: Data, epochs: int, folder: Path) -> Run:
    """The published loop."""
    model = LightningProbe(ONE[0])
    train = DataLoader(NpzClips(data, "train"), sampler=EpochOrders(orders(epochs)))
    trainer = lightning.Trainer(
        max_epochs=epochs,
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
    return Run(model.seconds, model.val_losses)


Tensors = list[tuple[torch.Tensor, torch.Tensor]]


def in_memory(split: Split) -> Tensors:
    """Clips as batches of one: normalised rows, float32, and the label."""
    return [
        (torch.from_numpy(unit_rows(item.rows[0]))[None], torch.tensor([item.label]))
        for item in split.visit(np.arange(len(split)))
    ]


def run_plain(train: Tensors, val: Tensors, epochs: int) -> Run:
    """A loop in PyTorch with nothing but the arithmetic."""
    head = new_head(ONE[0])
    optimizer = torch.optim.Adam(head.parameters(), lr=ONE[0].learning_rate)
    run = Run([], [])
    for order in orders(epochs):
        start = time.perf_counter()
        for position in order:
            optimizer.zero_grad()
            clip_loss(head, *train[position]).backward()
            optimizer.step()
        with torch.no_grad():
            losses = [clip_loss(head, *clip).item() for clip in val]
        run.seconds.append(time.perf_counter() - start)
        run.losses.append(statistics.mean(losses))
    return run


def run_ours(train: Split, val: Split, candidates: list[Candidate], epochs: int) -> Run:
    """Our trainer."""
    trainer = LinearTrainer(train, val, SPEC, candidates)
    run = Run([], [])
    for epoch in range(1, epochs + 1):
        start = time.perf_counter()
        trainer.train_epoch(epoch)
        losses = trainer.val_losses()
        run.seconds.append(time.perf_counter() - start)
        run.losses.append(float(losses[0]))
    return run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=4, help="epochs a round")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds")
    args = parser.parse_args()
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    warnings.filterwarnings("ignore", module="lightning")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as name:
        data = make_data(Path(name), seed=0)
        with StoreSet([data.store]) as stores:
            stream = Stream(stores, ClipFeed(stores, FEED_BYTES))
            chosen = [labelled_clips(data.clips, s, [stores]) for s in CLIPS]
            train, val = (Split(part, [stream]) for part in chosen)
            run_ours(train, val, ONE, 1)  # compile, read
            tensors = in_memory(train), in_memory(val)
            loops: dict[str, Callable[[], Run]] = {
                "published": lambda: run_lightning(data, args.epochs, Path(name)),
                "plain": lambda: run_plain(*tensors, args.epochs),
                "one probe": lambda: run_ours(train, val, ONE, args.epochs),
                "ten probes": lambda: run_ours(train, val, TEN, args.epochs),
            }
            runs: dict[str, list[Run]] = {loop: [] for loop in loops}
            for number in range(1, args.rounds + 1):
                for loop, run in loops.items():
                    runs[loop].append(run())
                    seconds = statistics.median(runs[loop][-1].seconds)
                    print(f"round {number}: {loop} {seconds:.4f} s/epoch", flush=True)
    report(runs)


def report(runs: dict[str, list[Run]]) -> None:
    medians = {
        loop: statistics.median(second for run in of_loop for second in run.seconds)
        for loop, of_loop in runs.items()
    }
    for loop, seconds in medians.items():
        print(f"{loop}: {seconds:.4f} s/epoch, median")
    published, one, ten = (
        medians[loop] for loop in ("published", "one probe", "ten probes")
    )
    print(f"published / one: {published / one:.1f}")
    print(f"plain / one: {medians['plain'] / one:.1f}")
    print(f"published / ten, per probe: {10 * published / ten:.1f}")
    print(f"ten / one: {ten / one:.2f}")
    reference = runs["published"][0].losses
    for loop in ("plain", "one probe", "ten probes"):
        pairs = zip(reference, runs[loop][0].losses, strict=True)
        difference = max(abs(a - b) for a, b in pairs)
        print(f"largest difference of a validation loss, {loop}: {difference:.1e}")


if __name__ == "__main__":
    main()

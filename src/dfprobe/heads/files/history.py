"""Histories of training: the losses of every epoch, in the file beside a head."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import polars as pl

from dfprobe.errors import ConfigError
from dfprobe.products import HeadKey
from dfprobe.settings.stage_specs.heads import TrainingFigureSpec
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.store.files import write_whole


@dataclass(frozen=True)
class Stopping:
    """When training ends."""

    max_epochs: int
    patience: int  # epochs without a lower validation loss after which training stops

    def __post_init__(self) -> None:
        if min(self.max_epochs, self.patience) < 1:
            raise ConfigError(
                "heads: max_epochs and patience must be at least 1, but the "
                f"configuration has {self.max_epochs} and {self.patience}."
            )


class Epoch(NamedTuple):
    """Mean losses of one epoch; the training loss is taken before each step."""

    epoch: int
    train_loss: float
    val_loss: float
    learning_rate: float


def write_history(histories: dict[str, list[Epoch]], path: Path) -> None:
    """Write the histories of heads as CSV: ``member``, then the fields of `Epoch`."""
    lines = [
        f"{name},{e.epoch},{e.train_loss:.8f},{e.val_loss:.8f},{e.learning_rate:.3e}"
        for name, epochs in histories.items()
        for e in epochs
    ]
    with write_whole(path) as draft:
        names = ",".join(["member", *Epoch._fields])
        draft.write_text("\n".join([names, *lines]) + "\n")


def read_histories(
    paths: Sequence[Path], spec: TrainingFigureSpec
) -> tuple[pl.DataFrame, dict[str, Stopping]]:
    """Read histories for `dfprobe.report.plots.training_curves.training_curves_figure`.

    Parameters
    ----------
    paths : sequence of Path
        ``.../{head}/{encoder}/{train}.curve.csv``, see `write_history`.
    spec : TrainingFigureSpec
        Rows, corpora and heads, in the order of the figure.

    Returns
    -------
    table : pl.DataFrame
        ``encoder, train, head, epoch, train_loss, val_loss``. Where a file holds
        several members (seeds, learning rates), each is a head of its own.
    stopping : dict of str to Stopping
        When the training of each of these heads ended.
    """
    tables: list[pl.DataFrame] = []
    stopping: dict[str, Stopping] = {}
    rows, corpora = labels(spec.rows), labels(spec.corpora)
    stops = {head.name: Stopping(head.max_epochs, head.patience) for head in spec.heads}
    order = {name: place for place, name in enumerate(rows)}
    for path in sorted(paths, key=lambda p: order[HeadKey.of(p).encoder]):
        key = HeadKey.of(path)
        table = pl.read_csv(path)
        members = table["member"].unique(maintain_order=True).to_list()
        heads = {
            m: key.head if len(members) == 1 else f"{key.head}, {m}" for m in members
        }
        stopping |= dict.fromkeys(heads.values(), stops[key.head])
        tables.append(
            table.select(
                pl.lit(rows[key.encoder]).alias("encoder"),
                pl.lit(corpora[key.train]).alias("train"),
                pl.col("member").replace(heads).alias("head"),
                *("epoch", "train_loss", "val_loss"),
            )
        )
    return pl.concat(tables), stopping

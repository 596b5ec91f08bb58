"""The training curves of a run, from the files beside its heads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from dfprobe.heads.fitting import Stopping


def read_curves(
    paths: Sequence[Path], spec: dict[str, Any]
) -> tuple[pl.DataFrame, dict[str, Stopping]]:
    """Read curves for `dfprobe.plots.training_curves.training_curves_figure`.

    Parameters
    ----------
    paths : sequence of Path
        ``.../{head}/{encoder}/{train}.curve.csv``, see
        `dfprobe.heads.fitting.write_curves`.
    spec : dict
        ``rows``: label of each encoder or pair; ``corpora``: label of each corpus;
        ``heads``: ``max_epochs`` and ``patience`` of each head. Their order is that of
        the figure.

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
    order = {name: place for place, name in enumerate(spec["rows"])}
    for path in sorted(paths, key=lambda p: order[p.parent.name]):
        entry, row, train = path.parts[-3], path.parent.name, path.name.split(".")[0]
        table = pl.read_csv(path)
        members = table["member"].unique(maintain_order=True).to_list()
        heads = {m: entry if len(members) == 1 else f"{entry}, {m}" for m in members}
        limits = spec["heads"][entry]
        stopping |= {head: Stopping(**limits) for head in heads.values()}
        tables.append(
            table.select(
                pl.lit(spec["rows"][row]).alias("encoder"),
                pl.lit(spec["corpora"][train]).alias("train"),
                pl.col("member").replace(heads).alias("head"),
                *("epoch", "train_loss", "val_loss"),
            )
        )
    return pl.concat(tables), stopping

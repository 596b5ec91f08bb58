"""Do maps change when they must? Rank correlations with maps of controls.

Source: Adebayo et al. (2018), Sanity checks for saliency maps: the rank correlation of
a map with that of a model of random weights, and of one trained on shuffled labels.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe.products import MapsKey
from dfprobe.store.csv_files import decimals, write_csv
from dfprobe.store.files import Row
from dfprobe.store.parquet import read_parquet

CHECKS = ("random", "shuffled")
# From here on half of the variance of the ranks is shared (0.7 ** 2).
UNCHANGED = 0.7

_SCHEMA = {
    **dict.fromkeys(("encoder", "train", "test", "method", "check"), pl.String),
    "maps": pl.Int64,
    **dict.fromkeys(("median", "p10", "p90"), pl.Float64),
    "unchanged": pl.Boolean,
}


def sanity_table(spatial: Sequence[Path]) -> pl.DataFrame:
    """Rank correlations of the maps of each encoder with those of the controls.

    Parameters
    ----------
    spatial : sequence of Path
        Files of `dfprobe.explain.spatial.maps.attribution`, named
        ``{encoder}/{train}/{test}.parquet``.

    Returns
    -------
    pl.DataFrame
        ``encoder, train, test, method, check`` (``random`` or ``shuffled``), ``maps``
        that have a correlation, its ``median``, ``p10`` and ``p90`` over them, and
        ``unchanged``: the median is at least `UNCHANGED`, so the map does not show what
        was learned. Checks without any map are left out.
    """
    rows = [row for path in spatial for row in _rows_of(path)]
    return pl.DataFrame(rows, schema=_SCHEMA)


def write_sanity(spatial: Sequence[Path], out: Path) -> None:
    """Write `sanity_table` as CSV."""
    numbers = decimals(("median", "p10", "p90"), "{:.4f}")
    write_csv(sanity_table(spatial).with_columns(numbers), out)


def _rows_of(path: Path) -> Iterator[Row]:
    columns = ["method", *(f"{check}_rank" for check in CHECKS)]
    maps = read_parquet(path, columns=columns).drop_nulls("method")
    names = asdict(MapsKey.of(path))
    for (method,), group in maps.group_by("method", maintain_order=True):
        for check in CHECKS:
            ranks = group[f"{check}_rank"].drop_nulls().to_numpy()
            if not len(ranks):
                continue
            low, median, high = np.quantile(ranks, [0.1, 0.5, 0.9]).tolist()
            yield {
                **names,
                "method": method,
                "check": check,
                "maps": len(ranks),
                "median": median,
                "p10": low,
                "p90": high,
                "unchanged": median >= UNCHANGED,
            }

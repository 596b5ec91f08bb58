"""How much of a number is the seed's: AUC over the seeds of a head."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import polars as pl

from dfprobe.errors import DataError
from dfprobe.evaluation.tables.matrix import read_long
from dfprobe.store.csv_files import decimals, write_csv

_KEY = ("entry", "encoder", "train", "test")
_NUMBERS = ("auc_mean", "auc_sd", "auc_min", "auc_max")


def make_seeds(
    longs: Sequence[Path], heads: Mapping[str, tuple[str, int]], out: Path
) -> None:
    """Write the table of seeds.

    Parameters
    ----------
    longs : sequence of Path
        Tables in the form of ``xdata_long.csv``, of one or more heads each.
    heads : mapping of str to (str, int)
        Entry of the configuration and seed of each head in question; the order of
        entries is that of the table.
    out : Path
        CSV to write, a row per entry, encoder and pair of corpora: ``entry, encoder,
        train, test, seeds`` (their number), ``auc_mean, auc_sd`` (divided by seeds - 1;
        empty for one seed), ``auc_min, auc_max``, on the subset ``common``. The AUCs
        are empty where that of a seed is undefined.

    Raises
    ------
    DataError
        If a head is in none of the tables.
    """
    table = pl.concat([read_long(path) for path in longs])
    unknown = heads.keys() - set(table["head"])
    if unknown:
        raise DataError(
            f"No table has a row of head {min(unknown)}; found: "
            f"{', '.join(sorted(set(table['head'])))}. Run the workflow again."
        )
    write_csv(seeds_table(table, heads).with_columns(decimals(_NUMBERS, "{:.6f}")), out)


def seeds_table(
    table: pl.DataFrame, heads: Mapping[str, tuple[str, int]]
) -> pl.DataFrame:
    """Mean, spread and ends of the AUC over seeds; see `make_seeds`.

    ``table`` has ``head, encoder, train, test, subset, auc`` (0..1); heads that are not
    in ``heads`` are left out.
    """
    entries = {head: entry for head, (entry, _) in heads.items()}
    seeds = {head: seed for head, (_, seed) in heads.items()}
    order = pl.Enum(list(dict.fromkeys(entries.values())))
    used = table.filter(pl.col("subset") == "common", pl.col("head").is_in(entries))
    used = used.with_columns(
        entry=pl.col("head").replace_strict(entries, return_dtype=order),
        seed=pl.col("head").replace_strict(seeds, return_dtype=pl.Int64),
    )
    area = pl.col("auc")
    defined = area.null_count() == 0
    return (
        used.group_by(_KEY, maintain_order=True)
        .agg(
            seeds=pl.col("seed").n_unique(),
            auc_mean=pl.when(defined).then(area.mean()),
            auc_sd=pl.when(defined).then(area.std(ddof=1)),
            auc_min=pl.when(defined).then(area.min()),
            auc_max=pl.when(defined).then(area.max()),
        )
        .sort("entry", maintain_order=True)
        .cast({"entry": pl.String})
    )

"""All tables of the audit of one corpus."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from dfprobe.audit.files import duplicates, file_problems
from dfprobe.audit.splits import balance, overlap
from dfprobe.audit.values import (
    categories_by_class,
    ordered_by_class,
    shortcuts,
    with_values,
)
from dfprobe.errors import DataError
from dfprobe.store.files import write_whole
from dfprobe.store.parquet import read_parquet


@dataclass(frozen=True)
class FileTables:
    """Findings about the files, as tables of `files` and `values`."""

    clips: pl.DataFrame  # manifest, facts and derived values, one row per clip
    problems: pl.DataFrame
    duplicates: pl.DataFrame
    values: pl.DataFrame
    categories: pl.DataFrame
    shortcuts: pl.DataFrame


@dataclass(frozen=True)
class Tables:
    """Findings of an audit, as tables of `splits`."""

    clips: pl.DataFrame  # the manifest
    balance: pl.DataFrame
    overlap: pl.DataFrame
    files: FileTables | None  # None where only lists were given


def audit_tables(
    clips: pl.DataFrame,
    layout: str,
    facts: pl.DataFrame | None = None,
    extra: Iterable[str] = (),
) -> Tables:
    """Make all tables of a corpus.

    Parameters
    ----------
    clips : pl.DataFrame
        Manifest: ``clip_id, split, label, manipulation, speaker, source``.
    layout : str
        Layout of the corpus.
    facts : pl.DataFrame, optional
        Facts of the same clips, see `dfprobe.audit.facts_table`.
    extra : iterable of str
        Files that are on disk but not in the manifest.

    Raises
    ------
    DataError
        If the facts are of other clips.
    """
    files = None if facts is None else _file_tables(clips, facts, extra)
    return Tables(clips, balance(clips), overlap(clips, layout), files)


def write_tables(tables: Tables, folder: Path) -> None:
    """Write the tables as CSV files into a folder."""
    named = {"balance": tables.balance, "overlap": tables.overlap}
    if tables.files is not None:
        named |= {
            "files": tables.files.problems,
            "values": tables.files.values,
            "categories": tables.files.categories,
            "shortcuts": tables.files.shortcuts,
        }
    for name, table in named.items():
        with write_whole(folder / f"{name}.csv") as draft:
            table.write_csv(draft, float_precision=6)


def _file_tables(
    clips: pl.DataFrame, facts: pl.DataFrame, extra: Iterable[str]
) -> FileTables:
    if sorted(clips["clip_id"]) != sorted(facts["clip_id"]):
        raise DataError(
            f"The facts of {facts.height} clips are not of the {clips.height} clips of "
            "the manifest. Run the workflow again, so that both are of one corpus."
        )
    described = with_values(clips.join(facts, on="clip_id", maintain_order="left"))
    same = duplicates(described)
    return FileTables(
        described,
        file_problems(described, same, extra),
        same,
        ordered_by_class(described),
        categories_by_class(described),
        shortcuts(described),
    )


def read_facts(paths: Sequence[Path]) -> pl.DataFrame:
    """Read the facts of all shards of a corpus as one table, see `FACTS_SCHEMA`."""
    try:
        return pl.concat([read_parquet(path) for path in paths])
    except (OSError, pl.exceptions.PolarsError) as error:
        raise DataError(
            f"The facts {', '.join(map(str, paths))} cannot be read ({error}). Delete "
            "what is damaged and run the workflow again."
        ) from error

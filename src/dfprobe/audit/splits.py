"""What the splits of a corpus hold, and what they share with each other."""

import re
from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

import polars as pl

from dfprobe.audit.classes import FAKE, REAL, class_name, class_order
from dfprobe.corpora.clip import SPLITS
from dfprobe.settings.corpus_layouts import keys_in_path

_OVERLAP_SCHEMA = {
    "key": pl.String,
    "split": pl.String,
    "other": pl.String,
    "keys": pl.Int64,
    "keys_shared": pl.Int64,
    "clips": pl.Int64,
    "clips_shared": pl.Int64,
    "real_shared": pl.Int64,
    "fake_shared": pl.Int64,
}


class Key(NamedTuple):
    """Something that two clips may have in common."""

    name: str  # in the tables
    plural: str  # for people


SPEAKER = Key("speaker", "speakers")
SOURCE = Key("source", "source recordings")
SIBLING = Key("sibling", "original clips")
NAMED = Key("named_identity", "identities named in the path")
KEY_OF_NAME = {key.name: key for key in (SPEAKER, SOURCE, SIBLING, NAMED)}


def balance(clips: pl.DataFrame) -> pl.DataFrame:
    """Count the clips by split, class and manipulation.

    Returns
    -------
    pl.DataFrame
        ``split, class, manipulation, clips, share`` (of the split, 0..1).
    """
    counts = (
        clips.group_by("split", class_name(), "manipulation")
        .agg(pl.len().cast(pl.Int64).alias("clips"))
        .with_columns(share=pl.col("clips") / pl.col("clips").sum().over("split"))
    )
    split = pl.col("split").cast(pl.Enum(SPLITS)).to_physical()
    return counts.sort(split, class_order(), "manipulation")


def overlap(clips: pl.DataFrame, layout: str) -> pl.DataFrame:
    """Count what each split shares with each other one.

    The paths of a layout may tell more than ``speaker, source`` of the manifest.

    Returns
    -------
    pl.DataFrame
        One row per key (see `KEY_OF_NAME`) and ordered pair of splits: ``keys`` of
        ``split`` and how many of them occur in ``other``, ``clips`` of ``split`` that
        have the key and how many of them have one that occurs in ``other``, the latter
        also by class. A key that no clip has gives no rows.
    """
    rows = []
    for key, table in _keyed(clips, layout):
        splits = [name for name in SPLITS if (table["split"] == name).any()]
        parts = {name: table.filter(pl.col("split") == name) for name in splits}
        for split, other in permutations(splits, 2):
            rows.append(
                {"key": key.name, "split": split, "other": other}
                | _shared(parts[split], parts[other])
            )
    return pl.DataFrame(rows, schema=_OVERLAP_SCHEMA)


def _keyed(clips: pl.DataFrame, layout: str) -> Iterator[tuple[Key, pl.DataFrame]]:
    """Yield ``clip_id, split, class, key`` for each kind of key, one row per key."""
    who = clips.select("clip_id", "split", class_name())
    found: dict[Key, pl.Series] = {}
    for key in (SPEAKER, SOURCE):
        found[key] = clips[key.name]
    for name, pattern in keys_in_path(layout).items():
        keys = [re.findall(pattern, clip_id) for clip_id in clips["clip_id"]]
        found[KEY_OF_NAME[name]] = pl.Series(keys, dtype=pl.List(pl.String))
    for key, values in found.items():
        table = who.with_columns(values.alias("key"))
        if values.dtype == pl.List(pl.String):
            table = table.explode("key")
        table = table.drop_nulls("key").unique(maintain_order=True)
        if not table.is_empty():
            yield key, table


def _shared(part: pl.DataFrame, other: pl.DataFrame) -> dict[str, int]:
    shared = part.join(other, on="key", how="semi")
    clips = shared.unique("clip_id")
    return {
        "keys": part["key"].n_unique(),
        "keys_shared": shared["key"].n_unique(),
        "clips": part["clip_id"].n_unique(),
        "clips_shared": clips.height,
        "real_shared": clips.filter(pl.col("class") == REAL).height,
        "fake_shared": clips.filter(pl.col("class") == FAKE).height,
    }

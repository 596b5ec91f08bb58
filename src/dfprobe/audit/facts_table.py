"""The facts of many clips as a table that is brought up to date."""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

import polars as pl

from dfprobe import recipes
from dfprobe.audit.facts import clip_facts
from dfprobe.products import shard_corpus
from dfprobe.store.files import kept
from dfprobe.store.journal import Journal
from dfprobe.store.parquet import read_parquet, write_parquet
from dfprobe.store.shards import ShardProduct, shard_clips, update_shard

FACTS_SCHEMA = {
    "clip_id": pl.String,
    "content_key": pl.String,
    "facts_key": pl.String,
    "status": pl.String,
    "video_status": pl.String,
    "audio_status": pl.String,
    "detail": pl.String,
    "bytes": pl.Int64,
    "sha256": pl.String,
    "container": pl.String,
    "video_codec": pl.String,
    "width": pl.Int64,
    "height": pl.Int64,
    "fps": pl.Float64,
    "frames": pl.Int64,
    "duration_s": pl.Float64,
    "audio_codec": pl.String,
    "sample_rate_hz": pl.Int64,
    "channels": pl.Int64,
    "loudness_db": pl.Float64,
    "leading_silence_s": pl.Float64,
    "trailing_silence_s": pl.Float64,
}


def make_facts(manifest: Path, shard: str, out: Path) -> None:
    """Bring the facts of one shard of a manifest (Parquet) up to date."""
    clips = shard_clips(manifest, shard)
    update_facts(f"audit facts {shard_corpus(out)}/{shard}", clips, out)


def update_facts(task: str, clips: pl.DataFrame, out: Path) -> None:
    """Read the facts of clips; those that still hold are taken from the last table.

    What is read is noted in a journal beside the table, so that a killed job goes on
    where it was. Bad clips do not stop it, however many: telling of them is its task.

    Parameters
    ----------
    task : str
        Name in the messages.
    clips : pl.DataFrame
        ``clip_id``, ``path``, ``content_key``.
    out : Path
        Table to write (Parquet): columns of `FACTS_SCHEMA`, sorted by ``clip_id``.
    """
    clips = clips.sort("clip_id").with_columns(facts_key=pl.lit(_facts_key()))
    update_shard(_FactsProduct(task, (out,), clips, max_failed_share=1.0))


class _FactsProduct(ShardProduct):
    """The facts of one shard, as the engine over shards makes them."""

    KEYS = ("clip_id", "content_key", "facts_key")
    SCHEMA = FACTS_SCHEMA

    @property
    def journal_key(self) -> str:
        return _facts_key()

    def open_last(self) -> pl.DataFrame | None:
        table = read_parquet(kept(self.files[0]))
        return table if table.schema == pl.Schema(FACTS_SCHEMA) else None

    def make(self, waiting: pl.DataFrame, journal: Journal) -> Iterator[None]:
        for clip in waiting.iter_rows(named=True):
            keys = {name: clip[name] for name in self.KEYS}
            journal.append({**keys, **clip_facts(Path(clip["path"]))}, {})
            yield

    def write(
        self, index: pl.DataFrame, valid: Collection[str], journal: Journal
    ) -> None:
        write_parquet(index, self.files[0])


def _facts_key() -> str:
    return json.dumps(recipes.facts())

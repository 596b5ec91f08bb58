"""The facts of many clips as a table that is brought up to date."""

import json
import logging
from functools import partial
from pathlib import Path

import polars as pl

from dfprobe import recipes
from dfprobe.audit.facts import clip_facts
from dfprobe.errors import DataError
from dfprobe.products import shard_corpus
from dfprobe.progress import Progress
from dfprobe.store.files import keep, kept, still_valid
from dfprobe.store.journal import Journal
from dfprobe.store.outcome import report_outcome
from dfprobe.store.parquet import read_parquet, write_parquet

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

log = logging.getLogger("dfprobe")


def make_facts(manifest: Path, shard: str, out: Path) -> None:
    """Bring the facts of one shard up to date: the stage ``audit-facts``.

    Parameters
    ----------
    manifest : Path
        Manifest of the corpus (Parquet).
    shard : str
        Shard of the manifest, e.g. ``"000"``.
    out : Path
        Table to write (Parquet), see `update_facts`.
    """
    columns = ["clip_id", "path", "content_key", "shard"]
    listed = read_parquet(manifest, columns=columns)
    clips = listed.filter(pl.col("shard") == shard)
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
        Table to write (Parquet): one row per clip, columns as in `FACTS_SCHEMA`, sorted
        by ``clip_id``.
    """
    clips = clips.sort("clip_id")
    key = json.dumps(recipes.facts())
    contents = dict(clips.select("clip_id", "content_key").iter_rows())
    held = partial(still_valid, contents=contents, name="facts_key", key=key)
    with Journal(out.with_name(f"{out.name}.journal"), key) as journal:
        old = _read_kept(out)
        kept_rows = {} if old is None else held(old.rows(named=True))
        resumed = held(journal.rows.values())
        done = kept_rows | resumed
        waiting = clips.filter(~pl.col("clip_id").is_in(list(done)))
        progress = Progress(task, waiting.height)
        for clip in waiting.iter_rows(named=True):
            keys = {name: clip[name] for name in ("clip_id", "content_key")}
            row = {**keys, "facts_key": key, **clip_facts(Path(clip["path"]))}
            journal.append(row, {})
            done[clip["clip_id"]] = row
            progress.step()
        rows = [done[clip_id] for clip_id in clips["clip_id"]]
        table = pl.DataFrame(rows, schema=FACTS_SCHEMA)
        report_outcome(task, table, old, waiting.height, len(resumed))
        write_parquet(table, out)
        keep(out)
        journal.discard()


def _read_kept(out: Path) -> pl.DataFrame | None:
    """Read the table of an earlier run; None where there is none that can be used."""
    if not kept(out).exists():
        return None
    try:
        table = read_parquet(kept(out))
    except DataError as error:
        log.warning("%s Now all facts are read anew.", error)
        return None
    return table if table.schema == pl.Schema(FACTS_SCHEMA) else None

"""The crops stage: sound, landmarks and mouth patches of one shard in one HDF5 file."""

import hashlib
import json
import logging
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any

import av
import cv2
import decord
import dlib
import h5py
import librosa
import numpy as np
import polars as pl

from dfprobe import recipes
from dfprobe.errors import DataError
from dfprobe.media.crop_processes import clip_cropper
from dfprobe.products import shard_corpus
from dfprobe.progress import Progress
from dfprobe.settings.stage_specs.features import CropSettings, CropsSpec, MadeCrops
from dfprobe.store.crops import Copy, CropReader, append_rows, index_table, write_crops
from dfprobe.store.files import Row, keep, kept, restore, still_valid
from dfprobe.store.journal import Journal
from dfprobe.store.outcome import check_failures, report_outcome
from dfprobe.store.parquet import read_parquet

_DEPENDENCIES = (av, cv2, decord, dlib, h5py, librosa, np)

log = logging.getLogger("dfprobe")

_RECORD_BYTES = 16 * 2**20  # of a clip that are held until they go to the journal


def make_crops(
    manifest: Path,
    shard: str,
    spec: CropsSpec,
    h5: Path,
    index: Path,
    threads: int = 1,
) -> None:
    """Bring the crops of one shard up to date.

    Clips whose content and crops keys still hold are copied from the last files. The
    others are computed and noted in a journal beside the HDF5 file, so that a killed
    job goes on where it was. The crops of a long clip go to the journal and to the file
    piece by piece, and are never in memory as a whole.

    Parameters
    ----------
    manifest : Path
        Manifest of the corpus (Parquet).
    shard : str
        Shard of the manifest, e.g. ``"000"``.
    spec : CropsSpec
        Other settings than the last time compute all clips again.
    h5, index : Path
        Files to write, see `CropReader`.
    threads : int
        Clips that are computed concurrently, each in a process; changes no result.

    Raises
    ------
    DataError
        If more clips failed than the spec allows. The journal keeps what was computed.
    """
    clips = _clips(manifest, shard)
    contents = dict(clips.select("clip_id", "content_key").iter_rows())
    key = crops_key(spec)
    held = partial(still_valid, contents=contents, name="crops_key", key=key)
    task = f"crops {shard_corpus(h5)}/{shard}"
    with ExitStack() as stack:
        journal = stack.enter_context(Journal(h5.with_name(f"{h5.name}.journal"), key))
        old = _open_old(h5, index)
        valid = {}
        if old is not None:
            stack.enter_context(old)
            valid = _undamaged(old, held(old.index.iter_rows(named=True)))
        others = clips.filter(~pl.col("clip_id").is_in(list(valid)))
        noted = [row for row in journal.rows.values() if row["clip_id"] not in valid]
        resumed = held(noted)
        waiting = others.filter(~pl.col("clip_id").is_in(list(resumed)))
        _compute(task, waiting, spec, key, journal, threads)
        done = held(journal.rows.values()) | valid

        table = index_table([done[clip_id] for clip_id in clips["clip_id"]])
        previous = None if old is None else old.index
        report_outcome(task, table, previous, waiting.height, len(resumed))
        check_failures(task, table, spec.max_failed_share)  # the journal stays
        if old is not None and len(valid) == table.height == old.index.height:
            restore(h5)
            restore(index)
        else:
            copy: dict[str, Copy] = dict.fromkeys(done, partial(_from_journal, journal))
            copy |= {clip_id: old.copy for clip_id in valid if old is not None}
            held_bytes = journal.path.stat().st_size
            if old is not None:
                held_bytes += kept(h5).stat().st_size
            settings = made_crops(spec).model_dump()
            write_crops(h5, index, table, settings, copy, held_bytes, _versions())
            keep(h5)
            keep(index)
        journal.discard()


def crops_key(settings: CropSettings) -> str:
    """Hash of all that changes the numbers of a clip's crops.

    Parameters
    ----------
    settings : CropSettings
        Of a `CropsSpec`, what changes no number is left out.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    parts = {
        "detect_every": settings.detect_every,
        "upsample": settings.upsample,
        "recipes": recipes.crops(),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def made_crops(settings: CropSettings) -> MadeCrops:
    """Pick the settings that change numbers, and add the key that they give."""
    return MadeCrops(
        detect_every=settings.detect_every,
        upsample=settings.upsample,
        crops_key=crops_key(settings),
    )


def _versions() -> dict[str, str]:
    return {module.__name__: module.__version__ for module in _DEPENDENCIES}


def _clips(manifest: Path, shard: str) -> pl.DataFrame:
    """Clips of the shard in order, with their paths and the keys of their content."""
    columns = ["clip_id", "path", "content_key", "shard"]
    listed = read_parquet(manifest, columns)
    return listed.filter(pl.col("shard") == shard).sort("clip_id")


def _open_old(h5: Path, index: Path) -> CropReader | None:
    """Open what an earlier run kept; None where that is nothing that can be used."""
    if not (kept(h5).exists() and kept(index).exists()):
        return None
    try:
        return CropReader(kept(h5), kept(index))
    except DataError as error:
        log.warning("%s Now all its clips are computed.", error)
        return None


def _undamaged(old: CropReader, rows: dict[str, Row]) -> dict[str, Row]:
    """Leave out clips whose arrays no longer fit their checksums."""
    sound = {}
    for clip_id, row in rows.items():
        try:
            old.arrays(clip_id)
        except DataError as error:
            log.warning("%s", error)
        else:
            sound[clip_id] = row
    return sound


def _compute(
    task: str,
    waiting: pl.DataFrame,
    settings: CropSettings,
    key: str,
    journal: Journal,
    threads: int,
) -> None:
    """Compute clips and note each one in the journal."""
    if waiting.is_empty():
        return
    progress = Progress(task, waiting.height)
    lock = Lock()
    cropper = clip_cropper(settings.upsample, settings.detect_every, threads)

    def compute(clip: Row) -> None:
        keys = {name: clip[name] for name in ("clip_id", "content_key")}
        record = _ClipRecord(journal, lock, {**keys, "crops_key": key})
        record.finish(crop(Path(clip["path"]), record.take))

    with (
        cropper as crop,
        ThreadPoolExecutor(threads, thread_name_prefix="crops") as pool,
    ):
        for _ in pool.map(compute, waiting.iter_rows(named=True)):
            progress.step()


class _ClipRecord:
    """A clip on its way to the journal, in several parts where its crops are large.

    Parameters
    ----------
    journal : Journal
        Where the parts go, the one with the index row last.
    lock : Lock
        Held while the journal is written to.
    keys : dict
        ``clip_id``, ``content_key`` and ``crops_key``.
    """

    def __init__(self, journal: Journal, lock: Lock, keys: dict[str, str]) -> None:
        self._journal, self._lock, self._keys = journal, lock, keys
        self._held: dict[str, list[np.ndarray]] = {}
        self._bytes = self._parts = 0

    def take(self, name: str, rows: np.ndarray) -> None:
        """Add the next rows of an array."""
        self._held.setdefault(name, []).append(rows)
        self._bytes += rows.nbytes
        if self._bytes > _RECORD_BYTES:
            part_id = _part_id(self._keys, self._parts)
            self._append({**self._keys, "clip_id": part_id})
            self._held.clear()
            self._bytes = 0
            self._parts += 1

    def finish(self, row: Row) -> None:
        """Write the index row with what is left."""
        self._append({**self._keys, **row, "parts": self._parts})

    def _append(self, entry: Row) -> None:
        held = self._held.items()
        arrays = {name: np.concatenate(pieces) for name, pieces in held}
        with self._lock:
            self._journal.append(entry, arrays)


def _part_id(keys: Mapping[str, Any], number: int) -> str:
    """Name a part of a clip in the journal as no clip can be named."""
    return f"{keys['clip_id']}\0{keys['content_key']}\0{number}"


def _from_journal(journal: Journal, clip_id: str, group: h5py.Group) -> None:
    """Write all that the journal holds of a clip, part by part."""
    row = journal.rows[clip_id]
    parts = [_part_id(row, number) for number in range(row["parts"])]
    for record in [*parts, clip_id]:
        # In the order in which HDF5 lists them, so that a copy has the same bytes.
        for name, values in sorted(journal.arrays(record).items()):
            append_rows(group, name, values, grows=bool(parts))

"""The crops stage: sound, landmarks and mouth patches of one shard in one HDF5 file."""

import logging
from collections.abc import Collection, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any, ClassVar

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
from dfprobe.settings.stage_specs.features import CropSettings, CropsSpec, MadeCrops
from dfprobe.store.crops import INDEX_SCHEMA, CropReader, append_rows, write_crops
from dfprobe.store.files import Row, kept
from dfprobe.store.hashes import key_of
from dfprobe.store.journal import Journal
from dfprobe.store.shards import ShardProduct, shard_clips, update_shard

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
    manifest, shard
        Manifest of the corpus (Parquet), and its shard, e.g. ``"000"``.
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
    clips = shard_clips(manifest, shard)
    with ExitStack() as stack:
        update_shard(
            _CropsProduct(
                task=f"crops {shard_corpus(h5)}/{shard}",
                files=(h5, index),
                clips=clips.with_columns(crops_key=pl.lit(crops_key(spec))),
                max_failed_share=spec.max_failed_share,
                spec=spec,
                threads=threads,
                stack=stack,
            )
        )


@dataclass
class _CropsProduct(ShardProduct):
    """The crops of one shard; ``stack`` closes the kept files."""

    spec: CropsSpec
    threads: int
    stack: ExitStack
    last: CropReader = field(init=False)

    SCHEMA: ClassVar = {k: v for k, v in INDEX_SCHEMA.items() if k != "row"}

    @property
    def journal_key(self) -> str:
        return crops_key(self.spec)

    def open_last(self) -> pl.DataFrame | None:
        h5, index = map(kept, self.files)
        self.last = self.stack.enter_context(CropReader(h5, index))
        return self.last.index

    def is_sound(self, clip_id: str) -> bool:
        try:
            self.last.arrays(clip_id)
        except DataError as error:
            log.warning("%s", error)
            return False
        return True

    def make(self, waiting: pl.DataFrame, journal: Journal) -> Iterator[None]:
        lock = Lock()
        cropper = clip_cropper(self.spec.upsample, self.spec.detect_every, self.threads)

        def compute(clip: Row) -> None:
            keys = {name: clip[name] for name in self.KEYS}
            record = _ClipRecord(journal, lock, keys)
            record.finish(crop(Path(clip["path"]), record.take))

        with (
            cropper as crop,
            ThreadPoolExecutor(self.threads, thread_name_prefix="crops") as pool,
        ):
            for _ in pool.map(compute, waiting.iter_rows(named=True)):
                yield

    def write(
        self, index: pl.DataFrame, valid: Collection[str], journal: Journal
    ) -> None:
        def copy(clip_id: str, group: h5py.Group) -> None:
            if clip_id in valid:
                self.last.copy(clip_id, group)
            else:
                _from_journal(journal, clip_id, group)

        h5, index_file = self.files
        sources = [journal.path, kept(h5)] if valid else [journal.path]
        held_bytes = sum(file.stat().st_size for file in sources)
        settings = made_crops(self.spec).model_dump()
        write_crops(h5, index_file, index, settings, copy, held_bytes, _versions())


def crops_key(settings: CropSettings) -> str:
    """Hash of all that changes the numbers of crops: 64 hexadecimal digits."""
    return key_of(
        {
            "detect_every": settings.detect_every,
            "upsample": settings.upsample,
            "recipes": recipes.crops(),
        }
    )


def made_crops(settings: CropSettings) -> MadeCrops:
    """Pick the settings that change numbers, and add the key that they give."""
    return MadeCrops(
        detect_every=settings.detect_every,
        upsample=settings.upsample,
        crops_key=crops_key(settings),
    )


def _versions() -> dict[str, str]:
    return {module.__name__: module.__version__ for module in _DEPENDENCIES}


class _ClipRecord:
    """A clip on its way to the journal, in several parts where its crops are large.

    The part with the index row comes last; the lock is held while one is written.
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

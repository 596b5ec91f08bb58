"""The crops stage: sound, landmarks and mouth patches of one shard in one HDF5 file."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, Self

import av
import cv2
import decord
import dlib
import h5py
import librosa
import numpy as np
import polars as pl

from dfprobe import recipes
from dfprobe.errors import ClipError, DataError
from dfprobe.media.crop_processes import clip_cropper
from dfprobe.outcome import check_failures, report_outcome
from dfprobe.parquet import read_parquet, write_parquet
from dfprobe.progress import Progress
from dfprobe.status import Status
from dfprobe.storage import (
    Journal,
    keep,
    kept,
    reserve,
    restore,
    sha256_of,
    still_valid,
    write_whole,
)

log = logging.getLogger("dfprobe")

INDEX_SCHEMA = {
    "clip_id": pl.String,
    "content_key": pl.String,
    "crops_key": pl.String,
    "status": pl.String,
    "video_status": pl.String,
    "audio_status": pl.String,
    "face_status": pl.String,
    "detail": pl.String,
    "frames": pl.Int64,
    "source_fps": pl.Float64,
    "duration_s": pl.Float64,
    "detected_share": pl.Float64,
    "samples": pl.Int64,
    "audio_offset_s": pl.Float64,
    "leading_silence_s": pl.Float64,
    "row": pl.Int64,
}
_NO_SETTINGS = {"versions", "index_sha256"}  # other attributes of the HDF5 file
_HDF5_BYTES = 16 * 2**10  # of structure, for a clip and for the file
_RECORD_BYTES = 16 * 2**20  # of a clip that are held until they go to the journal
# Writes all that is stored of a clip into a group of another file.
_Copy = Callable[[str, h5py.Group], None]
# What h5py raises where a checksum does not hold or the structure cannot be followed.
_DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError)
_DEPENDENCIES = (av, cv2, decord, dlib, h5py, librosa, np)


class CropReader:
    """The crops of one shard.

    Parameters
    ----------
    h5 : Path
        The HDF5 file.
    index : Path
        Its index (Parquet).

    Attributes
    ----------
    index : pl.DataFrame
        One row a clip, columns and types as in `INDEX_SCHEMA`.
    settings : dict
        What the crops were made with, see `crops_settings`.

    Raises
    ------
    DataError
        If a file cannot be read, or the two do not belong together.
    """

    def __init__(self, h5: Path, index: Path) -> None:
        try:
            self.index = read_parquet(index)
            self._file = h5py.File(h5, "r")
            stamp = self._file.attrs.get("index_sha256")
            settings = dict(self._file.attrs)
        except (*_DAMAGE, DataError) as error:
            raise DataError(
                f"The crops {h5} and {index} cannot be read ({error}). Delete both and "
                "run the crops stage of this shard again."
            ) from error
        if stamp != sha256_of(index):
            self._file.close()
            raise DataError(
                f"{index} is not the index that was written with {h5}. Run the crops "
                "stage of this shard again."
            )
        self.settings = {
            name: value if isinstance(value, str) else value.item()
            for name, value in settings.items()
            if name not in _NO_SETTINGS
        }
        self._rows = {row["clip_id"]: row for row in self.index.iter_rows(named=True)}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the HDF5 file."""
        self._file.close()

    def waveform(self, clip_id: str) -> np.ndarray:
        """Mono sound at 16 kHz from the first video frame on, (samples,) float32.

        Raises
        ------
        ClipError
            With the clip's status, where it has no such array; so do the others.
        """
        return self._array(clip_id, "waveform", "audio_status")

    def mouth(self, clip_id: str) -> np.ndarray:
        """Grey mouth patches at 25 frames a second, (frames, 96, 96) uint8."""
        return self._array(clip_id, "mouth", "face_status")

    def landmarks(self, clip_id: str) -> np.ndarray:
        """Points (x, y) in source pixels, (frames, 68, 2) float32, NaN without face."""
        return self._array(clip_id, "landmarks", "video_status")

    def boxes(self, clip_id: str) -> np.ndarray:
        """Left, top, right, bottom in source pixels, (frames, 4) float32, NaN alike."""
        return self._array(clip_id, "boxes", "video_status")

    def arrays(self, clip_id: str) -> dict[str, np.ndarray]:
        """All that is stored of a clip, by name."""
        row = self._row(clip_id)["row"]
        if row is None:
            return {}
        with self._telling_of_damage(clip_id):
            return {name: data[()] for name, data in self._file[_group(row)].items()}

    def copy(self, clip_id: str, group: h5py.Group) -> None:
        """Write all that is stored of a clip into another file, as it was first."""
        with self._telling_of_damage(clip_id):
            for name, data in self._file[_group(self._row(clip_id)["row"])].items():
                grows = data.maxshape[0] is None
                for start in range(0, len(data), data.chunks[0]):
                    _append(group, name, data[start : start + data.chunks[0]], grows)

    def _row(self, clip_id: str) -> dict[str, Any]:
        if clip_id not in self._rows:
            raise DataError(f"{self._file.filename} holds no clip {clip_id!r}")
        return self._rows[clip_id]

    def _array(self, clip_id: str, name: str, status: str) -> np.ndarray:
        row = self._row(clip_id)
        if row[status] != Status.OK:
            raise ClipError(Status(row[status]), row["detail"])
        with self._telling_of_damage(clip_id):
            return self._file[_group(row["row"])][name][()]

    @contextmanager
    def _telling_of_damage(self, clip_id: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise DataError(
                f"{self._file.filename}: clip {clip_id} does not fit its checksum, so "
                f"the file was damaged after it was written ({error}). Delete it and "
                "run the workflow again: its damaged clips are computed anew."
            ) from error


def make_crops(
    manifest: Path,
    shard: str,
    spec: dict[str, Any],
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
    spec : dict
        ``detect_every`` (frames between detections, 1 is the published recipe),
        ``upsample`` (times that the detector doubles the frame, 1 is the recipe),
        ``max_failed_share`` (0 to 1).
    h5, index : Path
        Files to write, see `CropReader`.
    threads : int
        Clips that are computed at a time, each in a process; changes no result.

    Raises
    ------
    DataError
        If more clips failed than the spec allows. The journal keeps what was computed.
    """
    clips = _clips(manifest, shard)
    contents = dict(clips.select("clip_id", "content_key").iter_rows())
    key = crops_key(spec)
    held = partial(still_valid, contents=contents, name="crops_key", key=key)
    task = f"crops {h5.parent.name}/{shard}"
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

        table = _table([done[clip_id] for clip_id in clips["clip_id"]])
        previous = None if old is None else old.index
        report_outcome(task, table, previous, waiting.height, len(resumed))
        check_failures(task, table, spec["max_failed_share"])  # the journal stays
        if old is not None and len(valid) == table.height == old.index.height:
            restore(h5)
            restore(index)
        else:
            copy: dict[str, _Copy] = dict.fromkeys(
                done, partial(_from_journal, journal)
            )
            copy |= {clip_id: old.copy for clip_id in valid if old is not None}
            held_bytes = journal.path.stat().st_size
            if old is not None:
                held_bytes += kept(h5).stat().st_size
            _write(h5, index, table, crops_settings(spec), copy, held_bytes)
            keep(h5)
            keep(index)
        journal.discard()


def crops_key(spec: Mapping[str, Any]) -> str:
    """Hash of all that changes the numbers of a clip's crops.

    Parameters
    ----------
    spec : mapping
        As for `make_crops`; ``max_failed_share`` changes no number.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    parts = _key_fields(spec) | {"recipes": recipes.crops()}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def crops_settings(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the settings that change numbers, and add the key that they give."""
    return {"crops_key": crops_key(spec), **_key_fields(spec)}


def _key_fields(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the fields of the spec that change numbers."""
    return {name: spec[name] for name in ("detect_every", "upsample")}


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


def _undamaged(
    old: CropReader, rows: dict[str, dict[str, Any]]
) -> dict[str, dict[str, Any]]:
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
    spec: dict[str, Any],
    key: str,
    journal: Journal,
    threads: int,
) -> None:
    """Compute clips and note each one in the journal."""
    if waiting.is_empty():
        return
    progress = Progress(task, waiting.height)
    lock = Lock()
    cropper = clip_cropper(spec["upsample"], spec["detect_every"], threads)

    def compute(clip: dict[str, Any]) -> None:
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

    def finish(self, row: dict[str, Any]) -> None:
        """Write the index row with what is left."""
        self._append({**self._keys, **row, "parts": self._parts})

    def _append(self, entry: dict[str, Any]) -> None:
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
            _append(group, name, values, grows=bool(parts))


def _append(group: h5py.Group, name: str, values: np.ndarray, grows: bool) -> None:
    """Add rows to an array of a clip, which is made if it is not there."""
    if name in group:
        data = group[name]
        data.resize(len(data) + len(values), axis=0)
        data[-len(values) :] = values
        return
    # Chunks with a checksum: a damaged array is noticed when read.
    group.create_dataset(
        name,
        data=values,
        chunks=values.shape,
        maxshape=(None, *values.shape[1:]) if grows else None,
        fletcher32=True,
    )


def _table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Build the index; clips with arrays are numbered in its order."""
    schema = {name: kind for name, kind in INDEX_SCHEMA.items() if name != "row"}
    picked = [{name: row[name] for name in schema} for row in rows]
    table = pl.DataFrame(picked, schema=schema)
    stored = (pl.col("video_status") == Status.OK) | (
        pl.col("audio_status") == Status.OK
    )
    number = stored.cast(pl.Int64).cum_sum() - 1
    return table.with_columns(row=pl.when(stored).then(number))


def _write(
    h5: Path,
    index: Path,
    table: pl.DataFrame,
    attributes: Mapping[str, Any],
    copy: Mapping[str, _Copy],
    held_bytes: int,
) -> None:
    """Write both files whole; the HDF5 file knows the index that belongs to it.

    ``held_bytes`` is the size of what the arrays are copied from.
    """
    versions = {module.__name__: module.__version__ for module in _DEPENDENCIES}
    stored = table.filter(pl.col("row").is_not_null())
    with write_whole(index) as index_draft:
        write_parquet(table, index_draft)
        with write_whole(h5) as draft:
            # A disk that is full when HDF5 closes a file can end the process.
            reserve(draft, held_bytes + _HDF5_BYTES * (stored.height + 1))
            # The older format has no checksums of its structure.
            with h5py.File(draft, "w", libver="v110") as file:
                file.attrs.update(attributes)
                file.attrs["versions"] = json.dumps(versions)
                file.attrs["index_sha256"] = sha256_of(index_draft)
                for clip_id, row in stored.select("clip_id", "row").iter_rows():
                    group = file.create_group(_group(row))
                    group.attrs["clip_id"] = clip_id
                    copy[clip_id](clip_id, group)


def _group(row: int) -> str:
    return f"{row:06d}"

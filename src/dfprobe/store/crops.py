"""The crops of a shard: one HDF5 file and its index."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_type_hints

import h5py
import numpy as np
import polars as pl

from dfprobe.errors import ClipError, DataError
from dfprobe.status import Status
from dfprobe.store.files import Row, reserve, sha256_of, write_whole
from dfprobe.store.parquet import read_parquet, write_parquet


@dataclass
class ClipRow:
    """What the index of the crops stage says about one clip, apart from its keys."""

    status: Status = Status.OK  # the first of the next three that is not ``ok``
    video_status: Status = Status.OK
    audio_status: Status = Status.OK
    face_status: Status = Status.OK  # of the landmarks and mouth patches
    detail: str = ""  # what is not ``ok``, and what is lost of a damaged file that is
    frames: int | None = None  # decoded, at 25 per second
    source_fps: float | None = None  # as the container says, and so the next
    duration_s: float | None = None
    detected_share: float | None = None  # with a face, of the frames looked at for one
    samples: int | None = None  # at 16 kHz, from the first video frame on
    audio_offset_s: float | None = None  # start of the sound after the first frame
    leading_silence_s: float | None = None


# Statuses are stored as text: a new one changes no schema.
_TEXT = ("status", "video_status", "audio_status", "face_status")
INDEX_SCHEMA = pl.Schema(
    dict.fromkeys(("clip_id", "content_key", "crops_key"), str)
    | get_type_hints(ClipRow)
    | dict.fromkeys(_TEXT, str)
    | {"row": int}
)
_NO_SETTINGS = {"versions", "index_sha256"}  # other attributes of the HDF5 file
_HDF5_BYTES = 16 * 2**10  # of structure, for a clip and for the file
# Writes all that is stored of a clip into a group of another file.
Copy = Callable[[str, h5py.Group], None]
# What h5py raises where a checksum does not hold or the structure cannot be followed.
_DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError)


class CropReader:
    """The crops of one shard: an HDF5 file and its index (Parquet).

    Attributes
    ----------
    index : pl.DataFrame
        One row per clip, columns and types as in `INDEX_SCHEMA`.
    settings : dict
        What the crops were made with, see `MadeCrops`.

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
        """Grey mouth patches at 25 per second, (frames, 96, 96) uint8."""
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
                    append_rows(
                        group, name, data[start : start + data.chunks[0]], grows
                    )

    def _row(self, clip_id: str) -> Row:
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


def append_rows(group: h5py.Group, name: str, values: np.ndarray, grows: bool) -> None:
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


def write_crops(
    h5: Path,
    index: Path,
    table: pl.DataFrame,
    attributes: Mapping[str, Any],
    copy: Copy,
    held_bytes: int,
    versions: Mapping[str, str],
) -> None:
    """Write both files whole; the HDF5 file knows the index that belongs to it.

    Parameters
    ----------
    h5, index : Path
        Files to write, see `CropReader`.
    table : pl.DataFrame
        The index without ``row``: the number of a clip with arrays is added here.
    attributes : mapping
        Settings of the crops.
    copy : callable
        Writes the arrays of a clip into its group.
    held_bytes : int
        Size of the files that the arrays are copied from.
    versions : mapping of str to str
        Versions of the packages that made the crops, for the record.
    """
    has_arrays = (pl.col("video_status") == Status.OK) | (
        pl.col("audio_status") == Status.OK
    )
    number = has_arrays.cast(pl.Int64).cum_sum() - 1
    table = table.with_columns(row=pl.when(has_arrays).then(number))
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
                    copy(clip_id, group)


def _group(row: int) -> str:
    return f"{row:06d}"

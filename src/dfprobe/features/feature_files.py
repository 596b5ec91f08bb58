"""One clip's feature file in the published layout.

Layout: bit-ml/ssr-dfd, ``linear_probing/datasets.py``. The file of a clip has the path
of the clip without suffix, then ``.npz`` or ``.npy``, below ``<root>/<split>`` where
there is such a folder, else below ``<root>``. An npz holds the array under one of the
names in ``file_streams.KEYS``; one of more than two dimensions is flattened to rows.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np

from dfprobe.errors import ClipError
from dfprobe.settings.file_streams import KEYS
from dfprobe.status import Status

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes


def find_file(root: Path, split: str, clip_id: str) -> Path | None:
    """Feature file of a clip, None where there is none."""
    base = root / split
    if not base.is_dir():
        base = root
    for suffix in (".npz", ".npy"):
        # Not with_suffix(): a clip id may have dots.
        path = base / f"{clip_id}{suffix}"
        if path.is_file():
            return path
    return None


def read_rows(path: Path, stream: str) -> np.ndarray:
    """Rows of a feature file.

    Parameters
    ----------
    path : Path
        An npz or npy file; nothing that is pickled in it is read.
    stream : str
        ``audio``, ``video`` or ``audio_video``: which array of an npz is meant.

    Returns
    -------
    np.ndarray of shape (rows, dim), float32

    Raises
    ------
    ClipError
        UNREADABLE, or TOO_SHORT for an array without rows.
    """
    array = _array(path, stream)
    if array.ndim < 2 or array.dtype.kind not in "fiu":
        raise ClipError(
            Status.UNREADABLE,
            f"{path} holds an array of shape {array.shape} and type {array.dtype}; "
            "expected numbers in rows, (rows, dim)",
        )
    if not array.size:
        raise ClipError(Status.TOO_SHORT, f"{path} holds no row")
    with np.errstate(over="ignore"):  # what overflows is found when it is stored
        return array.reshape(-1, array.shape[-1]).astype(np.float32)


def write_rows(path: Path, rows: np.ndarray, stream: str) -> None:
    """Write rows as an npz under the stream's name; equal rows give equal bytes."""
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **{KEYS[stream][0]: rows})


def _array(path: Path, stream: str) -> np.ndarray:
    try:
        with path.open("rb") as file:  # np.load leaves a damaged file open
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content
            for key in KEYS[stream]:
                if key in content.files:
                    return np.asarray(content[key])
            names = ", ".join(content.files)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        detail = f"{path} cannot be read as an array: {error}"
        raise ClipError(Status.UNREADABLE, detail) from error
    raise ClipError(
        Status.UNREADABLE,
        f"{path} holds the arrays {names}; expected {' or '.join(KEYS[stream])}",
    )

"""The rows of one clip: as an encoder gave them, and as they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dfprobe.errors import ClipError, EncoderError
from dfprobe.status import Status


@dataclass(frozen=True)
class Encoded:
    """A clip with its rows, or with the reason why it has none."""

    row: Mapping[str, Any]  # what was given for the clip
    features: np.ndarray  # (rows, dim), float32; empty after an error
    note: str = ""  # for the index
    error: ClipError | None = None
    start_s: float = 0.0  # see `ClipInputs`


def stored_rows(clip: Encoded, dim: int, dtype: str) -> np.ndarray:
    """Rows of a clip in the stored type, refused where a probe could not use them.

    Returns
    -------
    np.ndarray of shape (rows, dim), float16 or float32

    Raises
    ------
    ClipError
        The clip's own error; NON_FINITE for a row that is not finite in this type, or
        all zero.
    EncoderError
        If the array has another shape.
    """
    if clip.error is not None:
        raise clip.error
    features = clip.features
    if features.ndim != 2 or features.shape[1] != dim or not len(features):
        raise EncoderError(
            f"{clip.row['clip_id']}: the encoder returned an array of shape "
            f"{features.shape}, expected (rows >= 1, {dim})."
        )
    with np.errstate(over="ignore"):  # an overflow is looked for right below
        stored = features.astype(dtype)
    finite = np.isfinite(stored).all(axis=1)
    if not finite.all():
        raise ClipError(
            Status.NON_FINITE,
            f"row {int(finite.argmin())} of {len(stored)} is not finite as {dtype}; if "
            "the encoder's values are large, set features.dtype to float32",
        )
    directed = stored.any(axis=1)
    if not directed.all():
        raise ClipError(
            Status.NON_FINITE,
            f"row {int(directed.argmin())} of {len(stored)} is all zero, so that it "
            "cannot be divided by its norm",
        )
    return stored

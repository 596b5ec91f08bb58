"""Trained heads on disk: tensors in safetensors, what they are in its metadata."""

from pathlib import Path
from typing import Any

import numpy as np

from dfprobe.errors import DataError
from dfprobe.heads.files.tensor_file import read_tensors, write_tensors

# What a head takes over from the rows that it reads, so that more of them can be made.
PROVENANCE = (
    *("encoder", "encoder_key", "weights_hash", "settings", "crops"),
    *("modality", "rate_hz", "first_row_s"),
)


def provenance_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """Entries of `PROVENANCE` that a feature store has (an old one lacks some)."""
    return {name: attributes[name] for name in PROVENANCE if name in attributes}


def streams_of(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a head says of the rows that it reads, an entry a stream."""
    return metadata.get("streams", [metadata])


def kind_of(path: Path) -> str:
    """Return the kind of a head file, see `read_head` for errors."""
    return str(read_tensors(path)[1].get("kind"))


def write_head(
    path: Path, tensors: dict[str, np.ndarray], metadata: dict[str, Any]
) -> None:
    """Write a head, whole or not at all; equal content gives equal bytes.

    Parameters
    ----------
    path : Path
        ``.safetensors`` file to write.
    tensors : dict of str to np.ndarray
        The head's parameters.
    metadata : dict
        JSON values; ``kind``, ``dim`` and ``encoder_key`` are what a reader checks.
    """
    write_tensors(path, tensors, metadata)


def read_head(path: Path, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Read a head of the expected kind.

    Returns
    -------
    tensors : dict of str to np.ndarray
        The head's parameters.
    metadata : dict
        What `write_head` was given.

    Raises
    ------
    DataError
        If the file is not there, is no head, is a head of another kind, or was damaged
        after it was written.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("kind") != kind:
        raise DataError(
            f"{path} holds a head of kind '{metadata.get('kind')}', expected '{kind}'."
        )
    return tensors, metadata

"""Trained heads on disk: tensors in safetensors, what they are in its metadata."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dfprobe.errors import DataError
from dfprobe.storage import write_whole

# What a head takes over from the rows that it reads, so that more of them can be made.
PROVENANCE = (
    *("encoder", "encoder_key", "weights_hash", "settings", "crops"),
    *("modality", "rate_hz", "first_row_s"),
)
_KEY = "dfprobe"  # one entry: safetensors writes several in an unsteady order


def provenance_of(attributes: dict[str, Any]) -> dict[str, Any]:
    """Entries of `PROVENANCE` that a feature store has (an old one lacks some)."""
    return {name: attributes[name] for name in PROVENANCE if name in attributes}


def streams_of(metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what a head says of the rows that it reads, an entry a stream."""
    return metadata.get("streams", [metadata])


def kind_of(path: Path) -> str:
    """Return the kind of a head file, see `read_head` for errors."""
    return str(_read(path)[1].get("kind"))


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
    with write_whole(path) as draft:
        save_file(tensors, draft, {_KEY: json.dumps(metadata, sort_keys=True)})


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
        If the file is not there, is no head, or is a head of another kind.
    """
    tensors, metadata = _read(path)
    if metadata.get("kind") != kind:
        raise DataError(
            f"{path} holds a head of kind '{metadata.get('kind')}', expected '{kind}'."
        )
    return tensors, metadata


def _read(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"{path} cannot be read as a safetensors file ({error}). "
            "Train the head again."
        ) from error
    if text is None:
        raise DataError(
            f"{path} is a safetensors file but no head of dfprobe: its metadata has no "
            f"entry '{_KEY}'."
        )
    return tensors, json.loads(text)

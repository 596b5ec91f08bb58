"""Trained heads on disk: tensors in safetensors, what they are in its metadata."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from dfprobe.errors import DataError
from dfprobe.heads.files.tensor_file import Facts, Tensors, read_tensors
from dfprobe.store.features import Attributes

# What a head copies from the feature stores that it reads, so that the features of
# other clips can be computed in the same way.
PROVENANCE = (
    *("encoder", "encoder_key", "weights_hash", "settings", "crops"),
    *("modality", "rate_hz", "first_row_s"),
)


def provenance_of(attributes: Attributes) -> Facts:
    """Entries of `PROVENANCE` that a feature store has (an old one lacks some)."""
    return {name: attributes[name] for name in PROVENANCE if name in attributes}


def streams_of(metadata: Facts) -> list[Facts]:
    """Return what a head says of the rows that it reads, one entry per stream."""
    return metadata.get("streams", [metadata])


def kind_of(path: Path) -> str:
    """Return the kind of a head file, see `read_head` for errors."""
    return str(read_tensors(path)[1].get("kind"))


def read_head(path: Path, kind: str) -> tuple[Tensors, Facts]:
    """Read a head of the expected kind: its parameters, and what its file says of it.

    Raises
    ------
    DataError
        If the file is not there, is not a head, is a head of another kind, or was
        damaged after it was written.
    """
    tensors, metadata = read_tensors(path)
    if metadata.get("kind") != kind:
        raise DataError(
            f"{path} holds a head of kind '{metadata.get('kind')}', expected '{kind}'."
        )
    return tensors, metadata


def check_tensors(
    path: Path, tensors: Mapping[str, np.ndarray], shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Refuse tensors of a head that are not those of its model.

    Parameters
    ----------
    path : Path
        File that they come from, for messages.
    tensors : mapping of str to np.ndarray
        The tensors.
    shapes : mapping of str to tuple of int
        Shape of each tensor of the model.

    Raises
    ------
    DataError
        If a tensor is missing, unknown, of another shape, or has a value that is not
        finite.
    """
    found = {name: tensor.shape for name, tensor in tensors.items()}
    for name in sorted(shapes.keys() | found.keys()):
        if found.get(name) != shapes.get(name):
            raise DataError(
                f"{path}: tensor {name} has shape {found.get(name)}; expected "
                f"{shapes.get(name)} by the sizes in the file. Train or import "
                "the head again."
            )
        if not np.isfinite(tensors[name]).all():
            raise DataError(
                f"{path}: a value of tensor {name} is not finite. Train or import the "
                "head again."
            )

"""Tensors and what is known of them in one safetensors file, with a checksum."""

import json
import zlib
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from dfprobe.errors import DataError
from dfprobe.store.files import write_whole

Tensors: TypeAlias = dict[str, np.ndarray]  # by name
# What a file says besides its tensors: JSON values, whose names depend on what wrote it
# (the kind of a head, its source, the version).
Facts: TypeAlias = dict[str, Any]

_KEY = "dfprobe"  # one entry: safetensors writes several in an unsteady order
_CHECKSUM = "crc32"


def write_tensors(path: Path, tensors: Tensors, facts: Facts) -> None:
    """Write tensors and facts, whole or not at all; equal content gives equal bytes."""
    # A safetensors file has no checksum of its own.
    text = json.dumps(facts | {_CHECKSUM: _checksum(tensors, facts)}, sort_keys=True)
    with write_whole(path) as draft:
        save_file(tensors, draft, {_KEY: text})


def read_tensors(path: Path) -> tuple[Tensors, Facts]:
    """Read what `write_tensors` wrote: tensors by name, and facts.

    Raises
    ------
    DataError
        If the file is not there, was not written by `write_tensors`, or was damaged
        after it was written.
    """
    try:
        with safe_open(path, framework="numpy") as file:
            text = (file.metadata() or {}).get(_KEY)
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = None if text is None else json.loads(text)
    except (OSError, SafetensorError, ValueError) as error:
        raise DataError(
            f"{path} cannot be read as a safetensors file ({error}). Delete it and "
            "train the head again."
        ) from error
    if facts is None:
        raise DataError(
            f"{path} is a safetensors file but not a head of dfprobe: its metadata has "
            f"no entry '{_KEY}'."
        )
    if facts.pop(_CHECKSUM, None) != _checksum(tensors, facts):
        raise DataError(
            f"{path} does not fit its checksum, so the file was damaged after it was "
            "written, or comes from a version of dfprobe that wrote none. Delete it "
            "and train the head again."
        )
    return tensors, facts


def _checksum(tensors: Tensors, facts: Facts) -> int:
    """CRC-32 of names, types, shapes, values and facts."""
    checksum = zlib.crc32(json.dumps(facts, sort_keys=True).encode())
    for name, values in sorted(tensors.items()):
        what = f"{name} {values.dtype.str} {values.shape}"
        checksum = zlib.crc32(what.encode(), checksum)
        checksum = zlib.crc32(np.ascontiguousarray(values).data, checksum)
    return checksum

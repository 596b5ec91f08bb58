"""The content of weights, as far as planning knows it: what makes an encoder stale."""

import hashlib
import logging
from collections.abc import Collection

from dfprobe.planning.specs import computed_encoders
from dfprobe.settings.config import Config
from dfprobe.settings.stage_specs.tables import WeightsNote
from dfprobe.store.hashes import digest
from dfprobe.weights.records import mismatch, record_name, records, tensor_files

log = logging.getLogger("dfprobe")


def content_hashes(config: Config) -> dict[str, str | None]:
    """Hash of the weights of each encoder that reads videos, see `content_hash`."""
    return {
        name: content_hash(entry.weights)
        for name, entry in computed_encoders(config).items()
    }


def content_hash(weights: str) -> str | None:
    """SHA-256 over the files that hold the tensors of weights, by their name.

    Returns
    -------
    str or None
        64 hexadecimal digits, whatever the files are called; None where there are none
        (nothing to load, random weights, files that are missing).
    """
    if weights in ("none", "random"):
        return None
    files = tensor_files(weights)
    if not files:
        return None
    digests = [digest(path, "sha256") for path in files]
    joined = "\n".join(digests).encode()
    return digests[0] if len(files) == 1 else hashlib.sha256(joined).hexdigest()


def notes(config: Config) -> tuple[WeightsNote, ...]:
    """Say of each encoder whose weights differ from the published ones how they do."""
    found = {
        name: not_published(entry.weights)
        for name, entry in computed_encoders(config).items()
    }
    return tuple(
        WeightsNote(encoder=name, note=note) for name, note in found.items() if note
    )


def warn_of_others(config: Config, encoders: Collection[str]) -> None:
    """Log a warning for each of some encoders whose weights are not the published."""
    for entry in notes(config):
        if entry.encoder in encoders:
            log.warning("encoder %s: %s", entry.encoder, entry.note)


def not_published(weights: str) -> str | None:
    """Say how weights of a known name differ from the published file, if they do.

    None where nothing is published to compare with, or nothing differs.
    """
    record = records().get(record_name(weights))
    files = tensor_files(weights)
    if record is None or len(files) != 1:
        return None
    fault = mismatch(record, files[0], True, digest)
    return fault.message if fault else None

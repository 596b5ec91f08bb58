"""The records of published weights: what they are, where they are, whether they fit.

Checkpoint files lie in one folder: ``DFPROBE_WEIGHTS``, else ``weights`` in the working
directory. Hub ids stay in the Hugging Face cache, which ``HF_HOME`` moves.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

import yaml

from dfprobe.errors import near_match

Digest = Callable[[Path, str], str]
State = Literal["found", "missing", "wrong size", "wrong hash"]

# Files of a hub repository that hold the tensors, in the order in which they are taken.
TENSOR_FILES = ("model.safetensors", "pytorch_model.bin")
_TENSOR_SUFFIXES = {".safetensors", ".bin"}


def _digest(path: Path, algorithm: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, algorithm).hexdigest()


class Paper(NamedTuple):
    """Paper of a model: its title and its arXiv id."""

    title: str
    arxiv: str


class Fault(NamedTuple):
    """What is wrong with weights: in a word, and in sentences for the user."""

    state: State
    message: str


@dataclass(frozen=True)
class Record:
    """What is known about published weights; None stands for what is not."""

    name: str  # path below the weights folder, or hub id: `weights` in a config
    family: str  # encoder family that loads them
    streams: tuple[str, ...]  # streams of the family that they serve
    title: str  # what they are, in a few words
    published: str  # page that offers them
    url: str | None  # link that a program can fetch
    browser_url: str | None  # link that needs a browser (Google Drive)
    hub_repo: str | None  # place in the Hugging Face hub
    hub_file: str | None  # of a hub id, the file with the tensors
    size_bytes: int | None
    sha256: str | None  # 64 hexadecimal digits
    md5_start: str | None  # first digits of the MD5, where no more is published
    licence: str | None
    paper: Paper
    preprocessing: str  # input of the encoder, as dfprobe prepares it

    @property
    def is_hub(self) -> bool:
        """Whether the weights are a hub id, not a file of the weights folder."""
        return self.name == self.hub_repo

    @property
    def can_be_fetched(self) -> bool:
        """Whether a program can fetch them."""
        return self.url is not None or self.hub_repo is not None


@cache
def records() -> dict[str, Record]:
    """All records by name, in the order of ``records.yaml``."""
    text = Path(__file__).with_name("records.yaml").read_text(encoding="utf-8")
    return {
        name: Record(
            name=name,
            **entry
            | {"streams": tuple(entry["streams"]), "paper": Paper(**entry["paper"])},
        )
        for name, entry in yaml.safe_load(text).items()
    }


def weights_folder() -> Path:
    """Folder of the checkpoint files; it need not exist."""
    return Path(os.environ.get("DFPROBE_WEIGHTS") or "weights")


def record_name(weights: str) -> str:
    """Name as in the records: without the weights folder in front of it."""
    path, folder = Path(weights), weights_folder()
    if path.is_relative_to(folder):
        return path.relative_to(folder).as_posix()
    return weights


def local_path(weights: str) -> Path:
    """Path of a checkpoint file that a config names.

    It is ``weights`` itself where that exists, else its place below the weights folder,
    whether there is such a file or not.
    """
    path = Path(weights)
    return path if path.exists() else weights_folder() / record_name(weights)


def stored(record: Record) -> Path | None:
    """Where a record's weights are: the file with the tensors, None if missing."""
    if record.is_hub:
        return _cached(record.name)
    path = local_path(record.name)
    return path if path.is_file() else None


def tensor_files(weights: str) -> list[Path]:
    """Files that hold the tensors of weights that a config names; none if missing."""
    path = local_path(weights)
    if path.is_file():
        return [path]
    cached = None if path.is_dir() else _cached(weights)
    folder = path if cached is None else cached.parent
    return sorted(file for file in folder.glob("*") if file.suffix in _TENSOR_SUFFIXES)


def found(weights: str) -> bool:
    """Whether weights that a config names are here: a path, or a cached hub id."""
    return local_path(weights).exists() or _cached(weights) is not None


def state(record: Record, hashed: bool = False) -> State:
    """Whether a record's weights are there and are the published ones; see `fault`."""
    wrong = fault(record, hashed)
    return wrong.state if wrong else "found"


def fault(record: Record, hashed: bool = False) -> Fault | None:
    """Say what is wrong with a record's weights; None if nothing is known to be.

    With ``hashed`` the hash is compared too, which reads the whole file.
    """
    path = stored(record)
    if path is None:
        return Fault("missing", _missing(record, []))
    return mismatch(record, path, hashed)


def mismatch(
    record: Record, path: Path, hashed: bool, digest: Digest = _digest
) -> Fault | None:
    """Say how a file differs from what a record says; None if it does not.

    ``digest`` gives the hash of a file by an algorithm's name.
    """
    if record.is_hub and path.name != record.hub_file:
        return None  # the record's size and hash are of another file
    size = path.stat().st_size
    if record.size_bytes not in (None, size):
        numbers = f"it has {size} bytes, but {record.size_bytes} are published"
        return Fault("wrong size", _not_published(record, path, numbers))
    hashes = {"sha256": record.sha256, "md5": record.md5_start} if hashed else {}
    for algorithm, wanted in hashes.items():
        if wanted and (digits := digest(path, algorithm)[: len(wanted)]) != wanted:
            numbers = f"its {algorithm} is {digits}, but {wanted} is published"
            return Fault("wrong hash", _not_published(record, path, numbers))
    return None


def missing(weights: str, rows: Sequence[str]) -> str:
    """Message about weights that are not there, and the encoders that need them.

    It says what is missing, which encoders of the config wait for it, how to fetch it
    and from where, where to put it, and its licence.
    """
    record = records().get(record_name(weights))
    if record is None:
        return "\n".join([_unknown(weights), *_waiting(rows)])
    return _missing(record, rows)


def how_to_get(record: Record) -> str:
    """Say how a record's weights come here, and from where."""
    fetch = f"dfprobe weights fetch {record.name}"
    if record.is_hub:
        return (
            f"Fetch it with '{fetch}' or 'hf download {record.name}' where there is a "
            f"network, or name a local folder in the config ({record.published})."
        )
    place = weights_folder() / record.name
    if record.can_be_fetched:
        return (
            f"Fetch it with '{fetch}', or take it from {record.published} and put it "
            f"at {place} (DFPROBE_WEIGHTS names another folder)."
        )
    return (
        f"No program can fetch it: download {record.browser_url} in a browser "
        f"(published on {record.published}) and put it at {place} (DFPROBE_WEIGHTS "
        "names another folder)."
    )


def _missing(record: Record, rows: Sequence[str]) -> str:
    return "\n".join(
        [
            f"{record.title}: {_absence(record)}.",
            *_waiting(rows),
            how_to_get(record),
            f"Licence: {record.licence or 'not known, see that page'}.",
        ]
    )


def _unknown(weights: str) -> str:
    """Sentences about a name that is not a record, a file or a folder."""
    return (
        f"weights {weights!r}: there is no such file or folder, nor the file "
        f"{local_path(weights)}, and dfprobe has no record of that name"
        f"{near_match(record_name(weights), records())} 'dfprobe weights' lists the "
        f"records. If it is a hub id, say 'hf download {weights}' where there is a "
        "network (HF_HOME moves the cache)."
    )


def _not_published(record: Record, path: Path, numbers: str) -> str:
    return (
        f"{path} is not the published {record.name}: {numbers}. Delete it and get it "
        "again; if the same comes, the publisher has changed the file, and dfprobe's "
        f"record is out of date (see {record.published})."
    )


def _waiting(rows: Sequence[str]) -> list[str]:
    if not rows:
        return []
    plural = len(rows) > 1
    return [
        f"The {'encoders' if plural else 'encoder'} {', '.join(rows)} of the config "
        f"{'need' if plural else 'needs'} it."
    ]


def _absence(record: Record) -> str:
    if not record.is_hub:
        return f"the file {local_path(record.name)} is not there"
    from huggingface_hub import constants

    return (
        f"{record.name} is not in the Hugging Face cache {constants.HF_HUB_CACHE} "
        "(HF_HOME moves it)"
    )


def _cached(repo: str) -> Path | None:
    """File with the tensors of a hub repository, None unless it can be loaded."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        config = try_to_load_from_cache(repo, "config.json")
    except HFValidationError:  # the path of a file that is not there
        return None
    if not isinstance(config, str):
        return None
    for name in TENSOR_FILES:
        path = try_to_load_from_cache(repo, name)
        if isinstance(path, str):
            return Path(path)
    return None

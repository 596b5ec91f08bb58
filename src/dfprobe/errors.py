"""The errors that dfprobe raises on purpose, and what each one is for.

DfprobeError            a sentence for the user; the command line prints it and exits 1
├── ConfigError         a value in the configuration
├── DataError           a file of a corpus, or a product of an earlier stage
├── StorageError        a product that cannot be written
├── EncoderError        an encoder that cannot be built (weights, sizes, options)
└── ClipError           one clip cannot go on; the stage records it and goes on itself
"""

import difflib
from collections.abc import Iterable

from dfprobe.status import Status


class DfprobeError(Exception):
    """Base of all errors whose message is written for the user."""


class ConfigError(DfprobeError):
    """The configuration asks for something that cannot be."""


class DataError(DfprobeError):
    """A corpus or an intermediate file is not what it must be."""


class StorageError(DfprobeError):
    """A product cannot be written."""


class EncoderError(DfprobeError):
    """An encoder cannot be built from what the configuration names."""


class ClipError(DfprobeError):
    """One clip cannot be processed; the run goes on without it.

    Parameters
    ----------
    status : Status
        The named reason, never ``Status.OK``.
    detail : str
        A sentence that says what was expected and what it got.
    """

    def __init__(self, status: Status, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


def unknown_name(what: str, name: str, known: Iterable[str]) -> str:
    """Sentence about a name that is not known: the near match and all that are."""
    known = sorted(known)
    return f"{what} {name!r}{near_match(name, known)} Known: {', '.join(known)}."


def near_match(name: str, known: Iterable[str]) -> str:
    """``. Did you mean 'x'?`` when a known name is close, else ``.``."""
    close = difflib.get_close_matches(name, list(known), n=1)
    return f". Did you mean {close[0]!r}?" if close else "."

"""The kinds of heads: one module each, found by name."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.files.head_file import kind_of
from dfprobe.heads.files.tensor_file import Facts, Tensors
from dfprobe.settings.head_kinds import every_kind


class Head(Protocol):
    """A trained head.

    Attributes
    ----------
    metadata : dict
        What its file says of it.
    """

    metadata: Facts

    @property
    def dims(self) -> tuple[int, ...]:
        """Length of the rows of each stream that it reads."""

    def curve(self, *rows: np.ndarray) -> np.ndarray:
        """Value of every row, (T,) float64, larger = more fake.

        ``rows`` are as stored, (T, dim) per stream.
        """

    def score(self, *rows: np.ndarray) -> float:
        """Score of a clip, larger = more fake; NaN for a bad row."""

    def save(self, path: Path) -> None:
        """Write the head file."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a head file."""

    @classmethod
    def from_tensors(cls, tensors: Tensors, metadata: Facts) -> Self:
        """Make a head of what training gives."""


class Kind(Protocol):
    """Module of a kind of head; those that PyTorch trains are `torch_head.TorchKind`.

    Attributes
    ----------
    HEAD : type
        Class of its trained heads.
    TRAINER : str
        Module of `dfprobe.heads.fit` that trains it: ``torch`` or one of its own.
    STREAMS : tuple of int
        How many encoders' rows it can read.
    REAL_ONLY : bool
        Whether it is trained on real clips alone.
    MIN_ROWS : int
        Fewest rows of a clip that can be used.
    """

    HEAD: type[Head]
    TRAINER: ClassVar[str]
    STREAMS: ClassVar[tuple[int, ...]]
    REAL_ONLY: ClassVar[bool]
    MIN_ROWS: ClassVar[int]


def kind_module(kind: str) -> Kind:
    """Return the module of a kind."""
    module: Any = import_module(f"dfprobe.heads.kinds.{kind}")
    return module


def check_streams(kind: str, encoders: Sequence[str]) -> None:
    """Refuse to train a head on the rows of too few or too many encoders.

    Raises
    ------
    ConfigError
        If the kind does not read the rows of so many.
    """
    allowed = kind_module(kind).STREAMS
    if len(encoders) not in allowed:
        raise ConfigError(
            f"A head of kind {kind} reads the features of "
            f"{' or '.join(map(str, allowed))} encoders, but it got those of "
            f"{len(encoders)}: {', '.join(encoders)}. Train it on as many as it reads."
        )


def load_head(path: Path) -> Head:
    """Read a head file of any kind.

    Raises
    ------
    DataError
        If the file is not a head, or one of a kind that is not known.
    """
    kind = kind_of(path)
    if kind not in every_kind():
        raise DataError(
            f"{path} holds a head of kind '{kind}'; known are "
            f"{', '.join(every_kind())}."
        )
    return kind_module(kind).HEAD.load(path)

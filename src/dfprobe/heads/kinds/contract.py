"""The kinds of heads: one module each, found by name."""

from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import numpy as np

from dfprobe.errors import DataError
from dfprobe.heads.data.splits import Candidate, Split
from dfprobe.heads.files.head_file import kind_of
from dfprobe.heads.fit.loop import Learner
from dfprobe.settings.stage_specs.heads import HeadSpec

_CLASSES = {
    "linear": "LinearProbe",
    "transformer": "TransformerHead",
    "layer_mix": "LayerMixHead",
    "next_token": "NextTokenHead",
    "sync": "SyncHead",
}


class Head(Protocol):
    """A trained head.

    Attributes
    ----------
    metadata : dict
        What its file says of it.
    """

    metadata: dict[str, Any]

    @property
    def dims(self) -> tuple[int, ...]:
        """Length of the rows of each stream that it reads."""

    def curve(self, *rows: np.ndarray) -> np.ndarray:
        """Value of every row, (T,) float64, larger = more fake.

        ``rows`` are as stored, (T, dim) a stream.
        """

    def score(self, *rows: np.ndarray) -> float:
        """Score of a clip, larger = more fake; NaN for a bad row."""

    def save(self, path: Path) -> None:
        """Write the head file."""

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a head file."""

    @classmethod
    def from_tensors(
        cls, tensors: dict[str, np.ndarray], metadata: dict[str, Any]
    ) -> Self:
        """Make a head of what training gives."""


class Kind(Protocol):
    """Module of a kind of head.

    Attributes
    ----------
    STREAMS : tuple of int
        How many encoders' rows it can read.
    REAL_ONLY : bool
        Whether it is trained on real clips alone.
    ONE_PASS : bool
        Whether one learner trains all candidates; else it takes one.
    MIN_ROWS : int
        Fewest rows of a clip that can be used.
    """

    STREAMS: ClassVar[tuple[int, ...]]
    REAL_ONLY: ClassVar[bool]
    ONE_PASS: ClassVar[bool]
    MIN_ROWS: ClassVar[int]

    def learner(
        self,
        train: Split,
        val: Split,
        spec: HeadSpec,
        candidates: list[Candidate],
        device: str,
    ) -> Learner:
        """Make what `dfprobe.heads.fit.loop.fit` trains."""


def kind_module(kind: str) -> Kind:
    """Return the module of a kind."""
    module: Any = import_module(f"dfprobe.heads.kinds.{kind}")
    return module


def head_class(kind: str) -> type[Head]:
    """Return the class of the heads of a kind."""
    found: type[Head] = getattr(kind_module(kind), _CLASSES[kind])
    return found


def load_head(path: Path) -> Head:
    """Read a head file of any kind.

    Raises
    ------
    DataError
        If the file is no head, or one of a kind that is not known.
    """
    kind = kind_of(path)
    if kind not in _CLASSES:
        raise DataError(
            f"{path} holds a head of kind '{kind}'; known are "
            f"{', '.join(sorted(_CLASSES))}."
        )
    return head_class(kind).load(path)

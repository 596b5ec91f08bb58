"""How a clip is cut into what goes through a model in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # encoders without a model do without it
    import torch


@dataclass(frozen=True)
class Limits:
    """How much goes through a model in one pass."""

    # Rows of one pass, at least 1; a clip that is not cut may have more
    batch_rows: int
    # Longest stretch, in seconds, that an encoder of whole clips sees at once; None for
    # no limit
    window_s: float | None
    # What two neighbouring windows share, in seconds, less than ``window_s``
    overlap_s: float


WHOLE = Limits(batch_rows=32, window_s=None, overlap_s=0.0)


@dataclass(frozen=True)
class Part:
    """A part of a clip that is ready for the model."""

    # Inputs of the model by name, each with a batch axis of equal length in front
    tensors: Mapping[str, torch.Tensor]
    rows: int  # rows that the model gives for it, over the whole batch
    # Which of these rows belong to the clip; neighbouring windows overlap
    keep: slice = field(default_factory=lambda: slice(None))  # all
    note: str = ""  # what the index is to say of the clip, a sentence or nothing

    @property
    def shapes(self) -> dict[str, torch.Size]:
        """Shapes without the batch axis; parts of equal shapes can share a pass."""
        return {name: tensor.shape[1:] for name, tensor in self.tensors.items()}


@dataclass(frozen=True)
class TimeAxis:
    """How the rows are spread along the time axis of a tensor.

    Row ``i`` is made from the entries ``i * step`` to ``i * step + span``.
    """

    axis: int  # axis of time; the batch axis is 0
    step: int = 1  # entries from one row to the next
    span: int = 1  # entries that a whole row sees
    least: int = 1  # fewest entries that give a row at all, at the end of a clip

    def rows(self, tensor: torch.Tensor) -> int:
        """Rows that the model makes of a tensor."""
        return (tensor.shape[self.axis] - self.least) // self.step + 1

    def cut(self, tensor: torch.Tensor, start: int, stop: int) -> torch.Tensor:
        """Entries of the rows ``start`` to ``stop``; the last row has what is left."""
        first = start * self.step
        last = (stop - 1) * self.step + self.span
        if stop >= self.rows(tensor):
            last = tensor.shape[self.axis]  # the last row takes what is left
        return tensor.narrow(self.axis, first, last - first)


@dataclass(frozen=True)
class Window:
    """Rows that go through the model together, and those that are kept of them."""

    start: int
    stop: int
    keep_from: int
    keep_to: int

    @property
    def keep(self) -> slice:
        """Kept rows, counted from the start of the window."""
        return slice(self.keep_from - self.start, self.keep_to - self.start)


def windows(rows: int, length: int | None, overlap: int) -> list[Window]:
    """Windows over the rows of a clip; all of the same length unless there is only one.

    The last one ends with the clip. Two neighbours part in the middle of what they
    share, so that each kept row has seen half of the overlap on either side.

    Parameters
    ----------
    rows : int
        Rows of the clip.
    length : int or None
        Rows of a window; None for one window over all.
    overlap : int
        Rows that two neighbours share at least, fewer than ``length``.
    """
    if length is None or rows <= length:
        return [Window(0, rows, 0, rows)]
    starts = [*range(0, rows - length, length - overlap), rows - length]
    borders = [(first + length + second) // 2 for first, second in pairwise(starts)]
    spans = zip(starts, [0, *borders], [*borders, rows], strict=True)
    return [Window(start, start + length, *kept) for start, *kept in spans]


def cut_into_windows(
    tensors: Mapping[str, torch.Tensor],
    axes: Mapping[str, TimeAxis],
    length: int | None,
    overlap: int,
) -> Iterator[Part]:
    """Cut the tensors of one clip into parts of at most ``length`` rows.

    Parameters
    ----------
    tensors : mapping of str to torch.Tensor
        Inputs for one clip; all give the same number of rows.
    axes : mapping of str to TimeAxis
        Time axis of each.
    length, overlap
        As in `windows`.
    """
    rows = min(axes[name].rows(tensor) for name, tensor in tensors.items())
    spans = windows(rows, length, overlap)
    note = f"encoded in {len(spans)} windows of {length} rows" if spans[1:] else ""
    for window in spans:
        yield Part(
            {
                name: axes[name].cut(tensor, window.start, window.stop)
                for name, tensor in tensors.items()
            },
            window.stop - window.start,
            window.keep,
            note,
        )

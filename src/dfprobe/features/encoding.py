"""Clips in, rows out: reading and preparing run ahead of the model, on threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.windows import Part
from dfprobe.errors import ClipError
from dfprobe.features.prefetch import prefetched
from dfprobe.features.rows import Encoded

if TYPE_CHECKING:  # torch; encoders without a model do without it
    from dfprobe.features.passes import Launched, Passes

_AHEAD = 4  # parts of a clip that may wait for the model

Row = Mapping[str, Any]


@dataclass
class _Clip:
    """A clip whose parts are on their way."""

    row: Row
    done: list[np.ndarray] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: ClipError | None = None
    start_s: float = 0.0

    def add(self, features: np.ndarray, note: str) -> None:
        self.done.append(features)
        if note and note not in self.notes:
            self.notes.append(note)

    def result(self, dim: int) -> Encoded:
        features = np.concatenate(self.done or [np.empty((0, dim), np.float32)])
        notes = "; ".join(self.notes)
        return Encoded(self.row, features, notes, self.error, self.start_s)


@dataclass(frozen=True)
class _Item:
    """What a thread has made of a clip: a part, all rows, an error, or its end."""

    clip: _Clip
    content: Part | np.ndarray | ClipError | None


def encoded(
    encoder: Encoder,
    passes: Passes | None,
    rows: Sequence[Row],
    read: Callable[[Row], ClipInputs],
    threads: int,
) -> Iterator[Encoded]:
    """Encode clips in their order.

    Parameters
    ----------
    encoder : Encoder
    passes : Passes or None
        How its model runs; None for an encoder without one.
    rows : sequence of mapping
        The clips.
    read : callable
        Gives the inputs of a clip, or raises `ClipError`.
    threads : int
        Clips that are read and prepared concurrently.

    Yields
    ------
    Encoded
        One for each clip, in order.
    """
    sources = (partial(_items, encoder, passes, row, read) for row in rows)
    items = prefetched(sources, threads, _AHEAD)
    shared_rows = 0 if passes is None else passes.shared_rows
    before: tuple[list[_Item], Launched | None] | None = None
    for batch in batches(items, shared_rows):
        # The next pass is launched before the results of the last one are waited for.
        launched = _launched(passes, batch)
        if before is not None:
            yield from _finished(encoder.dim, passes, *before)
        before = batch, launched
    if before is not None:
        yield from _finished(encoder.dim, passes, *before)


def batches(items: Iterator[_Item], shared_rows: int) -> Iterator[list[_Item]]:
    """Neighbouring parts of equal shapes together, up to ``shared_rows`` rows.

    Failed clips are handed on in their place among the parts.
    """
    batch: list[_Item] = []
    first: Part | None = None
    rows = 0
    for item in items:
        part = item.content
        if isinstance(part, Part):
            if first is not None and not (
                rows + part.rows <= shared_rows and part.shapes == first.shapes
            ):
                yield batch
                batch, first, rows = [], None, 0
            first, rows = first or part, rows + part.rows
        batch.append(item)
        if first is None:
            yield batch
            batch = []
    if batch:
        yield batch


def _items(
    encoder: Encoder,
    passes: Passes | None,
    row: Row,
    read: Callable[[Row], ClipInputs],
) -> Iterator[_Item]:
    """All that one clip gives, its end last; runs on a thread."""
    clip = _Clip(row)
    try:
        inputs = read(row)
        clip.start_s = inputs.start_s
        if passes is not None:
            for part in passes.encoder.parts(inputs, passes.limits):
                yield _Item(clip, passes.ready(part))
        else:
            yield _Item(clip, encoder.encode(inputs))
    except ClipError as error:
        yield _Item(clip, error)
    yield _Item(clip, None)


def _launched(passes: Passes | None, batch: list[_Item]) -> Launched | None:
    parts = [item.content for item in batch if isinstance(item.content, Part)]
    return passes.launch(parts) if passes is not None and parts else None


def _finished(
    dim: int, passes: Passes | None, batch: list[_Item], launched: Launched | None
) -> Iterator[Encoded]:
    """Hand the rows of a pass to their clips; give out the clips that are complete."""
    results: Iterator[tuple[np.ndarray, str]] = iter(())
    if passes is not None and launched is not None:
        results = iter(passes.finish(launched))
    for item in batch:
        match item.content:
            case Part():
                item.clip.add(*next(results))
            case np.ndarray() as features:
                item.clip.add(features, "")
            case ClipError() as error:
                item.clip.error = error
            case None:
                yield item.clip.result(dim)

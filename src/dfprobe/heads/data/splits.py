"""What a head is trained on: the usable clips of a split, one after the other."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from dfprobe.errors import DataError
from dfprobe.heads.data.alignment import align
from dfprobe.heads.data.clips import LabelledClips, StoreSet
from dfprobe.heads.data.feed import ClipFeed


class Candidate(NamedTuple):
    """What tells apart the heads that are trained with the same settings."""

    seed: int
    learning_rate: float  # at the start
    # Which one of the layers that a row holds side by side it reads; None reads the
    # whole row
    layer: int | None = None


class Item(NamedTuple):
    """One clip."""

    clip_id: str
    label: int  # 0 real, 1 fake
    # (rows, dim), float16 or float32: as stored, not normalised; one array per stream,
    # of equal rate and length. Valid until the next clip is asked for.
    rows: tuple[np.ndarray, ...]


class Stream(NamedTuple):
    """The rows of one encoder on a corpus: what is known of them, and the rows."""

    stores: StoreSet
    feed: ClipFeed


class Split:
    """The usable clips of a split, with the rows of one or two encoders.

    Parameters
    ----------
    clips : LabelledClips
        Which clips.
    streams : sequence of Stream
        One per encoder, each with rows of all clips.

    Attributes
    ----------
    name : str
        ``train`` or ``val``.
    clip_ids : list of str
    labels : np.ndarray of shape (clips,), int64
        0 real, 1 fake.
    dims : tuple of int
        Length of the rows of each stream.
    """

    def __init__(self, clips: LabelledClips, streams: Sequence[Stream]) -> None:
        self.name = clips.split
        self.clip_ids = clips.clip_ids
        self.labels = clips.labels
        self.dims = tuple(stream.stores.dim for stream in streams)
        self._streams = streams

    def __len__(self) -> int:
        return len(self.clip_ids)

    def visit(self, order: np.ndarray) -> Iterator[Item]:
        """Yield the clips at some positions, in that order."""
        names = [self.clip_ids[position] for position in order]
        feeds = [stream.feed.visit(names) for stream in self._streams]
        for position, name, *rows in zip(order, names, *feeds, strict=True):
            clocks = [stream.stores.clock(name) for stream in self._streams]
            yield Item(name, int(self.labels[position]), align(rows, clocks).rows)

    def bad_clip(self, clip_id: str, why: str) -> DataError:
        """Make the error to raise for a clip that no head can learn from."""
        stores = ", ".join(str(s.stores.reader_of(clip_id).path) for s in self._streams)
        return DataError(
            f"Clip {clip_id}: {why}. {stores} marks it ok, yet it holds a row that is "
            "all zero or not finite (or the learning rate is far too high). Delete "
            "that file and run the workflow again."
        )


def epoch_order(count: int, seed: int, epoch: int | None) -> np.ndarray:
    """Order in which an epoch visits its clips, (count,); 1 is the first epoch.

    That of validation, where ``epoch`` is None, is the order of the list.
    """
    if epoch is None:
        return np.arange(count)
    return np.random.default_rng([seed, epoch]).permutation(count)


def class_weights(labels: np.ndarray, kind: str) -> tuple[float, float]:
    """Weights of the loss of a real and of a fake clip; ``kind`` as in the config."""
    if kind == "none":
        return 1.0, 1.0
    real, fake = np.bincount(labels, minlength=2)
    return len(labels) / (2.0 * real), len(labels) / (2.0 * fake)

"""What every corpus layout shares: the clip record, CSV reading, stable hashes.

A layout module is a file in this folder with

* ``OPTIONS``, a literal dict: JSON-schema properties of the layout's own options;
* ``scan(root, options) -> list[Clip]``: every clip that the corpus describes. Besides
  the layout's own, ``options`` holds those of `dfprobe.settings.corpus_layouts.COMMON`;
* if lists are published for the layout, ``listed(split, file, label) -> list[Clip]``:
  the clips that a row of such a list may mean, the likeliest first.
"""

import importlib
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from dfprobe.settings.corpus_layouts import module
from dfprobe.store.csv_files import bad_value

SPLITS = ("train", "val", "test")
LABELS = {"0": 0, "0.0": 0, "1": 1, "1.0": 1, "": None}

Segments = tuple[tuple[float, float], ...]
Clicks = tuple[tuple[int, float, float], ...]


class Clip(NamedTuple):
    """One video file as the corpus describes it.

    Parameters
    ----------
    file : str
        Path relative to the corpus root, with suffix, parts joined by ``/``.
    split : str
        ``train``, ``val`` or ``test``.
    label : int or None
        0 real, 1 fake, None unknown.
    manipulation : str
        Name of the forgery method; ``"real"`` for reals, ``"unknown"`` if not told.
    audio_fake, video_fake : bool or None
        Whether the stream is manipulated; None if unknown.
    audio_fake_segments, video_fake_segments : tuple of (start_s, end_s)
        Manipulated spans in seconds; empty when none or the whole clip.
    clicks : tuple of (frame, x, y)
        Where people saw the fake: number of the frame as the corpus counts, at the
        file's own frame rate; x, y in [0, 1] of the frame's width and height, from the
        top left.
    speaker : str or None
        Identity of the person shown (the target of a face swap).
    source : str or None
        Recording that the clip was cut from or made of.
    """

    file: str
    split: str
    label: int | None
    manipulation: str
    audio_fake: bool | None
    video_fake: bool | None
    audio_fake_segments: Segments = ()
    video_fake_segments: Segments = ()
    clicks: Clicks = ()
    speaker: str | None = None
    source: str | None = None


def plain_clip(file: str, split: str, label: int | None) -> Clip:
    """Clip of which nothing but its split and label is known.

    Parameters
    ----------
    file : str
        Path relative to the corpus root.
    split : str
        ``train``, ``val`` or ``test``.
    label : int or None
        0 real, 1 fake, None unknown. The streams of a real are both real; those of
        any other clip are unknown.
    """
    streams = False if label == 0 else None
    return Clip(
        file, split, label, "real" if label == 0 else "unknown", streams, streams
    )


def parse_label(path: Path, line: int, column: str, text: str) -> int | None:
    """Label of a cell: 0 for ``0``/``0.0``, 1 for ``1``/``1.0``, None for empty.

    Raises
    ------
    DataError
        For any other text, naming the file, line and column.
    """
    try:
        return LABELS[text.strip()]
    except KeyError:
        expected = "0, 0.0, 1, 1.0 or nothing"
        raise bad_value(path, line, column, expected, text) from None


def load_layout(name: str) -> ModuleType:
    """Import the module of a layout that exists."""
    return importlib.import_module(module(name))

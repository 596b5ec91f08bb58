"""What every corpus layout shares: the clip record, labels, forms of published lists.

A layout is a module of `dfprobe.corpora.layouts`, or one that an entry point of the
group ``dfprobe.layouts`` names. It declares, in literals that are read without an
import,

* ``OPTIONS``, a dict: JSON-schema properties of the layout's own options;
* ``TELLS``, a tuple: which fields of `Clip` it may fill beyond file, split, label and
  method: ``segments`` (of fakes in time), ``clicks``, ``speaker``, ``source``. Test
  corpora with segments get localisation;
* ``KEYS_IN_PATH``, a dict, where paths tell more: ``sibling`` (of one original) or
  ``named_identity`` -> regular expression that finds such keys in a clip id;

and has

* ``RECIPE``, an integer, see `dfprobe.recipes`;
* ``scan(root, options) -> list[Clip]``: every clip that the corpus describes. Besides
  the layout's own, ``options`` holds those of `dfprobe.settings.corpus_layouts.COMMON`;
* if lists are published for the layout, ``listed(split, file, label) -> list[Clip]``:
  the clips that a row of such a list may mean, the likeliest first; and
  ``LIST_FORMS``, a tuple of `ListForm`, if there are other lists than ``path,label``.
"""

import importlib
from collections.abc import Mapping
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
    """One video file as the corpus describes it; None stands for what is not known."""

    file: str  # path relative to the corpus root, with suffix, parts joined by "/"
    split: str  # "train", "val" or "test"
    label: int | None  # 0 real, 1 fake
    manipulation: str  # the forgery method; "real" for reals, "unknown" if not told
    audio_fake: bool | None  # whether the stream is manipulated
    video_fake: bool | None
    # Manipulated spans, start and end in seconds; empty when none or the whole clip.
    audio_fake_segments: Segments = ()
    video_fake_segments: Segments = ()
    # Where people saw the fake: number of the frame as the corpus counts, at the file's
    # own frame rate; x, y in [0, 1] of the frame's width and height, from the top left.
    clicks: Clicks = ()
    speaker: str | None = None  # person shown (the target of a face swap)
    source: str | None = None  # recording that the clip was cut from or made of


def plain_clip(file: str, split: str, label: int | None) -> Clip:
    """Clip of which nothing but its split and label is known.

    The streams of a real are both real; those of any other clip are unknown.
    """
    streams = False if label == 0 else None
    return Clip(
        file, split, label, "real" if label == 0 else "unknown", streams, streams
    )


class ListForm(NamedTuple):
    """Form of a published list of clips."""

    path: str  # column of the path
    label: str  # column of the label
    labels: Mapping[str, int | None] = LABELS  # what the cells of that column mean
    archive: str = ""  # what may precede the paths


def parse_label(
    path: Path,
    line: int,
    column: str,
    text: str,
    labels: Mapping[str, int | None] = LABELS,
) -> int | None:
    """Label of a cell: 0 for ``0``/``0.0``, 1 for ``1``/``1.0``, None for empty.

    Raises
    ------
    DataError
        For any text that is not in ``labels``, naming the file, line and column.
    """
    try:
        return labels[text.strip()]
    except KeyError:
        *others, last = (name or "nothing" for name in labels)
        expected = f"{', '.join(others)} or {last}"
        raise bad_value(path, line, column, expected, text) from None


def load_layout(name: str) -> ModuleType:
    """Import the module of a layout that exists."""
    return importlib.import_module(module(name))

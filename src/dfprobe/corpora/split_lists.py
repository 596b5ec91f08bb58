"""Published split lists: which clips of a corpus are used, and in which split.

The form is that of the paper's release (bit-ml/ssr-dfd,
``linear_probing/csv_metadata``): ``{train,val,test}_labels.csv`` with the columns
``path,label``. What a path means inside the corpus is told by the layout's ``listed``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from dfprobe.corpora.base import (
    LINE,
    SPLITS,
    Clip,
    bad_value,
    few,
    parse_label,
    read_csv,
)
from dfprobe.errors import DataError

Listed = Callable[[str, str, int | None], list[Clip]]


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of a published list.

    Parameters
    ----------
    split : str
        ``train``, ``val`` or ``test``: the list it stands in.
    file : str
        Path as written in the list.
    label : int or None
        0 real, 1 fake, None when the cell is empty.
    place : str
        List file and line, for messages.
    """

    split: str
    file: str
    label: int | None
    place: str


def read_split_lists(folder: Path) -> list[ListRow]:
    """Read the lists of a folder; a corpus that is only tested on has one of them.

    Parameters
    ----------
    folder : Path
        Holds ``train_labels.csv``, ``val_labels.csv``, ``test_labels.csv``, at least
        one. Other columns than ``path`` and ``label`` are not read.

    Raises
    ------
    DataError
        If there is no list, or a row is malformed.
    """
    rows = []
    lists = {split: folder / f"{split}_labels.csv" for split in SPLITS}
    for split, path in lists.items():
        if path.exists():
            rows.extend(_read_list(path, split))
    if not rows:
        raise DataError(
            f"{folder}: expected published lists with rows in "
            f"{', '.join(path.name for path in lists.values())} (at least one), came "
            "none. Put them there, or set 'splits: null' for the layout's own split."
        )
    return rows


def _read_list(path: Path, split: str) -> list[ListRow]:
    table = read_csv(path, ["path", "label"]).select(LINE, "path", "label")
    rows = []
    for line, file, label in table.iter_rows():
        if not file:
            raise bad_value(path, line, "path", "a path", file)
        value = parse_label(path, line, "label", label)
        rows.append(ListRow(split, file, value, f"{path}, line {line}"))
    return rows


def apply_split_lists(
    clips: Iterable[Clip], rows: Iterable[ListRow], listed: Listed
) -> list[Clip]:
    """Keep the listed clips, in the lists' splits.

    A listed clip that the layout did not find is kept with what its path tells. Labels
    must agree: where list and corpus contradict each other there is no telling which is
    the truth, and every number of the run would depend on the guess.

    Parameters
    ----------
    clips : iterable of Clip
        All clips that the layout found.
    rows : iterable of ListRow
        The published lists.
    listed : callable
        The layout's function from a row (split, path, label) to the clips that it may
        mean, the likeliest first.

    Raises
    ------
    DataError
        If a clip is listed twice, or labels disagree.
    """
    by_file = {clip.file: clip for clip in clips}
    places: dict[str, str] = {}
    kept, disagree = [], []
    for row in rows:
        candidates = listed(row.split, row.file, row.label)
        known = [by_file[item.file] for item in candidates if item.file in by_file]
        clip = (known or candidates)[0]
        if clip.file in places:
            raise DataError(
                f"{row.place}: expected each clip once over all lists, came "
                f"{row.file!r} which also stands in {places[clip.file]}. Remove one "
                "of the two."
            )
        places[clip.file] = row.place
        if row.label is not None and clip.label not in (None, row.label):
            disagree.append(f"{row.file} ({row.place}: {row.label}, not {clip.label})")
        kept.append(_merge(clip, row))
    if disagree:
        raise DataError(
            f"Labels of the published lists and of the corpus disagree: {few(disagree)}"
            ". Are the lists made for this corpus and version? Correct what is wrong."
        )
    return kept


def _merge(clip: Clip, row: ListRow) -> Clip:
    """Clip with the list's split, and its label where the corpus gives none."""
    if clip.label is not None or row.label is None:
        return replace(clip, split=row.split)
    real = row.label == 0
    return replace(
        clip,
        split=row.split,
        label=row.label,
        manipulation="real" if real else clip.manipulation,
        audio_fake=False if real else clip.audio_fake,
        video_fake=False if real else clip.video_fake,
    )

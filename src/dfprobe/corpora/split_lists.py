"""Published split lists: which clips of a corpus are used, and in which split.

The forms are those of two releases: ``{train,val,test}_labels.csv`` with the columns
``path,label`` (bit-ml/ssr-dfd, ``linear_probing/csv_metadata``; bit-ml/AVH-Align,
``avh_sup``); ``{split}_metadata.csv``, the same with a further column ``num_frames``;
and those that a layout names in its ``LIST_FORMS``. The header tells the columns. What
a path means inside the corpus is told by the layout's ``listed``.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from dfprobe.corpora.clip import SPLITS, Clip, ListForm, parse_label
from dfprobe.errors import DataError
from dfprobe.store.csv_files import LINE, bad_value, few, read_csv

NAMES = ("labels", "metadata", "split")  # {split}_{name}.csv
USUAL = ListForm("path", "label")

Listed = Callable[[str, str, int | None], list[Clip]]


@dataclass(frozen=True, slots=True)
class ListRow:
    """One row of a published list."""

    split: str  # the list that it is in: "train", "val" or "test"
    file: str  # path as written in the list
    label: int | None  # 0 real, 1 fake, None when the cell is empty
    place: str  # list file and line, for messages


def read_split_lists(folder: Path, layout: ModuleType) -> list[ListRow]:
    """Read the lists of a folder; a corpus that is only tested on has one of them.

    The folder holds ``{split}_{labels,metadata,split}.csv``, one file per split and at
    least one in all, in the form `USUAL` or one of the layout's
    ``LIST_FORMS``. Columns that tell neither path nor label are not read.

    Raises
    ------
    DataError
        If there is no list, a split has two, or a row is malformed.
    """
    forms = (USUAL, *getattr(layout, "LIST_FORMS", ()))
    rows: list[ListRow] = []
    for split in SPLITS:
        paths = [folder / f"{split}_{name}.csv" for name in NAMES]
        found = [path for path in paths if path.exists()]
        if len(found) > 1:
            raise DataError(
                f"{folder}: expected one list per split, got "
                f"{' and '.join(path.name for path in found)}. Remove one of the two."
            )
        for path in found:
            rows.extend(_read_list(path, split, forms))
    if not rows:
        raise DataError(
            f"{folder}: expected published lists with rows, such as train_labels.csv, "
            f"val_labels.csv or test_labels.csv (or with {' or '.join(NAMES[1:])} in "
            "the place of labels), got none. Put them there, or set 'splits: null' "
            "for the layout's own split."
        )
    return rows


def _read_list(path: Path, split: str, forms: Sequence[ListForm]) -> Iterator[ListRow]:
    table = read_csv(path, [])
    found = [form for form in forms if {form.path, form.label} <= set(table.columns)]
    if not found:
        raise DataError(
            f"{path}, line 1: expected a header with "
            f"{' or with '.join(f'{form.path},{form.label}' for form in forms)}; got "
            f"{','.join(table.columns[1:])}."
        )
    form = found[0]
    cells = table.select(LINE, form.path, form.label)
    for line, file, text in cells.iter_rows():
        if not file:
            raise bad_value(path, line, form.path, "a path", file)
        label = parse_label(path, line, form.label, text, form.labels)
        place = f"{path}, line {line}"
        yield ListRow(split, file.removeprefix(form.archive), label, place)


def apply_split_lists(
    clips: Iterable[Clip], rows: Iterable[ListRow], listed: Listed
) -> list[Clip]:
    """Keep the listed clips, in the lists' splits.

    A listed clip that the layout did not find is kept with what its path tells. Labels
    must agree: where list and corpus contradict each other there is no telling which is
    the truth, and every number of the run would depend on the guess.

    ``clips`` are all that the layout found; ``listed`` is the layout's function from a
    row (split, path, label) to the clips that it may mean, the likeliest first.

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
                f"{row.place}: expected each clip once over all lists, but "
                f"{row.file!r} is also in {places[clip.file]}. Remove one of the two."
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
        return clip._replace(split=row.split)
    real = row.label == 0
    return clip._replace(
        split=row.split,
        label=row.label,
        manipulation="real" if real else clip.manipulation,
        audio_fake=False if real else clip.audio_fake,
        video_fake=False if real else clip.video_fake,
    )

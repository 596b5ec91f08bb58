"""Videos described by CSV files of ``path,label``: any corpus of one's own.

Paths are relative to the corpus root. Optional columns: ``split``, ``speaker``,
``source``, ``manipulation``.
"""

from pathlib import Path
from typing import Any

from dfprobe.corpora.clip import SPLITS, Clip, parse_label
from dfprobe.store.csv_files import LINE, bad_value, read_csv

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("speaker", "source")
OPTIONS: dict[str, Any] = {
    "files": {
        "type": "array",
        "items": {"type": "string"},
        "minItems": 1,
        "default": ["labels.csv"],
        "description": "CSV files, relative to the corpus root.",
    },
    "split": {
        "type": "string",
        "enum": ["train", "val", "test"],
        "default": "test",
        "description": "Split of every clip in a file without the column 'split'.",
    },
}


def scan(root: Path, options: dict[str, Any]) -> list[Clip]:
    """Read the CSV files in the order given.

    Parameters
    ----------
    root : Path
        Corpus root.
    options : dict
        ``files`` and ``split``, see ``OPTIONS``.

    Returns
    -------
    list of Clip
        Streams are known to be real for label 0, else unknown. An empty label is an
        unknown one, empty optional cells likewise.

    Raises
    ------
    DataError
        If a file is absent or malformed.
    """
    clips = []
    for name in options["files"]:
        path = root / name
        table = read_csv(path, ["path", "label"])
        for row in table.iter_rows(named=True):
            clips.append(_clip(path, row, options["split"]))
    return clips


def _clip(path: Path, row: dict[str, Any], default_split: str) -> Clip:
    line = row[LINE]
    if not row["path"]:
        raise bad_value(path, line, "path", "a path", "")
    label = parse_label(path, line, "label", row["label"])
    split = row.get("split", default_split)
    if split not in SPLITS:
        raise bad_value(path, line, "split", " or ".join(SPLITS), split)
    streams = False if label == 0 else None
    return Clip(
        file=row["path"],
        split=split,
        label=label,
        manipulation=_manipulation(path, row, label),
        audio_fake=streams,
        video_fake=streams,
        speaker=row.get("speaker") or None,
        source=row.get("source") or None,
    )


def _manipulation(path: Path, row: dict[str, Any], label: int | None) -> str:
    given = row.get("manipulation")
    if not given:
        return "real" if label == 0 else "unknown"
    if (given == "real") != (label == 0):
        expected = "'real' for label 0 and a method's name for any other label"
        raise bad_value(path, row[LINE], "manipulation", expected, given)
    return str(given)

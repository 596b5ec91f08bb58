"""Videos described by CSV files of ``path,label``: any corpus of one's own.

Paths are relative to the corpus root. Optional columns: ``split``, ``speaker``,
``source``, ``manipulation``.
"""

from pathlib import Path

from dfprobe.corpora.clip import SPLITS, Clip, parse_label, plain_clip
from dfprobe.settings.model import Options
from dfprobe.store.csv_files import CsvRow, csv_rows

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("speaker", "source")
OPTIONS = {
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


def scan(root: Path, options: Options) -> list[Clip]:
    """Read the CSV files in the order given.

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
    return [
        _clip(row, options["split"])
        for name in options["files"]
        for row in csv_rows(root / name, ["path", "label"])
    ]


def _clip(row: CsvRow, default_split: str) -> Clip:
    if not row["path"]:
        raise row.error("path", "a path")
    label = parse_label(row.path, row.line, "label", row["label"])
    in_row = "split" in row.cells
    split = row.one_of("split", SPLITS) if in_row else default_split
    clip = plain_clip(row["path"], split, label)
    return clip._replace(
        manipulation=_manipulation(row, label) or clip.manipulation,
        speaker=row.cells.get("speaker") or None,
        source=row.cells.get("source") or None,
    )


def _manipulation(row: CsvRow, label: int | None) -> str | None:
    given = row.cells.get("manipulation")
    if given and (given == "real") != (label == 0):
        expected = "'real' for label 0 and a method's name for any other label"
        raise row.error("manipulation", expected)
    return given

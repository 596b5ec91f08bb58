"""Deepfake-Eval-2024 (TrueMedia), video part: long clips from social media.

Layout and counts: the data set's published ``video-metadata-publish.csv``. The paper
evaluates single-person tracks cut from these videos by a tracker that is not
released; tracks of one's own are described with the ``path_list`` layout.
"""

import logging
import posixpath
from collections import Counter
from pathlib import Path

from dfprobe.corpora.clip import Clip
from dfprobe.errors import DataError
from dfprobe.settings.model import Options
from dfprobe.store.csv_files import CsvRow, csv_rows

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("source",)
OPTIONS = {
    "label_from": {
        "type": "string",
        "enum": ["video", "audio"],
        "default": "video",
        "description": "Ground truth column that gives the label.",
    },
    "unknown": {
        "type": "string",
        "enum": ["drop", "keep"],
        "default": "drop",
        "description": "What to do with clips whose ground truth is Unknown: leave "
        "them out, or keep them with an unknown label.",
    },
}

TABLES = ("video-metadata-publish.csv", "video-metadata-publish-with-links.csv")
TRUTH_COLUMN = {"video": "Video Ground Truth", "audio": "Audio Ground Truth"}
TRUTH = {"Real": False, "Fake": True, "Unknown": None}
FINETUNING_SETS = ("train", "test")

log = logging.getLogger("dfprobe")


def scan(root: Path, options: Options) -> list[Clip]:
    """Read the metadata table and log the label counts.

    ``root`` holds the table and ``video-data/``.

    Raises
    ------
    DataError
        If the table is absent, or has an unexpected split or ground truth.
    """
    path = _table(root)
    columns = ["Filename", *TRUTH_COLUMN.values(), "Finetuning Set"]
    clips = [_clip(row, options["label_from"]) for row in csv_rows(path, columns)]
    names = {0: "real", 1: "fake", None: "unknown"}
    counts = Counter(f"{clip.split} {names[clip.label]}" for clip in clips)
    log.info(
        "%s: labels from %r: %s; unknown: %s",
        path,
        TRUTH_COLUMN[options["label_from"]],
        ", ".join(f"{count} {name}" for name, count in sorted(counts.items())),
        options["unknown"],
    )
    keep_all = options["unknown"] == "keep"
    return [clip for clip in clips if keep_all or clip.label is not None]


def _table(root: Path) -> Path:
    for name in TABLES:
        if (root / name).exists():
            return root / name
    raise DataError(
        f"{root}: expected the Deepfake-Eval-2024 table {' or '.join(TABLES)}, got "
        "neither. Put the published table beside the folder video-data."
    )


def _clip(row: CsvRow, label_from: str) -> Clip:
    truths = {
        stream: TRUTH[row.one_of(column, TRUTH)]
        for stream, column in TRUTH_COLUMN.items()
    }
    split = row.one_of("Finetuning Set", FINETUNING_SETS)
    if not row["Filename"]:
        raise row.error("Filename", "a file name")
    fake = truths[label_from]
    return Clip(
        file=posixpath.join("video-data", row["Filename"]),
        split=split,
        label=None if fake is None else int(fake),
        manipulation="real" if fake is False else "unknown",
        audio_fake=truths["audio"],
        video_fake=truths["video"],
        source=row["Filename"].rsplit(".", 1)[0],
    )

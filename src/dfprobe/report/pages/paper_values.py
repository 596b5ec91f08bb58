"""The values that the paper prints, and what a run needs to have each of them.

``paper_tables.csv`` holds every value of the tables and figures of Boldisor, Smeu,
Oneata and Oneata, "Investigating self-supervised representations for audio-visual
deepfake detection" (arXiv 2511.17181, CVPR 2026): tables and Figure 5 as printed on its
project page, ``Table 2 two decimals`` and Figure 2 as the authors' plotting script has
them, values with ``read_from_plot`` in their metric from a picture.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

import polars as pl

from dfprobe.products import EXTERNAL

NO_VALUE = "NA"  # where the paper has a dash
SUPERVISED = "Sup"
LOCALISED, CORRELATED, IMPROVED = "localisation", "correlation", "improvement of "
_TABLES = Path(__file__).with_name("paper_tables.csv")
# Encoders of the rows that are not called as in Table 2.
_STREAMS = {
    "Wav2Vec2 (A)": ("Wav2Vec2",),
    "AV-HuBERT (A + V) random": ("AV-HuBERT (A) random", "AV-HuBERT (V) random"),
    "AV-HuBERT (A + V)": ("AV-HuBERT (A)", "AV-HuBERT (V)"),
    "AV-HuBERT (A) + CLIP": ("AV-HuBERT (A)", "CLIP ViT-L/14"),
    "Wav2Vec2 + AV-HuBERT (V)": ("Wav2Vec2", "AV-HuBERT (V)"),
    "Wav2Vec2 + CLIP": ("Wav2Vec2", "CLIP ViT-L/14"),
}
_OUT_OF_DOMAIN = (  # columns B D E F H I, whose mean is J
    ("AV1M", "FAVC"),
    ("FAVC", "AV1M"),
    *((train, test) for test in ("AVLips", "DFE") for train in ("FAVC", "AV1M")),
)
_MEANS = {
    "All4": ("AV1M", "FAVC", "AVLips", "DFE"),
    "Last3": ("FAVC", "AVLips", "DFE"),
}


class Requirement(NamedTuple):
    """What has to be in a run for one value of the paper, by labels.

    ``streams``: encoders, or one external detector. ``task``: ``Sup``, ``NTP``,
    ``Sync``, ``external``, ``localisation``, ``correlation``, or ``improvement of`` and
    the encoder that the other one improves. ``pairs``: training and test corpora;
    several stand for their mean.
    """

    streams: frozenset[str]
    task: str
    pairs: tuple[tuple[str, str], ...]


def paper_tables() -> pl.DataFrame:
    """Read the paper's values: ``table, row, column, train, test, metric, value``."""
    return pl.read_csv(_TABLES, infer_schema=False)


def requirement(row: Mapping[str, str]) -> Requirement | None:
    """Say what a value of the paper needs; None for those that no run computes."""
    pair = ((row["train"], row["test"]),)
    match row["metric"]:
        case "AUC_percent":
            return _area(row)
        case "mean_per_video_frame_AUC_percent":
            return Requirement(frozenset([row["row"]]), LOCALISED, pair)
        case "pearson_percent":
            both = frozenset([row["row"], row["column"]])
            return Requirement(both, CORRELATED, pair)
        case "relative_AUC_improvement_percent":
            both = frozenset([row["row"], row["column"]])
            return Requirement(both, IMPROVED + row["row"], pair)
    return None


def trained_on() -> dict[str, str]:
    """Training corpora of the detectors of Table 3, by label."""
    printed = paper_tables().filter(table="Table 3").select("row", "train").rows()
    return {name: _corpus(train) for name, train in printed}


def _area(row: Mapping[str, str]) -> Requirement:
    streams = frozenset(_STREAMS.get(row["row"], (row["row"],)))
    task = SUPERVISED
    if row["table"] == "Table 4":
        task = row["column"].split()[1]
    elif not streams <= _encoders():
        task = EXTERNAL
    if row["column"] == "J":
        return Requirement(streams, task, _OUT_OF_DOMAIN)
    tests = _MEANS.get(row["column"], (row["test"],))
    train = _corpus(row["train"])
    return Requirement(streams, task, tuple((train, test) for test in tests))


def _corpus(train: str) -> str:
    """Corpus of which "AV1M 23k" or "AV1M real" is a part."""
    return train.split()[0]


@cache
def _encoders() -> frozenset[str]:
    """Names of Table 2."""
    return frozenset(paper_tables().filter(table="Table 2")["row"])

"""Scores for the terminal and for files."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import polars as pl
from scipy.special import expit

from dfprobe.errors import ConfigError
from dfprobe.score.probes import NamedProbe
from dfprobe.score.scoring import ClipScore
from dfprobe.store.files import Row, write_whole

CALIBRATION = "sigmoid(2*score), uncalibrated: the training objective's own"
SCHEMA = {
    "clip": pl.String,
    "encoder": pl.String,
    "train": pl.String,
    "score": pl.Float64,
    "probability": pl.Float64,
    "calibration": pl.String,
    "status": pl.String,
    "detail": pl.String,
    "head": pl.String,
}
_FORMATS = (".csv", ".json")
_ENCODER, _TRAIN = "encoder", "trained on"


def probability_of(score: float) -> float:
    """Probability of fake of a logit, for a clip as for a row: see `CALIBRATION`."""
    return float(expit(2 * score))


class Table:
    """Lines for the terminal, one per score.

    Parameters
    ----------
    probes : sequence of NamedProbe
        All that will score; columns are as wide as the longest names.
    """

    def __init__(self, probes: Sequence[NamedProbe]) -> None:
        self._widths = [
            max(len(name) for name in names)
            for names in (
                [_ENCODER, *(named.encoder for named in probes)],
                [_TRAIN, *(named.train for named in probes)],
            )
        ]

    def header(self) -> str:
        """Names of the columns."""
        return self._line("score", "probability", "status", _ENCODER, _TRAIN, "clip")

    def line(self, result: ClipScore) -> str:
        """One score, with the reason where there is none."""
        score = probability = "-"
        if result.score is not None:
            score = f"{result.score:.4f}"
            probability = f"{probability_of(result.score):.4f}"
        named, status = result.named, result.status
        clip = result.clip + (f"  ({result.detail})" if result.detail else "")
        return self._line(score, probability, status, named.encoder, named.train, clip)

    def _line(self, *cells: str) -> str:
        score, probability, status, encoder, train, clip = cells
        wide, broad = self._widths
        return (
            f"{score:>9}  {probability:>11}  {status:<10}  {encoder:<{wide}}  "
            f"{train:<{broad}}  {clip}"
        )


def check_format(path: Path) -> None:
    """Refuse a file for the scores that is neither CSV nor JSON."""
    if path.suffix.lower() not in _FORMATS:
        raise ConfigError(
            f"--out {path}: expected a name that ends in {' or '.join(_FORMATS)}."
        )


def row_of(result: ClipScore) -> Row:
    """Row of the tables, with the columns of `SCHEMA`."""
    score = result.score
    return {
        "clip": result.clip,
        "encoder": result.named.encoder,
        "train": result.named.train,
        "score": score,
        "probability": None if score is None else probability_of(score),
        "calibration": CALIBRATION,
        "status": result.status.value,
        "detail": result.detail,
        "head": result.named.path.as_posix(),
    }


def write_scores(rows: Sequence[Row], path: Path) -> None:
    """Write all scores, one `row_of` clip and probe, as CSV or as a list in JSON."""
    with write_whole(path) as draft:
        if path.suffix.lower() == ".csv":
            pl.DataFrame(rows, schema=SCHEMA).write_csv(draft)
        else:
            text = json.dumps(rows, indent=1, ensure_ascii=False)
            draft.write_text(f"{text}\n", encoding="utf-8")


def write_curve(result: ClipScore, folder: Path, name: Path) -> None:
    """Write ``time_s, logit`` of every row of a clip.

    The folder gets one for each encoder and training corpus; ``name`` is the path of
    the clip below that, to which ``.csv`` is added.
    """
    named = result.named
    path = folder / _plain(named.encoder) / _plain(named.train) / f"{name}.csv"
    lines = [f"{time_s:.4f},{logit:.6f}" for time_s, logit in result.curve]
    with write_whole(path) as draft:
        draft.write_text("\n".join(["time_s,logit", *lines]) + "\n")


def _plain(name: str) -> str:
    """Name from a head file as the name of a folder, whatever characters it has."""
    return re.sub(r"[^\w-]", "_", name)

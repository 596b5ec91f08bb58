"""The score file: one row a test clip of a corpus, whichever head made it."""

from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl

from dfprobe.errors import DataError
from dfprobe.products import ScoreKey
from dfprobe.store.parquet import read_parquet, write_parquet

SCORE_SCHEMA = pl.Schema(
    {
        "clip_id": pl.String,
        "label": pl.Int8,  # 0 real, 1 fake, null unknown
        "score": pl.Float64,  # logit, larger = more fake; null when not scored
        "manipulation": pl.String,
        "status": pl.String,
    }
)


def score_files(
    paths: Iterable[Path], expected: Collection[ScoreKey], needs: str
) -> dict[ScoreKey, Path]:
    """Key score files by what they hold: all that are expected, and no other.

    ``needs`` says in the message what needs which files.

    Raises
    ------
    DataError
        If a file is missing or unexpected.
    """
    found = {ScoreKey.of(path): path for path in paths}
    for key in sorted(set(expected) ^ found.keys()):
        state = "is missing" if key in expected else "is not in the configuration"
        raise DataError(
            f"The score file of head {key.head}, encoder {key.encoder}, trained on "
            f"{key.train} and tested on {key.test} {state}; {needs}."
        )
    return found


def write_scores(scores: pl.DataFrame, path: Path) -> None:
    """Write a score file, whole or not at all, with the columns of `SCORE_SCHEMA`."""
    table = scores.select(list(SCORE_SCHEMA)).cast(SCORE_SCHEMA)
    write_parquet(table, path)


def read_scores(path: Path) -> pl.DataFrame:
    """Read a score file.

    Raises
    ------
    DataError
        If columns are missing, a clip is there twice, or a clip with status ``ok`` has
        no finite score (or one without it has a score).
    """
    table = read_parquet(path)
    missing = [name for name in SCORE_SCHEMA if name not in table.columns]
    if missing:
        raise DataError(
            f"{path} has no column {', '.join(missing)}; found: "
            f"{', '.join(table.columns)}."
        )
    table = table.select(list(SCORE_SCHEMA)).cast(SCORE_SCHEMA)
    if table["clip_id"].is_duplicated().any():
        raise DataError(f"{path} names a clip more than once.")
    scored = pl.col("score").is_not_null() & pl.col("score").is_finite()
    odd = table.filter((pl.col("status") == "ok") != scored.fill_null(False))
    if odd.height:
        raise DataError(
            f"{path}: clip {odd['clip_id'][0]} has status {odd['status'][0]} and score "
            f"{odd['score'][0]}; a score and status ok belong together."
        )
    return table

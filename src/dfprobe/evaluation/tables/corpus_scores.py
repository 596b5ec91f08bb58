"""All scores of one test corpus, clip beside clip, with what is known of the clips."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.products import ScoreKey, manifest_corpus, shard_corpus
from dfprobe.store.parquet import read_parquet
from dfprobe.store.scores import read_scores

_GROUPS = ("speaker", "source")  # the first that is known of all clips is taken
_SAME = ["clip_id", "label", "manipulation"]  # in all score files of a corpus


@dataclass(frozen=True)
class Groups:
    """Which clips of a corpus belong together."""

    # ``speaker``, ``source``, or None where neither is known of all clips
    kind: str | None
    # (clips,) int: number of each clip's group; all 0 without a kind
    numbers: np.ndarray


@dataclass(frozen=True)
class CorpusScores:
    """The labelled test clips of a corpus."""

    # ``clip_id, label, manipulation`` and the facts that were given
    clips: pl.DataFrame
    labels: np.ndarray  # (clips,) int64: 0 real, 1 fake
    scores: dict[ScoreKey, np.ndarray]  # (clips,) float64; NaN where there is none
    common: np.ndarray  # (clips,) bool: which clips all have a score for
    groups: Groups


def join_scores(
    paths: Mapping[ScoreKey, Path], test: str, facts: pl.DataFrame
) -> CorpusScores:
    """Join the score files of one test corpus.

    One file is read after the other; only their scores stay in memory.

    Parameters
    ----------
    paths : mapping
        The files, at least one of which is of ``test``; others are not read.
    test : str
        The corpus.
    facts : pl.DataFrame
        ``clip_id, speaker, source`` of its clips, and what else is to be known.

    Raises
    ------
    DataError
        If a file is damaged, or the files are not of the same clips, or of clips that
        are not in ``facts``.
    """
    paths = {key: path for key, path in paths.items() if key.test == test}
    clips = read_scores(next(iter(paths.values()))).select(_SAME)
    labelled = clips["label"].is_not_null().to_numpy()
    scores = {
        key: _read_same(clips, path, key, test)[labelled] for key, path in paths.items()
    }
    unknown = clips.join(facts, on="clip_id", how="anti")
    if unknown.height:
        raise DataError(
            f"The scores of {test} hold the clip {unknown['clip_id'][0]}, which is not "
            "in the manifest of that corpus. Run the workflow again, so that all are "
            "made from one manifest."
        )
    clips = clips.drop_nulls("label").join(
        facts, on="clip_id", how="left", maintain_order="left"
    )
    common = np.logical_and.reduce([np.isfinite(column) for column in scores.values()])
    labels = clips["label"].to_numpy().astype(np.int64)
    return CorpusScores(clips, labels, scores, common, _groups(clips))


def clip_facts(manifest: Path, crop_indexes: Sequence[Path]) -> pl.DataFrame:
    """Read what is known of the clips of a corpus beside their scores.

    Parameters
    ----------
    manifest : Path
        ``.../{corpus}.parquet``.
    crop_indexes : sequence of Path
        ``.../{corpus}/{shard}.parquet``, also those of other corpora.

    Returns
    -------
    pl.DataFrame
        ``clip_id, split, speaker, source, leading_silence_s`` (null without audio).
    """
    columns = ["clip_id", "split", "speaker", "source"]
    corpus = manifest_corpus(manifest)
    silence = leading_silence(p for p in crop_indexes if shard_corpus(p) == corpus)
    return read_parquet(manifest, columns=columns).join(
        silence.drop("corpus"), on="clip_id", how="left"
    )


def group_facts(manifests: Sequence[Path]) -> dict[str, pl.DataFrame]:
    """Read ``clip_id, speaker, source`` of each manifest ``.../{corpus}.parquet``."""
    columns = ["clip_id", "speaker", "source"]
    return {
        manifest_corpus(path): read_parquet(path, columns=columns) for path in manifests
    }


def leading_silence(crop_indexes: Iterable[Path]) -> pl.DataFrame:
    """Read how long each clip is silent at its start, null without audio.

    Columns ``corpus`` (the folder of the index), ``clip_id``, ``leading_silence_s``.
    """
    columns = ["clip_id", "leading_silence_s"]
    schema = pl.Schema({"clip_id": pl.String, "leading_silence_s": pl.Float64})
    tables = [
        read_parquet(path, columns=columns)
        .cast(schema)
        .select(pl.lit(shard_corpus(path)).alias("corpus"), *columns)
        for path in crop_indexes
    ]
    return pl.concat([pl.DataFrame(schema={"corpus": pl.String, **schema}), *tables])


def _read_same(clips: pl.DataFrame, path: Path, key: ScoreKey, test: str) -> np.ndarray:
    """Read the scores of a file, whose clips must be ``clips``; NaN for null."""
    table = read_scores(path)
    if not table.select(_SAME).equals(clips):
        raise DataError(
            f"The scores of encoder {key.encoder} by head {key.head}, trained on "
            f"{key.train}, are not of the same test clips of {test} as the other "
            "scores. Run the workflow again, so that all are made from one manifest."
        )
    scores: np.ndarray = table["score"].cast(pl.Float64).to_numpy()
    return scores


def _groups(clips: pl.DataFrame) -> Groups:
    for kind in _GROUPS:
        if clips.height and not clips[kind].null_count():
            numbers = clips[kind].rank("dense").to_numpy().astype(np.int64)
            return Groups(kind, numbers)
    return Groups(None, np.zeros(clips.height, np.int64))

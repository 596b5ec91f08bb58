"""Scores of a corpus' test clips by trained heads."""

from pathlib import Path

import polars as pl

from dfprobe.errors import DataError
from dfprobe.evaluation.scores import write_scores
from dfprobe.heads.clips import StoreSet, with_status
from dfprobe.heads.linear import LinearProbe
from dfprobe.status import Status


def score_clips(
    features: list[Path], manifest: Path, heads: list[Path], outs: list[Path]
) -> None:
    """Score every test clip of a corpus with linear probes of one encoder.

    The rows of a clip are read once for all heads.

    Parameters
    ----------
    features : list of Path
        Feature stores of the test corpus, one a shard.
    manifest : Path
        Its manifest; rows with split ``test`` are scored.
    heads : list of Path
        Head files.
    outs : list of Path
        Parquet to write for each head: one row a test clip, see
        `dfprobe.evaluation.scores`. A clip without usable features keeps its row, with
        a null score and the reason.

    Raises
    ------
    DataError
        If a head was trained on features of another encoder.
    """
    columns = ["clip_id", "split", "label", "manipulation"]
    clips = pl.read_parquet(manifest, columns=columns)
    probes = [LinearProbe.load(head) for head in heads]
    with StoreSet(features) as stores:
        for probe, head in zip(probes, heads, strict=True):
            _check_same_encoder(probe, head, stores, features[0])
        test = with_status(clips.filter(pl.col("split") == "test"), stores)
        scores = _scores(probes, test, stores)
    for column, out in zip(scores, outs, strict=True):
        write_scores(_with_scores(test, column), out)


def _scores(
    probes: list[LinearProbe], test: pl.DataFrame, stores: StoreSet
) -> list[list[float | None]]:
    """Scores of all clips by each probe; null for a clip without usable features."""
    scores: list[list[float | None]] = [[] for _ in probes]
    for clip_id, status in test.select("clip_id", "status").iter_rows():
        rows = stores.rows(clip_id) if status == Status.OK else None
        for probe, column in zip(probes, scores, strict=True):
            column.append(None if rows is None else probe.score(rows))
    return scores


def _with_scores(test: pl.DataFrame, scores: list[float | None]) -> pl.DataFrame:
    """Add the scores; one that is not finite becomes null, with its status."""
    score = pl.Series("score", scores, dtype=pl.Float64)
    finite = score.is_finite()  # null stays null
    return test.with_columns(
        status=pl.when(finite.fill_null(True))
        .then("status")
        .otherwise(pl.lit(Status.NON_FINITE.value)),
        score=pl.when(finite).then(score),
    )


def _check_same_encoder(
    probe: LinearProbe, head: Path, stores: StoreSet, store: Path
) -> None:
    trained_on = probe.metadata["encoder_key"]
    if (trained_on, probe.dim) != (stores.encoder_key, stores.dim):
        raise DataError(
            f"{head} was trained on rows of {probe.dim} from encoder {trained_on}, but "
            f"{store} holds rows of {stores.dim} from encoder {stores.encoder_key}. "
            "Train the head again on features of the same encoder."
        )

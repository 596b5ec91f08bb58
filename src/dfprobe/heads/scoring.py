"""Scores of a corpus' test clips by trained heads, and curves: values over time."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.heads.data.alignment import Aligned
from dfprobe.heads.data.clip_scores import clip_rows, with_scores
from dfprobe.heads.data.clips import StoreSet, with_status
from dfprobe.heads.files.head_file import streams_of
from dfprobe.heads.kinds.contract import Head, kind_module, load_head
from dfprobe.products import HeadKey, ScoreKey
from dfprobe.rates import RowClock
from dfprobe.store.parquet import read_parquet, write_parquet
from dfprobe.store.scores import write_scores


class Scored(NamedTuple):
    """A head, and the files to write for it; each has a row per test clip."""

    head: Path
    # Parquet, see `dfprobe.store.scores`. A clip without usable features keeps its row,
    # with a null score and the reason.
    scores: Path
    # Parquet: ``clip_id``; ``curve``, a value per row, see `Head.curve`; ``rate_hz``
    # and ``first_row_s``, see `dfprobe.rates.RowClock`. All null without a score.
    curves: Path | None = None
    mean: Path | None = None  # as ``scores``, of a next-token head: its mean over time


class _Curve(NamedTuple):
    """Values of a clip, (rows,) float32, and their times."""

    values: np.ndarray
    clock: RowClock


def score_corpora(
    features: Mapping[str, Sequence[Path]],
    manifests: Mapping[str, Path],
    heads: Sequence[Path],
    scores: Sequence[Path],
    curves: Sequence[Path],
) -> None:
    """Score the test clips of several corpora with heads on one encoder.

    Parameters
    ----------
    features : mapping of str to sequence of Path
        The encoder's feature stores of each corpus.
    manifests : mapping of str to Path
        Manifest of each corpus.
    heads : sequence of Path
        Head files, of one kind: ``.../{head}/{encoder}/{train}.safetensors``.
    scores, curves : sequence of Path
        Files to write, see `Scored`: ``.../{head}/{encoder}/{train}/{test}.parquet``,
        in any order.

    Raises
    ------
    DataError
        As `score_clips`.
    """
    keyed = [(HeadKey.of(path), path) for path in heads]
    head_of = {(key.head, key.train): path for key, path in keyed}
    curves_of = {ScoreKey.of(path): path for path in curves}
    for test, manifest in manifests.items():
        files = [
            Scored(head_of[key.head, key.train], path, curves_of[key])
            for path in scores
            if (key := ScoreKey.of(path)).test == test
        ]
        score_clips([features[test]], manifest, files)


def score_clips(
    streams: Sequence[Sequence[Path]], manifest: Path, files: Sequence[Scored]
) -> None:
    """Score every test clip of a corpus with heads that read the same encoders.

    The features of a clip are read once for all heads, for score and curve.

    Parameters
    ----------
    streams : sequence of sequence of Path
        Feature stores of the test corpus, one per shard, for each encoder.
    manifest : Path
        Its manifest; rows with split ``test`` are scored.
    files : sequence of Scored
        Heads of one kind, and what to write for each.

    Raises
    ------
    DataError
        If a head was trained on features of another encoder.
    """
    columns = ["clip_id", "split", "label", "manipulation"]
    clips = read_parquet(manifest, columns=columns)
    heads = [load_head(entry.head) for entry in files]
    min_rows = kind_module(heads[0].metadata["kind"]).MIN_ROWS
    with ExitStack() as stack:
        stores = [stack.enter_context(StoreSet(paths)) for paths in streams]
        for head, entry in zip(heads, files, strict=True):
            _check_same_encoders(head, entry.head, stores, streams)
        test = clips.filter(pl.col("split") == "test")
        test = with_status(test, stores, min_rows)
        scores, curves = _scores_and_curves(heads, files, test, stores)
        for out, column in scores.items():
            write_scores(with_scores(test, column), out)
        for entry, found in zip(files, curves, strict=True):
            if entry.curves is not None:
                table = _curves(test, scores[entry.scores], found)
                write_parquet(table, entry.curves)


def _scores_and_curves(
    heads: list[Head],
    files: Sequence[Scored],
    test: pl.DataFrame,
    stores: list[StoreSet],
) -> tuple[dict[Path, list[float | None]], list[list[_Curve | None]]]:
    """Scores of all clips by the file they go to, and curves of each head.

    Both are None for a clip without usable features.
    """
    measures: dict[Path, Callable[..., float]] = {}
    for head, entry in zip(heads, files, strict=True):
        measures[entry.scores] = head.score
        if entry.mean is not None:
            # Only next-token heads have it; their class would import torch for others.
            measures[entry.mean] = head.mean_score  # type: ignore[attr-defined]
    scores: dict[Path, list[float | None]] = {out: [] for out in measures}
    curves: list[list[_Curve | None]] = [[] for _ in heads]
    for clip in clip_rows(test, stores):
        for out, measure in measures.items():
            scores[out].append(None if clip is None else measure(*clip.rows))
        for head, entry, values in zip(heads, files, curves, strict=True):
            if entry.curves is not None:
                values.append(None if clip is None else _curve(head, clip))
    return scores, curves


def _curve(head: Head, clip: Aligned) -> _Curve:
    # Four bytes per row are kept, whatever the length of a row.
    return _Curve(head.curve(*clip.rows).astype(np.float32), clip.clock)


def _curves(
    test: pl.DataFrame, scores: list[float | None], curves: list[_Curve | None]
) -> pl.DataFrame:
    """Curves of one head with their times; null for a clip without a finite score."""
    known = [
        curve if score is not None and np.isfinite(score) else None
        for score, curve in zip(scores, curves, strict=True)
    ]
    clocks = [None if curve is None else curve.clock for curve in known]
    # Arrays among nulls are taken as a list only if each is a Series.
    values = [None if curve is None else pl.Series(curve.values) for curve in known]
    return test.select(
        "clip_id",
        pl.Series("curve", values, pl.List(pl.Float32)),
        pl.Series("rate_hz", [c and c.rate_hz for c in clocks], pl.Float64),
        pl.Series("first_row_s", [c and c.first_row_s for c in clocks], pl.Float64),
    )


def _check_same_encoders(
    head: Head,
    path: Path,
    stores: list[StoreSet],
    streams: Sequence[Sequence[Path]],
) -> None:
    trained_on = [stream["encoder_key"] for stream in streams_of(head.metadata)]
    if len(trained_on) != len(stores):
        raise DataError(
            f"{path} reads the features of {len(trained_on)} encoders, but got those "
            f"of {len(stores)}. Give the feature stores of all its encoders."
        )
    for key, dim, store, paths in zip(
        trained_on, head.dims, stores, streams, strict=True
    ):
        if (key, dim) != (store.encoder_key, store.dim):
            raise DataError(
                f"{path} was trained on features of {dim} dimensions from encoder "
                f"{key}, but {paths[0]} holds {store.dim} dimensions from encoder "
                f"{store.encoder_key}. Train the head again on features of the same "
                "encoder."
            )

"""Scores of a corpus' test clips by trained heads, and their values over time."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.heads.data.alignment import timing
from dfprobe.heads.data.clip_scores import clip_rows, with_scores
from dfprobe.heads.data.clips import StoreSet, with_status
from dfprobe.heads.files.head_file import streams_of
from dfprobe.heads.kinds.contract import Head, kind_module, load_head
from dfprobe.store.parquet import read_parquet, write_parquet
from dfprobe.store.scores import write_scores


def score_corpora(
    features: Mapping[str, Sequence[Path]],
    manifests: Mapping[str, Path],
    heads: Sequence[Path],
    outs: Sequence[Path],
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
        Head files, of one kind.
    outs, curves : sequence of Path
        Files to write, see `score_clips`: those of the first head, one a corpus in the
        order of ``manifests``, then those of the next head.

    Raises
    ------
    DataError
        As `score_clips`.
    """
    count = len(manifests)
    for number, (corpus, manifest) in enumerate(manifests.items()):
        score_clips(
            [features[corpus]],
            manifest,
            heads,
            outs[number::count],
            curves=curves[number::count],
        )


def score_clips(
    streams: Sequence[Sequence[Path]],
    manifest: Path,
    heads: Sequence[Path],
    outs: Sequence[Path],
    mean: Path | None = None,
    curves: Sequence[Path] = (),
) -> None:
    """Score every test clip of a corpus with heads that read the same encoders.

    The rows of a clip are read once for all heads, for score and curve.

    Parameters
    ----------
    streams : sequence of sequence of Path
        Feature stores of the test corpus, one a shard, for each encoder.
    manifest : Path
        Its manifest; rows with split ``test`` are scored.
    heads : sequence of Path
        Head files, of one kind.
    outs : sequence of Path
        Parquet to write for each head: one row a test clip, see
        `dfprobe.store.scores`. A clip without usable features keeps its row, with
        a null score and the reason.
    mean : Path or None
        Such a file with the mean surprise of the first head, which predicts rows.
    curves : sequence of Path
        Parquet to write for each head, or none at all: ``clip_id``, ``curve`` (a value
        a row, see `Head.curve`; null where there is no score), ``rate_hz`` and
        ``first_row_s`` of the rows.

    Raises
    ------
    DataError
        If a head was trained on features of another encoder.
    """
    columns = ["clip_id", "split", "label", "manipulation"]
    clips = read_parquet(manifest, columns=columns)
    loaded = [load_head(head) for head in heads]
    measures: dict[Path, Callable[..., float]] = {
        out: head.score for out, head in zip(outs, loaded, strict=True)
    }
    if mean is not None:
        # Only next-token heads have it; their class would import torch for all others.
        measures[mean] = loaded[0].mean_score  # type: ignore[attr-defined]
    drawn = loaded[: len(curves)]
    min_rows = kind_module(loaded[0].metadata["kind"]).MIN_ROWS
    with ExitStack() as stack:
        stores = [stack.enter_context(StoreSet(paths)) for paths in streams]
        for head, path in zip(loaded, heads, strict=True):
            _check_same_encoders(head, path, stores, streams)
        test = clips.filter(pl.col("split") == "test")
        test = with_status(test, stores, min_rows)
        scores, values = _scores_and_curves(
            list(measures.values()), drawn, test, stores
        )
        for column, out in zip(scores, measures, strict=True):
            write_scores(with_scores(test, column), out)
        for column, found, out in zip(
            scores[: len(drawn)], values, curves, strict=True
        ):
            _write_curves(_curves(test, column, found), stores, out)


def _scores_and_curves(
    measures: list[Callable[..., float]],
    heads: list[Head],
    test: pl.DataFrame,
    stores: list[StoreSet],
) -> tuple[list[list[float | None]], list[list[np.ndarray | None]]]:
    """Values of all clips by each measure, and curves of each head.

    Both are None for a clip without usable features.
    """
    scores: list[list[float | None]] = [[] for _ in measures]
    curves: list[list[np.ndarray | None]] = [[] for _ in heads]
    for rows in clip_rows(test, stores):
        for measure, column in zip(measures, scores, strict=True):
            column.append(None if rows is None else measure(*rows))
        for head, values in zip(heads, curves, strict=True):
            # Four bytes a row are kept, whatever the length of a row of features.
            curve = None if rows is None else head.curve(*rows).astype(np.float32)
            values.append(curve)
    return scores, curves


def _curves(
    test: pl.DataFrame, scores: list[float | None], curves: list[np.ndarray | None]
) -> pl.DataFrame:
    """Curves of one head; null for a clip whose score is not finite."""
    # Arrays among nulls are taken as a list only if each is a Series.
    values = [
        pl.Series(curve) if score is not None and np.isfinite(score) else None
        for score, curve in zip(scores, curves, strict=True)
    ]
    return test.select("clip_id").with_columns(
        curve=pl.Series(values, dtype=pl.List(pl.Float32))
    )


def _write_curves(table: pl.DataFrame, stores: list[StoreSet], out: Path) -> None:
    """Write curves with the timing of their rows, that of the slower stream."""
    rate_hz, first_row_s = min(timing(store) for store in stores)
    timed = table.with_columns(rate_hz=pl.lit(rate_hz), first_row_s=pl.lit(first_row_s))
    write_parquet(timed, out)


def _check_same_encoders(
    head: Head,
    path: Path,
    stores: list[StoreSet],
    streams: Sequence[Sequence[Path]],
) -> None:
    trained_on = [stream["encoder_key"] for stream in streams_of(head.metadata)]
    if len(trained_on) != len(stores):
        raise DataError(
            f"{path} reads the rows of {len(trained_on)} encoders, but feature stores "
            f"of {len(stores)} came. Give the stores of all its encoders."
        )
    for key, dim, store, paths in zip(
        trained_on, head.dims, stores, streams, strict=True
    ):
        if (key, dim) != (store.encoder_key, store.dim):
            raise DataError(
                f"{path} was trained on rows of {dim} from encoder {key}, but "
                f"{paths[0]} holds rows of {store.dim} from encoder "
                f"{store.encoder_key}. Train the head again on features of the same "
                "encoder."
            )

"""Scores of a corpus' test clips by trained heads."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.evaluation.scores import write_scores
from dfprobe.heads.alignment import align
from dfprobe.heads.clips import StoreSet, with_status
from dfprobe.heads.head_file import streams_of
from dfprobe.heads.kinds import Head, kind_module, load_head
from dfprobe.heads.splits import timing
from dfprobe.status import Status
from dfprobe.storage import write_whole

Rows = tuple[np.ndarray, ...]


def score_clips(
    streams: Sequence[Sequence[Path]],
    manifest: Path,
    heads: Sequence[Path],
    outs: Sequence[Path],
    mean: Path | None = None,
    curves: Path | None = None,
) -> None:
    """Score every test clip of a corpus with heads that read the same encoders.

    The rows of a clip are read once for all heads.

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
        `dfprobe.evaluation.scores`. A clip without usable features keeps its row, with
        a null score and the reason.
    mean : Path or None
        Such a file with the mean surprise of the first head, which predicts rows.
    curves : Path or None
        Parquet to write for the first head: ``clip_id``, ``curve`` (a value a row;
        null where there is no score), ``rate_hz`` and ``first_row_s`` of the rows.

    Raises
    ------
    DataError
        If a head was trained on features of another encoder.
    """
    columns = ["clip_id", "split", "label", "manipulation"]
    clips = pl.read_parquet(manifest, columns=columns)
    loaded = [load_head(head) for head in heads]
    first = loaded[0]
    measures: dict[Path, Callable[..., float]] = {
        out: head.score for out, head in zip(outs, loaded, strict=True)
    }
    if mean is not None:
        # Only next-token heads have it; their class would import torch for all others.
        measures[mean] = first.mean_score  # type: ignore[attr-defined]
    min_rows = kind_module(first.metadata["kind"]).MIN_ROWS
    with ExitStack() as stack:
        stores = [stack.enter_context(StoreSet(paths)) for paths in streams]
        for head, path in zip(loaded, heads, strict=True):
            _check_same_encoders(head, path, stores, streams)
        test = clips.filter(pl.col("split") == "test")
        test = with_status(test, stores, min_rows)
        scores = _scores(list(measures.values()), test, stores)
        if curves is not None:
            _write_curves(first, test, stores, curves)
    for column, out in zip(scores, measures, strict=True):
        write_scores(_with_scores(test, column), out)


def _scores(
    measures: list[Callable[..., float]], test: pl.DataFrame, stores: list[StoreSet]
) -> list[list[float | None]]:
    """Values of all clips by each measure; null for a clip without usable features."""
    scores: list[list[float | None]] = [[] for _ in measures]
    for rows in _rows(test, stores):
        for measure, column in zip(measures, scores, strict=True):
            column.append(None if rows is None else measure(*rows))
    return scores


def _rows(test: pl.DataFrame, stores: list[StoreSet]) -> Iterator[Rows | None]:
    """Rows of each clip, one array a stream; None for a clip that has none."""
    for clip_id, status in test.select("clip_id", "status").iter_rows():
        if status != Status.OK:
            yield None
            continue
        rows = [store.rows(clip_id) for store in stores]
        if len(stores) == 1:
            yield (rows[0],)
        else:
            first, second = (timing(store) for store in stores)
            yield align(rows[0], rows[1], first, second)


def _write_curves(
    head: Head, test: pl.DataFrame, stores: list[StoreSet], out: Path
) -> None:
    """Write the value of every row, at the rate of the slower stream."""
    rate_hz, first_row_s = min(timing(store) for store in stores)
    values = [
        None if rows is None else head.curve(*rows).tolist()
        for rows in _rows(test, stores)
    ]
    table = test.select("clip_id").with_columns(
        curve=pl.Series(values, dtype=pl.List(pl.Float32)),
        rate_hz=pl.lit(rate_hz),
        first_row_s=pl.lit(first_row_s),
    )
    with write_whole(out) as draft:
        table.write_parquet(draft)


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

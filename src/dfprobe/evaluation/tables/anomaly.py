"""Heads that never saw a fake beside the supervised probe: Table 4 of the paper.

One row per stream or pair of streams. ``Sup`` is the probe trained on other corpora
(for a pair the mean of the two encoders' scores), ``NTP`` next-token prediction with
the largest error over time as the score, ``NTP mean`` the same with the mean error,
``Sync`` audio-video synchronisation of a pair. All rows are compared on the clips that
all of them could score. A larger score means more fake: an AUC below 50 stays.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.evaluation.tables.corpus_scores import (
    CorpusScores,
    group_facts,
    join_scores,
)
from dfprobe.evaluation.tables.long_table import NUMBERS, measure
from dfprobe.evaluation.tables.subsets import manipulation_subsets
from dfprobe.products import ScoreKey
from dfprobe.settings.stage_specs.tables import AnomalySpec, JoinedRow
from dfprobe.store.csv_files import decimals, per_cent, write_csv
from dfprobe.store.files import Row
from dfprobe.store.scores import score_files

SUPERVISED = "Sup"
HEAD_OF_TASK = {"NTP": "next_token", "NTP mean": "next_token_mean", "Sync": "sync"}
TASKS = (SUPERVISED, *HEAD_OF_TASK)


class Measured(NamedTuple):
    """What is measured on one test corpus."""

    row: JoinedRow  # one of ``rows`` of the spec
    task: str  # one of `TASKS`
    train: str  # corpus that the heads were trained on
    keys: tuple[ScoreKey, ...]  # files whose mean is the score


def make_anomaly(
    scores: Sequence[Path],
    manifests: Sequence[Path],
    spec: AnomalySpec,
    out_table: Path,
    out_long: Path,
) -> None:
    """Write the table of supervised and unsupervised heads, wide and tidy.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet``: the supervised head on each
        encoder, ``next_token``, ``next_token_mean`` and, for pairs, ``sync`` on each
        row (the row's name stands for the encoder's).
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of the test corpora.
    out_table : Path
        One row per row of the spec, ``{test} {task}`` in per cent AUC on the common
        clips; ``Sup`` is the mean over its training corpora. Empty where undefined.
    out_long : Path
        One row per row, task, pair of corpora and subset, columns as in
        `long_table.measure`.

    Raises
    ------
    DataError
        If a score file is missing, unexpected, or does not hold the clips of its
        corpus.
    """
    wanted = {test: list(_measured(test, spec)) for test in spec.test}
    expected = {key for part in wanted.values() for one in part for key in one.keys}
    needs = "the table of anomaly tasks needs one for every row, task and test corpus"
    paths = score_files(scores, expected, needs)
    facts = group_facts(manifests)
    long = []
    for test, part in wanted.items():
        long += _long_rows(join_scores(paths, test, facts[test]), part, test)
    order = [row.name for row in spec.rows]
    long.sort(key=lambda row: order.index(row["row"]))  # stable
    table = pl.DataFrame(long, infer_schema_length=None)
    write_csv(_wide(table, spec), out_table)
    write_csv(table.with_columns(decimals(NUMBERS, "{:.6f}")), out_long)


def _measured(test: str, spec: AnomalySpec) -> Iterator[Measured]:
    """All tasks of all rows; synchronisation needs two streams."""
    for row in spec.rows:
        for train in spec.supervised[test]:
            keys = [ScoreKey(spec.head, name, train, test) for name in row.streams]
            yield Measured(row, SUPERVISED, train, tuple(keys))
        for task, head in HEAD_OF_TASK.items():
            if task != "Sync" or len(row.streams) == 2:
                key = ScoreKey(head, row.name, spec.real, test)
                yield Measured(row, task, spec.real, (key,))


def _long_rows(corpus: CorpusScores, measured: list[Measured], test: str) -> list[Row]:
    parts = manipulation_subsets(corpus.clips)
    return [
        {
            "row": one.row.name,
            "label": one.row.label,
            "modality": one.row.modality,
            "task": one.task,
            "train": one.train,
            "test": test,
            **measure(
                corpus, np.mean([corpus.scores[key] for key in one.keys], axis=0), part
            ),
        }
        for one in measured
        for part in parts
    ]


def _wide(long: pl.DataFrame, spec: AnomalySpec) -> pl.DataFrame:
    """One row per row of the spec, AUC in per cent as text with one decimal."""
    areas: dict[tuple[str, str, str], list[float | None]] = {}
    common = long.filter(pl.col("subset") == "common")
    for *key, area in common.select("row", "test", "task", "auc").iter_rows():
        areas.setdefault((key[0], key[1], key[2]), []).append(area)
    rows = [
        {
            "row": row.name,
            "label": row.label,
            "modality": row.modality,
            **{
                f"{test} {task}": per_cent(areas.get((row.name, test, task), []))
                for test in spec.test
                for task in TASKS
            },
        }
        for row in spec.rows
    ]
    return pl.DataFrame(rows, infer_schema_length=None)

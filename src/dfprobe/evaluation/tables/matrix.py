"""The cross-corpus matrix: Table 2 of the paper, and the same in tidy form.

Every comparison between encoders is made on the clips that all of them could score
(subset ``common``); each encoder's own clips stand beside it (subset ``all``).
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.evaluation.tables.corpus_scores import (
    CorpusScores,
    clip_facts,
    join_scores,
)
from dfprobe.evaluation.tables.long_table import COUNTS, NUMBERS, measure
from dfprobe.evaluation.tables.pairs import (
    P_VALUES,
    PAIR_NUMBERS,
    PAIR_SCHEMA,
    pair_rows,
)
from dfprobe.evaluation.tables.subsets import subsets
from dfprobe.products import ScoreKey, manifest_corpus
from dfprobe.settings.stage_specs.tables import EncoderRow, HeadName, MatrixSpec
from dfprobe.store.csv_files import decimals, per_cent, write_csv
from dfprobe.store.files import Row
from dfprobe.store.scores import score_files

_NAMES = ("encoder", "label", "modality")


class Tables(NamedTuple):
    """Files that `make_matrix` writes."""

    # one row per encoder: AUC in per cent of each pair on the common clips, and
    # ``mean_ood``, the mean over the pairs of different corpora before rounding
    matrix: Path
    # one row per head, encoder, pair and subset, columns as in `long_table.measure`.
    # Metrics are empty where a subset has only one class.
    long: Path
    # one row for every two encoders and pair of corpora: DeLong's test of their AUCs on
    # the common clips of one head, columns as in `paired.pair_rows`
    pairs: Path
    others: Sequence[Path] = ()  # as ``matrix``, for each head after the first


def make_matrix(
    scores: Sequence[Path],
    manifests: Sequence[Path],
    crop_indexes: Sequence[Path],
    spec: MatrixSpec,
    out: Tables,
) -> None:
    """Write the matrix, the tidy table of all metrics, and the paired tests.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet``.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of all corpora.
    crop_indexes : sequence of Path
        ``.../{test}/{shard}.parquet`` of the test corpora.
    spec : MatrixSpec
        Heads, encoders and corpora, in the order of the tables.

    Raises
    ------
    DataError
        If a score file is missing, unexpected, or does not hold the clips of its
        corpus.
    """
    paths = _keyed(scores, spec)
    rows = {row.name: row for row in spec.encoders}
    facts = {
        manifest_corpus(path): clip_facts(path, crop_indexes) for path in manifests
    }
    trained_on = {
        train: facts[train].filter(pl.col("split") == "train") for train in spec.train
    }
    long, compared = [], []
    for test in spec.test:
        corpus = join_scores(paths, test, facts[test])
        for train, _ in pairs(spec.train, [test]):
            for head in spec.heads:
                column = {"head": head.name, "train": train, "test": test}
                of_encoder = {
                    name: corpus.scores[ScoreKey(encoder=name, **column)]
                    for name in head.encoders
                }
                long += _long_rows(corpus, column, trained_on[train], rows, of_encoder)
                used = {name: s[corpus.common] for name, s in of_encoder.items()}
                compared += pair_rows(corpus.labels[corpus.common], used, column)
    heads = [head.name for head in spec.heads]
    order = list(rows)
    # Stable: pairs keep their order.
    long.sort(key=lambda r: (heads.index(r["head"]), order.index(r["encoder"])))
    table = pl.DataFrame(long, infer_schema_length=None)
    for head, path in zip(spec.heads, [out.matrix, *out.others], strict=True):
        write_csv(_matrix(table.filter(head=head.name), head, spec), path)
    write_csv(table.with_columns(decimals(NUMBERS, "{:.6f}")), out.long)
    tests = pl.DataFrame(compared, schema=PAIR_SCHEMA).with_columns(
        decimals(PAIR_NUMBERS, "{:.6f}"), decimals(P_VALUES, "{:.3e}")
    )
    write_csv(tests, out.pairs)


def read_matrix(path: Path) -> pl.DataFrame:
    """Read ``xdata_matrix.csv``: names as text, all other columns as Float64."""
    table = pl.read_csv(path, infer_schema=False)
    return table.with_columns(pl.exclude(_NAMES).cast(pl.Float64))


def read_long(path: Path) -> pl.DataFrame:
    """Read ``xdata_long.csv``: counts as Int64, metrics as Float64, names as text."""
    table = pl.read_csv(path, infer_schema=False)
    return table.with_columns(
        pl.col(COUNTS).cast(pl.Int64), pl.col(NUMBERS).cast(pl.Float64)
    )


def pairs(train: Sequence[str], test: Sequence[str]) -> list[tuple[str, str]]:
    """Train and test corpora in the paper's order: by test, the in-domain one first."""
    return [
        (learned, tested)
        for tested in test
        for learned in sorted(train, key=lambda name: name != tested)
    ]


def _keyed(scores: Sequence[Path], spec: MatrixSpec) -> dict[ScoreKey, Path]:
    """Score files by what they hold."""
    expected = {
        ScoreKey(head.name, encoder, train, test)
        for head in spec.heads
        for encoder in head.encoders
        for train, test in pairs(spec.train, spec.test)
    }
    needs = "the matrix needs one for every encoder and pair of corpora"
    return score_files(scores, expected, needs)


def _long_rows(
    corpus: CorpusScores,
    column: dict[str, str],
    trained_on: pl.DataFrame,
    encoders: Mapping[str, EncoderRow],
    scores: Mapping[str, np.ndarray],
) -> list[Row]:
    """Rows of the tidy table for one column of the matrix."""
    parts = subsets(corpus.clips, trained_on)
    return [
        {"encoder": name, "modality": encoders[name].modality, **column}
        | measure(corpus, values, part)
        for name, values in scores.items()
        for part in parts
    ]


def _matrix(long: pl.DataFrame, head: HeadName, spec: MatrixSpec) -> pl.DataFrame:
    """One row per encoder, AUC in per cent as text with one decimal."""
    common = long.filter(pl.col("subset") == "common")
    cells = common.select("encoder", "train", "test", "auc").iter_rows()
    values = {tuple(key): area for *key, area in cells}
    columns = pairs(spec.train, spec.test)
    out_of_domain = [pair for pair in columns if pair[0] != pair[1]]
    entries = {entry.name: entry for entry in spec.encoders}
    rows = [
        {
            "encoder": name,
            "label": entries[name].label,
            "modality": entries[name].modality,
            **{"->".join(pair): per_cent([values[name, *pair]]) for pair in columns},
            "mean_ood": per_cent([values[name, *pair] for pair in out_of_domain]),
        }
        for name in head.encoders
    ]
    return pl.DataFrame(rows, infer_schema_length=None)

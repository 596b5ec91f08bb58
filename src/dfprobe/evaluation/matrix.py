"""The cross-corpus matrix: Table 2 of the paper, and the same in tidy form.

Every comparison between encoders is made on the clips that all of them could score
(subset ``common``); each encoder's own clips stand beside it (subset ``all``).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.evaluation.corpus_scores import (
    CorpusScores,
    clip_facts,
    read_corpus_scores,
)
from dfprobe.evaluation.long_table import COUNTS, NUMBERS, measure
from dfprobe.evaluation.paired import (
    P_VALUES,
    PAIR_NUMBERS,
    PAIR_SCHEMA,
    pair_rows,
)
from dfprobe.evaluation.scores import ScoreKey
from dfprobe.evaluation.subsets import subsets
from dfprobe.storage import write_whole

_NAMES = ("encoder", "label", "modality")


class Tables(NamedTuple):
    """Files that `make_matrix` writes.

    Parameters
    ----------
    matrix : Path
        One row an encoder: AUC in per cent of each pair on the common clips, and
        ``mean_ood``, the mean over the pairs of different corpora before rounding.
    long : Path
        One row an encoder, pair and subset, columns as in `long_table.measure`.
        Metrics are empty where a subset has only one class.
    pairs : Path
        One row for every two encoders and pair of corpora: DeLong's test of their AUCs
        on the common clips, columns as in `paired.pair_rows`.
    """

    matrix: Path
    long: Path
    pairs: Path


def make_matrix(
    scores: Sequence[Path],
    manifests: Sequence[Path],
    crop_indexes: Sequence[Path],
    spec: dict[str, Any],
    out: Tables,
) -> None:
    """Write the matrix, the tidy table of all metrics, and the paired tests.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet``, of one head.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of all corpora.
    crop_indexes : sequence of Path
        ``.../{test}/{shard}.parquet`` of the test corpora.
    spec : dict
        ``head``: name of the head; ``encoders``: name -> ``label``, ``modality``;
        ``train`` and ``test``: names of corpora. Their order is that of the tables.
    out : Tables

    Raises
    ------
    DataError
        If a score file is missing, unexpected, or does not hold the clips of its
        corpus.
    """
    paths = _keyed(scores, spec)
    facts = {path.stem: clip_facts(path, crop_indexes) for path in manifests}
    trained_on = {
        train: facts[train].filter(pl.col("split") == "train")
        for train in spec["train"]
    }
    long, compared = [], []
    for test in spec["test"]:
        trains = [train for train, name in pairs(spec) if name == test]
        corpus = read_corpus_scores(test, trains, paths, facts[test], spec)
        for train in trains:
            column = {"head": spec["head"], "train": train, "test": test}
            long += _long_rows(corpus, column, trained_on[train], spec)
            compared += _pair_rows(corpus, column, spec)
    order = {name: place for place, name in enumerate(spec["encoders"])}
    long.sort(key=lambda row: order[row["encoder"]])  # stable: pairs keep their order
    table = pl.DataFrame(long, infer_schema_length=None)
    _write_csv(_matrix(table, spec), out.matrix)
    _write_csv(table.with_columns(_decimals(NUMBERS, "{:.6f}")), out.long)
    tests = pl.DataFrame(compared, schema=PAIR_SCHEMA).with_columns(
        _decimals(PAIR_NUMBERS, "{:.6f}"), _decimals(P_VALUES, "{:.3e}")
    )
    _write_csv(tests, out.pairs)


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


def read_pairs(path: Path) -> pl.DataFrame:
    """Read ``xdata_pairs.csv``, with the types of `PAIR_SCHEMA`."""
    return pl.read_csv(path, schema=PAIR_SCHEMA)


def pairs(spec: dict[str, Any]) -> list[tuple[str, str]]:
    """Train and test corpora in the paper's order: by test, the in-domain one first."""
    return [
        (train, test)
        for test in spec["test"]
        for train in sorted(spec["train"], key=lambda name: name != test)
    ]


def _keyed(scores: Sequence[Path], spec: dict[str, Any]) -> dict[ScoreKey, Path]:
    """Score files by what they hold: all those of the spec, and no other."""
    paths = {ScoreKey.of(path): path for path in scores}
    expected = {
        ScoreKey(spec["head"], encoder, train, test)
        for encoder in spec["encoders"]
        for train, test in pairs(spec)
    }
    for key in sorted(expected ^ paths.keys()):
        state = "is missing" if key in expected else "is not in the configuration"
        raise DataError(
            f"The score file of head {key.head}, encoder {key.encoder}, trained on "
            f"{key.train} and tested on {key.test} {state}; the matrix needs one for "
            "every encoder and pair of corpora."
        )
    return paths


def _long_rows(
    corpus: CorpusScores,
    column: dict[str, str],
    trained_on: pl.DataFrame,
    spec: dict[str, Any],
) -> list[dict[str, Any]]:
    """Rows of the tidy table for one column of the matrix."""
    parts = subsets(corpus.clips, trained_on)
    return [
        {
            "encoder": encoder,
            "modality": entry["modality"],
            **column,
            **measure(corpus, corpus.scores[encoder, column["train"]], part),
        }
        for encoder, entry in spec["encoders"].items()
        for part in parts
    ]


def _pair_rows(
    corpus: CorpusScores, column: dict[str, str], spec: dict[str, Any]
) -> list[dict[str, Any]]:
    """Rows of the paired tests for one column of the matrix."""
    scores = {
        encoder: corpus.scores[encoder, column["train"]][corpus.common]
        for encoder in spec["encoders"]
    }
    return pair_rows(corpus.labels[corpus.common], scores, column)


def _matrix(long: pl.DataFrame, spec: dict[str, Any]) -> pl.DataFrame:
    """One row an encoder, AUC in per cent as text with one decimal."""
    common = long.filter(pl.col("subset") == "common")
    values = {
        (encoder, train, test): value
        for encoder, train, test, value in common.select(
            "encoder", "train", "test", "auc"
        ).iter_rows()
    }
    columns = pairs(spec)
    out_of_domain = [pair for pair in columns if pair[0] != pair[1]]
    rows = []
    for encoder, entry in spec["encoders"].items():
        row = {"encoder": encoder} | {key: entry[key] for key in ("label", "modality")}
        for train, test in columns:
            row[f"{train}->{test}"] = _per_cent([values[encoder, train, test]])
        row["mean_ood"] = _per_cent([values[encoder, *pair] for pair in out_of_domain])
        rows.append(row)
    return pl.DataFrame(rows, infer_schema_length=None)


def _per_cent(areas: list[float | None]) -> str | None:
    """Mean in per cent with one decimal; null if there is none or one is undefined."""
    known = [area for area in areas if area is not None]
    if not known or len(known) < len(areas):
        return None
    return f"{100.0 * float(np.mean(known)):.1f}"


def _decimals(columns: Sequence[str], form: str) -> pl.Expr:
    """Numbers as text, so that equal numbers are equal bytes."""
    return pl.col(columns).map_elements(form.format, return_dtype=pl.String)


def _write_csv(table: pl.DataFrame, path: Path) -> None:
    with write_whole(path) as draft:
        table.write_csv(draft)

"""Detectors from elsewhere beside our probes: the form of the paper's Table 3.

A detector comes in as a CSV file of scores for each corpus, which becomes a score file
like any other. All detectors are compared on the clips that all of them could score.
"""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import polars as pl

from dfprobe.evaluation.tables.corpus_scores import (
    CorpusScores,
    group_facts,
    join_scores,
)
from dfprobe.evaluation.tables.long_table import NUMBERS, measure
from dfprobe.evaluation.tables.subsets import manipulation_subsets
from dfprobe.products import EXTERNAL, ScoreKey
from dfprobe.settings.stage_specs.tables import DetectorsSpec
from dfprobe.store.csv_files import decimals, per_cent, write_csv
from dfprobe.store.files import Row
from dfprobe.store.scores import score_files

log = logging.getLogger("dfprobe")


class Detector(NamedTuple):
    """One row of the table."""

    head: str  # head of its score files; `EXTERNAL` for a detector from elsewhere
    name: str  # for paths
    label: str  # for people
    trained_on: str  # corpus, or what else its files are kept under
    test: tuple[str, ...]  # corpora that it has scores of

    def key(self, test: str) -> ScoreKey:
        """Key of its score file."""
        return ScoreKey(self.head, self.name, self.trained_on, test)


def make_detectors(
    scores: Sequence[Path],
    manifests: Sequence[Path],
    spec: DetectorsSpec,
    out_table: Path,
    out_long: Path,
) -> None:
    """Write the table of our probes and of detectors from elsewhere, wide and tidy.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet`` and
        ``.../external/{detector}/{trained_on}/{test}.parquet``.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of the test corpora.
    out_table : Path
        One row per detector: AUC in per cent on the common clips of each corpus;
        ``mean`` over all corpora; ``mean_other`` over those that no detector of the
        table was trained on. Empty where undefined.
    out_long : Path
        One row per detector, corpus and subset, columns as in `long_table.measure`.

    Raises
    ------
    DataError
        If a score file is missing, unexpected, or does not hold the clips of its
        corpus.
    """
    detectors = list(_detectors(spec))
    expected = {one.key(test) for one in detectors for test in one.test}
    needs = "the table of detectors needs one for every detector and test corpus"
    paths = score_files(scores, expected, needs)
    facts = group_facts(manifests)
    long = []
    for test in spec.test:
        corpus = join_scores(paths, test, facts[test])
        present = [one for one in detectors if test in one.test]
        long += _long_rows(corpus, present, test)
    order = [(one.head, one.name, one.trained_on) for one in detectors]
    long.sort(
        key=lambda row: order.index((row["head"], row["name"], row["trained_on"]))
    )
    table = pl.DataFrame(long, infer_schema_length=None)
    write_csv(_wide(table, detectors, spec), out_table)
    write_csv(table.with_columns(decimals(NUMBERS, "{:.6f}")), out_long)


def _detectors(spec: DetectorsSpec) -> Iterator[Detector]:
    for entry in spec.encoders:
        ours = (entry.name, entry.label, spec.train)
        yield Detector(spec.head, *ours, spec.test)
    for entry in spec.external:
        theirs = (entry.name, entry.label, entry.trained_on)
        yield Detector(EXTERNAL, *theirs, entry.test)


def _long_rows(corpus: CorpusScores, present: list[Detector], test: str) -> list[Row]:
    parts = manipulation_subsets(corpus.clips)
    return [
        {
            "head": one.head,
            "name": one.name,
            "label": one.label,
            "trained_on": one.trained_on,
            "test": test,
            **measure(corpus, corpus.scores[one.key(test)], part),
        }
        for one in present
        for part in parts
    ]


def _wide(
    long: pl.DataFrame, detectors: list[Detector], spec: DetectorsSpec
) -> pl.DataFrame:
    """One row per detector, AUC in per cent as text with one decimal."""
    common = long.filter(pl.col("subset") == "common")
    columns = ("head", "name", "trained_on", "test", "auc")
    areas = {ScoreKey(*key): area for *key, area in common.select(columns).iter_rows()}
    trained_on = {one.trained_on for one in detectors}
    rows = []
    for one in detectors:
        own = {test: areas.get(one.key(test)) for test in spec.test}
        other = [area for test, area in own.items() if test not in trained_on]
        rows.append(
            {"name": one.name, "label": one.label, "trained_on": one.trained_on}
            | {test: per_cent([area]) for test, area in own.items()}
            | {"mean": per_cent(list(own.values())), "mean_other": per_cent(other)}
        )
    return pl.DataFrame(rows, infer_schema_length=None)

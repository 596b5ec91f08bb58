"""Late fusion of encoders: section "complementarity" and Figure 5 of the paper.

All numbers of a test corpus are about the clips that every encoder could score by the
head of the matrix, whatever corpus it was trained on.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from dfprobe.errors import DataError
from dfprobe.evaluation.statistics.fusion_gains import (
    Placed,
    best_members,
    gains,
    improvements,
    intervals,
)
from dfprobe.evaluation.statistics.fusion_rules import (
    RULES,
    Members,
    Validation,
    Weights,
    fuse,
)
from dfprobe.evaluation.statistics.paired import holm
from dfprobe.evaluation.tables.corpus_scores import group_facts, join_scores
from dfprobe.evaluation.tables.fusion_correlation import correlation_rows
from dfprobe.evaluation.tables.fusion_tables import (
    AREAS,
    COEFFICIENTS,
    CORRELATION_SCHEMA,
    GAINS,
    IMPROVEMENT_SCHEMA,
    P_VALUES,
    RATIOS,
    SETS_SCHEMA,
    Tables,
)
from dfprobe.evaluation.tables.matrix import pairs
from dfprobe.products import HeadKey, ScoreKey
from dfprobe.settings.stage_specs.tables import FusionSpec
from dfprobe.store.csv_files import decimals, known, write_csv
from dfprobe.store.files import Row
from dfprobe.store.scores import score_files

LEVEL = 0.05  # of significance, after Holm
_BLOCK = 2**22  # scores per block of placement values
_TOO_FEW = "fewer than two real or two fake clips that all could score"
_TESTED = (*AREAS, *GAINS, P_VALUES[0])


class Column(NamedTuple):
    """Scores of one train -> test pair."""

    names: Sequence[str]  # encoders
    # (clips,) int64: of the test clips that all encoders could score
    labels: np.ndarray
    scores: np.ndarray  # (encoders, clips) float64


def make_fusion(
    scores: Sequence[Path],
    validation: Sequence[Path],
    manifests: Sequence[Path],
    spec: FusionSpec,
    out: Tables,
) -> None:
    """Write the tables of correlation and late fusion.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet`` of one head.
    validation : sequence of Path
        ``.../{encoder}/{train}.val.parquet``: the head's scores of the validation clips
        of its training corpus.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of all corpora.
    spec : FusionSpec
        Head, encoders, sets of them and corpora, in the order of the tables.

    Raises
    ------
    DataError
        If a score file is missing, unexpected, or does not hold the clips of its
        corpus.
    """
    facts = group_facts(manifests)
    members = _sets(spec)
    weights = {
        (train, rule): [weigh(part, clips) for part in members]
        for train, clips in _validation(validation, facts, spec).items()
        for rule, weigh in RULES.items()
    }
    correlations: list[Row] = []
    sets: list[Row] = []
    ratios: list[Row] = []
    for key, column in _columns(scores, facts, spec):
        found = correlation_rows(column.names, column.scores)
        correlations += [key | row for row in found]
        for rule in RULES:
            of_sets, of_pairs = _fused(column, members, weights[key["train"], rule])
            sets += [key | {"rule": rule} | row for row in of_sets]
            ratios += [key | {"rule": rule} | row for row in of_pairs]
    _write(correlations, CORRELATION_SCHEMA, COEFFICIENTS, out.correlation)
    _write(sets, SETS_SCHEMA, (*AREAS, *GAINS), out.sets)
    _write(ratios, IMPROVEMENT_SCHEMA, RATIOS, out.improvement)


def _columns(
    scores: Sequence[Path],
    facts: Mapping[str, pl.DataFrame],
    spec: FusionSpec,
) -> Iterator[tuple[dict[str, str], Column]]:
    """Read the scores of each train -> test pair, in the order of the matrix."""
    expected = {
        ScoreKey(spec.head, encoder, train, test)
        for encoder in spec.encoders
        for train, test in pairs(spec.train, spec.test)
    }
    needs = "fusion needs one for every encoder and pair of corpora"
    paths = score_files(scores, expected, needs)
    for test in spec.test:
        corpus = join_scores(paths, test, facts[test])
        for train, _ in pairs(spec.train, [test]):
            keys = [ScoreKey(spec.head, e, train, test) for e in spec.encoders]
            table = np.stack([corpus.scores[key][corpus.common] for key in keys])
            labels = corpus.labels[corpus.common]
            key = {"train": train, "test": test}
            yield key, Column(spec.encoders, labels, table)


def _validation(
    paths: Sequence[Path], facts: Mapping[str, pl.DataFrame], spec: FusionSpec
) -> dict[str, Validation]:
    """Read the validation scores of each training corpus."""
    found = {HeadKey.of(path): path for path in paths}
    validation = {}
    for train in spec.train:
        files, test = {}, f"{train} (validation)"
        for name in spec.encoders:
            if (val := HeadKey(spec.head, name, train)) not in found:
                raise DataError(
                    f"The validation scores of encoder {name}, trained on {train}, are "
                    "missing; fusion needs them for every encoder and training corpus."
                )
            files[ScoreKey(spec.head, name, train, test)] = found[val]
        corpus = join_scores(files, test, facts[train])
        scores = np.stack([column[corpus.common] for column in corpus.scores.values()])
        validation[train] = Validation(corpus.labels[corpus.common], scores)
    return validation


def _sets(spec: FusionSpec) -> list[Members]:
    """All pairs, then the larger sets of the spec, as numbers of encoders."""
    place = {name: number for number, name in enumerate(spec.encoders)}
    chosen = [tuple(sorted(place[name] for name in names)) for names in spec.sets]
    return list(dict.fromkeys([*combinations(range(len(place)), 2), *chosen]))


def _fused(
    column: Column, members: Sequence[Members], weights: Sequence[Weights]
) -> tuple[list[Row], list[Row]]:
    """Rows of the table of sets, and of that of improvements, of one rule."""
    fakes = int((column.labels == 1).sum())
    few = min(fakes, column.labels.size - fakes) < 2
    sets = [
        {
            "set": "+".join(column.names[member] for member in part),
            "size": len(part),
            "clips": column.labels.size,
            "note": _TOO_FEW if few else found.note or None,
        }
        for part, found in zip(members, weights, strict=True)
    ]
    if few:
        return sets, []
    ratios: list[Row] = []
    single = Placed.of(column.labels, column.scores)
    weighted = [
        (row, part, found.values)
        for row, part, found in zip(sets, members, weights, strict=True)
        if found.values is not None
    ]
    step = max(1, _BLOCK // column.labels.size)
    for start in range(0, len(weighted), step):
        block = weighted[start : start + step]
        parts = [part for _, part, _ in block]
        scores = [fuse(column.scores, part, values) for _, part, values in block]
        fused = Placed.of(column.labels, np.stack(scores))
        numbers = _set_rows(fused, single, parts, column.names)
        for (row, _, _), found in zip(block, numbers, strict=True):
            row |= found
        ratios += _ratios(fused, single, parts, column.names)
    _adjust([row for row, _, _ in weighted])
    return sets, ratios


def _set_rows(
    fused: Placed, single: Placed, members: Sequence[Members], names: Sequence[str]
) -> Iterator[Row]:
    """AUC of each set, and what it gains."""
    best = best_members(members, single.areas)
    numbers = np.column_stack(
        [
            *(fused.areas, *intervals(fused), single.areas[best]),
            *gains(fused, single.chosen(best)),
        ]
    )
    for member, row in zip(best, numbers.tolist(), strict=True):
        values = dict(zip(_TESTED, map(known, row), strict=True))
        yield {"best_single": names[member], **values}


def _ratios(
    fused: Placed, single: Placed, members: Sequence[Members], names: Sequence[str]
) -> Iterator[Row]:
    """Relative improvement of each member of each pair by the other."""
    pair = [number for number, part in enumerate(members) if len(part) == 2]
    both = fused.chosen(pair)
    # (pairs, 2): the first by the second, the second by the first
    found = [
        improvements(both, single.chosen([members[number][side] for number in pair]))
        for side in (0, 1)
    ]
    for place, number in enumerate(pair):
        for side, ratio in enumerate(found):
            row, other = members[number][side], members[number][1 - side]
            values = [float(part[place]) for part in ratio]
            values += [float(single.areas[row]), float(both.areas[place])]
            yield {
                "row": names[row],
                "column": names[other],
                **dict(zip(RATIOS, map(known, values), strict=True)),
            }


def _adjust(rows: Sequence[Row]) -> None:
    """Add ``p_holm`` and ``significant`` to the rows of one family of tests."""
    p = np.array([row["p_value"] for row in rows], float)  # None becomes NaN
    for row, adjusted in zip(rows, holm(p).tolist(), strict=True):
        row["p_holm"] = known(adjusted)
        row["significant"] = None if np.isnan(adjusted) else adjusted < LEVEL


def _write(
    rows: list[Row],
    schema: Mapping[str, Any],
    numbers: Sequence[str],
    path: Path,
) -> None:
    table = pl.DataFrame(rows, schema=schema).with_columns(decimals(numbers, "{:.6f}"))
    found = [name for name in P_VALUES if name in schema]
    write_csv(table.with_columns(decimals(found, "{:.3e}")) if found else table, path)

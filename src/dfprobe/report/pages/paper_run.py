"""What a run has of the values that the paper prints, by labels."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from dfprobe.evaluation.tables.fusion_tables import (
    CORRELATION_SCHEMA,
    IMPROVEMENT_SCHEMA,
    read_fusion,
)
from dfprobe.evaluation.tables.matrix import read_long
from dfprobe.explain.temporal.tables import read_localisation
from dfprobe.products import EXTERNAL
from dfprobe.report.pages.paper_values import (
    CORRELATED,
    IMPROVED,
    LOCALISED,
    SUPERVISED,
    trained_on,
)
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.tables import PaperSpec

_AUC = ("auc", "auc_low", "auc_high")
_LOCALISATION = ("auc_clip_mean", "auc_clip_mean_low", "auc_clip_mean_high")
_PEARSON = ("pearson", "pearson_low", "pearson_high")
_IMPROVEMENT = ("improvement", "low", "high")


class Products(NamedTuple):
    """Tables of a run; None where it has none.

    Parameters
    ----------
    long : Path
        ``xdata_long.csv``.
    anomaly_long, detectors_long : Path or None
        Tidy tables of `anomaly` and `detectors`.
    localisation : Path or None
        ``explain/localisation.csv``.
    correlation, improvement : Path or None
        Tables of fusion.
    """

    long: Path
    anomaly_long: Path | None = None
    detectors_long: Path | None = None
    localisation: Path | None = None
    correlation: Path | None = None
    improvement: Path | None = None


class Value(NamedTuple):
    """AUC, correlation or relative improvement as a share; None where undefined.

    ``low`` and ``high`` are the ends of its 95% interval, ``coverage`` the share of the
    labelled test clips that was scored.
    """

    value: float | None
    low: float | None
    high: float | None
    coverage: float | None


Key = tuple[frozenset[str], str, str, str]


class Run(NamedTuple):
    """What there is to compare.

    Parameters
    ----------
    weights : mapping
        Weights of each encoder, by label.
    demo : mapping
        Whether a corpus is a demo corpus, by label.
    values : mapping
        Values by streams, task, training and test corpus, see
        `dfprobe.report.pages.paper_values.Requirement`.
    """

    weights: Mapping[str, str]
    demo: Mapping[str, bool]
    values: Mapping[Key, Value]


_Values = Iterator[tuple[Key, Value]]


def read_run(products: Products, spec: PaperSpec) -> Run:
    """Read all values of a run that the paper might have."""
    found = _Labelled(labels(spec.encoders), labels(spec.corpora), spec)
    parts = [found.probes(read_long(products.long))]
    if products.anomaly_long is not None:
        parts.append(found.heads(read_long(products.anomaly_long)))
    if products.detectors_long is not None:
        parts.append(found.detectors(read_long(products.detectors_long)))
    if products.localisation is not None:
        parts.append(found.localisation(read_localisation(products.localisation)))
    if products.correlation is not None:
        table = read_fusion(products.correlation, CORRELATION_SCHEMA)
        parts.append(found.correlation(table))
    if products.improvement is not None:
        table = read_fusion(products.improvement, IMPROVEMENT_SCHEMA)
        parts.append(found.improvement(table))
    return Run(
        weights={entry.label: entry.weights for entry in spec.encoders},
        demo={entry.label: entry.demo for entry in spec.corpora},
        values=dict(chain.from_iterable(parts)),
    )


@dataclass(frozen=True)
class _Labelled:
    """Values of tables by the labels of their encoders and corpora."""

    encoders: Mapping[str, str]
    corpora: Mapping[str, str]
    spec: PaperSpec

    def probes(self, long: pl.DataFrame) -> _Values:
        for row in _rows(long, subset="all", head=self.spec.head):
            yield self._key(row, [row["encoder"]], SUPERVISED), _value(row, _AUC)

    def heads(self, long: pl.DataFrame) -> _Values:
        streams = {row.name: row.streams for row in self.spec.rows}
        for row in _rows(long, subset="all"):
            yield self._key(row, streams[row["row"]], row["task"]), _value(row, _AUC)

    def detectors(self, long: pl.DataFrame) -> _Values:
        """Yield AUCs of external detectors, as trained on what the paper says.

        Only a corpus of this run as ``trained_on`` can contradict the paper.
        """
        printed = trained_on()
        for row in _rows(long, subset="all", head=EXTERNAL):
            if row["label"] in printed:
                train = self.corpora.get(row["trained_on"], printed[row["label"]])
                key = frozenset([row["label"]]), EXTERNAL, train
                yield (*key, self.corpora[row["test"]]), _value(row, _AUC)

    def localisation(self, table: pl.DataFrame) -> _Values:
        """Yield mean AUCs over the rows of fakes whose sound and video are fake."""
        for row in _rows(table, subset="both", head=self.spec.head):
            if row["encoder"] in self.encoders:  # pairs of encoders have no label
                key = self._key(row, [row["encoder"]], LOCALISED)
                yield key, _value(row, _LOCALISATION)

    def correlation(self, table: pl.DataFrame) -> _Values:
        for row in _rows(table):
            key = self._key(row, [row["first"], row["second"]], CORRELATED)
            yield key, _value(row, _PEARSON)

    def improvement(self, table: pl.DataFrame) -> _Values:
        """Yield gains of an encoder from another one, by the published rule."""
        for row in _rows(table, rule="mean"):
            task = IMPROVED + self.encoders[row["row"]]
            key = self._key(row, [row["row"], row["column"]], task)
            yield key, _value(row, _IMPROVEMENT, unit=100)

    def _key(self, row: Mapping[str, Any], names: Iterable[str], task: str) -> Key:
        streams = frozenset(self.encoders[name] for name in names)
        return streams, task, self.corpora[row["train"]], self.corpora[row["test"]]


def _rows(table: pl.DataFrame, **values: str) -> Iterator[dict[str, Any]]:
    rows = table.filter(**values) if values else table
    return rows.iter_rows(named=True)


def _value(
    row: Mapping[str, Any], columns: tuple[str, str, str], unit: float = 1
) -> Value:
    """Value and interval of a row, divided by its unit."""
    value, low, high = (None if row[n] is None else row[n] / unit for n in columns)
    return Value(value, low, high, row.get("coverage"))

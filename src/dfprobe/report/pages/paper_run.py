"""What a run has of the values that the paper prints, by labels."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

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
from dfprobe.store.files import Row

_AUC = ("auc", "auc_low", "auc_high")
_LOCALISATION = ("auc_clip_mean", "auc_clip_mean_low", "auc_clip_mean_high")
_PEARSON = ("pearson", "pearson_low", "pearson_high")
_IMPROVEMENT = ("improvement", "low", "high")
_read_correlation = partial(read_fusion, schema=CORRELATION_SCHEMA)
_read_improvement = partial(read_fusion, schema=IMPROVEMENT_SCHEMA)


class Products(NamedTuple):
    """Tables of a run (CSV) by their names in `dfprobe.products`; None without one."""

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

    By label, ``weights`` of each encoder, and whether a corpus is a ``demo`` corpus;
    ``values`` by streams, task, training and test corpus, as a
    `dfprobe.report.pages.paper_values.Requirement` names them.
    """

    weights: Mapping[str, str]
    demo: Mapping[str, bool]
    values: Mapping[Key, Value]


_Values = Iterator[tuple[Key, Value]]


def read_run(products: Products, spec: PaperSpec) -> Run:
    """Read all values of a run that the paper might have."""
    found = _Labelled(labels(spec.encoders), labels(spec.corpora), spec)
    values: dict[Key, Value] = {}
    for path, read, values_of in (
        (products.long, read_long, found.probes),
        (products.anomaly_long, read_long, found.heads),
        (products.detectors_long, read_long, found.detectors),
        (products.localisation, read_localisation, found.localisation),
        (products.correlation, _read_correlation, found.correlation),
        (products.improvement, _read_improvement, found.improvement),
    ):
        if path is not None:
            values |= values_of(read(path))
    return Run(
        weights={entry.label: entry.weights for entry in spec.encoders},
        demo={entry.label: entry.demo for entry in spec.corpora},
        values=values,
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

    def _key(self, row: Row, names: Iterable[str], task: str) -> Key:
        streams = frozenset(self.encoders[name] for name in names)
        return streams, task, self.corpora[row["train"]], self.corpora[row["test"]]


def _rows(table: pl.DataFrame, **values: str) -> Iterator[Row]:
    rows = table.filter(**values) if values else table
    return rows.iter_rows(named=True)


def _value(row: Row, columns: tuple[str, str, str], unit: float = 1) -> Value:
    """Value and interval of a row, divided by its unit."""
    value, low, high = (None if row[n] is None else row[n] / unit for n in columns)
    return Value(value, low, high, row.get("coverage"))

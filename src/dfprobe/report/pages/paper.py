"""The paper's values beside those of a run: ``paper_comparison.csv``.

``paper_tables.csv`` holds every value of the tables and figures of Boldisor, Smeu,
Oneata and Oneata, "Investigating self-supervised representations for audio-visual
deepfake detection" (arXiv 2511.17181, CVPR 2026): tables and Figure 5 as printed on its
project page, ``Table 2 two decimals`` and Figure 2 as the authors' plotting script has
them, values with ``read_from_plot`` in their metric from a picture.

A value is compared where the run has the same encoder and corpora, known by their
labels: encoders are called as in Table 2, corpora FAVC, AV1M, AVLips and DFE. Ours is
the AUC on all clips that the encoder could score, since the paper's is too; the values
of Figures 2 (localisation) and 5 are those of the clips that all encoders could score.
"""

from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from dfprobe.evaluation.tables.fusion_tables import (
    CORRELATION_SCHEMA,
    IMPROVEMENT_SCHEMA,
    read_fusion,
)
from dfprobe.evaluation.tables.matrix import read_long
from dfprobe.explain.temporal.tables import read_localisation
from dfprobe.products import EXTERNAL
from dfprobe.report.pages.paper_page import COMPARED, NOT_MEANT, NOT_RUN, paper_page
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.tables import PaperSpec
from dfprobe.store.csv_files import decimals, write_csv
from dfprobe.store.files import write_whole

NO_VALUE = "NA"  # where the paper has a dash
_SUPERVISED = "Sup"
_LOCALISED, _CORRELATED, _IMPROVED = "localisation", "correlation", "improvement of "
_TRAINED = {
    _SUPERVISED: "probe",
    _LOCALISED: "localisation of the probe",
    _CORRELATED: "correlation of these probes",
    "NTP": "next-token head",
    "Sync": "synchronisation head",
    EXTERNAL: "scores of the detector",
}
_ENDS = ("", "_low", "_high")  # of the columns of a value and its interval
_TABLES = Path(__file__).with_name("paper_tables.csv")
# Streams of the rows that are not called as in Table 2.
_STREAMS = {
    "Wav2Vec2 (A)": ("Wav2Vec2",),
    "AV-HuBERT (A + V) random": ("AV-HuBERT (A) random", "AV-HuBERT (V) random"),
    "AV-HuBERT (A + V)": ("AV-HuBERT (A)", "AV-HuBERT (V)"),
    "AV-HuBERT (A) + CLIP": ("AV-HuBERT (A)", "CLIP ViT-L/14"),
    "Wav2Vec2 + AV-HuBERT (V)": ("Wav2Vec2", "AV-HuBERT (V)"),
    "Wav2Vec2 + CLIP": ("Wav2Vec2", "CLIP ViT-L/14"),
}
_OUT_OF_DOMAIN = (  # columns B D E F H I, whose mean is J
    ("AV1M", "FAVC"),
    ("FAVC", "AV1M"),
    *((train, test) for test in ("AVLips", "DFE") for train in ("FAVC", "AV1M")),
)
_MEANS = {
    "All4": ("AV1M", "FAVC", "AVLips", "DFE"),
    "Last3": ("FAVC", "AVLips", "DFE"),
}


class Area(NamedTuple):
    """An AUC of the run with its interval; None where undefined; all within 0..1.

    A correlation, or a relative improvement as a share, stands in the same fields.
    """

    auc: float | None
    low: float | None
    high: float | None
    coverage: float | None


class Wanted(NamedTuple):
    """What has to be in a run for one value of the paper.

    Parameters
    ----------
    streams : frozenset of str
        Labels of encoders, or of one detector from elsewhere.
    task : str
        ``Sup``, ``NTP``, ``Sync``, ``external``, ``localisation``, ``correlation``, or
        ``improvement of`` and the label of the encoder that the other one improves.
    pairs : tuple of (str, str)
        Labels of training and test corpora; several stand for their mean.
    """

    streams: frozenset[str]
    task: str
    pairs: tuple[tuple[str, str], ...]


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


class Run(NamedTuple):
    """What there is to compare.

    Parameters
    ----------
    weights : mapping
        Weights of each encoder, by label.
    demo : mapping
        Whether a corpus is a demo corpus, by label.
    areas : mapping
        AUCs by streams, task, training and test corpus.
    """

    weights: Mapping[str, str]
    demo: Mapping[str, bool]
    areas: Mapping[tuple[frozenset[str], str, str, str], Area]


class Verdict(NamedTuple):
    """What is said of one value: state, reason if not compared, and our value."""

    state: str
    reason: str | None = None
    ours: Area = Area(None, None, None, None)


def paper_tables() -> pl.DataFrame:
    """Read the paper's values: ``table, row, column, train, test, metric, value``."""
    return pl.read_csv(_TABLES, infer_schema=False)


def compare_with_paper(
    products: Products, spec: PaperSpec, out_csv: Path, out_page: Path
) -> None:
    """Write every value of the paper with that of the run, as a table and as a page.

    Parameters
    ----------
    products : Products
    spec : PaperSpec
        ``head``: that of ``long`` to compare; ``encoders``: list of ``name, label,
        weights`` (``random`` for a control); ``corpora``: name -> ``label, demo``;
        ``rows``: those of the anomaly table, with ``name, streams``.
    out_csv : Path
        One row a value: ``paper`` as printed (empty for a dash), ``ours``, ``low`` and
        ``high`` (DeLong's 95% interval) in per cent; ``inside``: whether the paper's
        value, up to its rounding, lies in that interval, empty for a mean, which has
        none; ``coverage``, the smallest share of labelled test clips that was scored;
        ``state`` (``compared``, ``not run``, ``does not apply``) and the ``reason``.
    out_page : Path
        HTML that loads nothing.
    """
    run = _run(products, spec)
    tables = paper_tables()
    margins = _margins(tables)
    rows = [
        _compared(row, _verdict(row, run), margins[row["table"], row["metric"]])
        for row in tables.iter_rows(named=True)
    ]
    table = pl.DataFrame(rows, infer_schema_length=None).cast(
        {name: pl.Float64 for name in ("ours", "low", "high", "coverage")}
    )
    write_csv(
        table.with_columns(
            decimals(("ours", "low", "high"), "{:.2f}"),
            decimals(("coverage",), "{:.4f}"),
        ),
        out_csv,
    )
    with write_whole(out_page) as draft:
        draft.write_text(paper_page(table, all(run.demo.values())), encoding="utf-8")


def wanted(row: Mapping[str, str]) -> Wanted | None:
    """Say what a value of the paper needs; None for those that no run computes."""
    pair = ((row["train"], row["test"]),)
    match row["metric"]:
        case "AUC_percent":
            return _wanted_area(row)
        case "mean_per_video_frame_AUC_percent":
            return Wanted(frozenset([row["row"]]), _LOCALISED, pair)
        case "pearson_percent":
            return Wanted(frozenset([row["row"], row["column"]]), _CORRELATED, pair)
        case "relative_AUC_improvement_percent":
            both = frozenset([row["row"], row["column"]])
            return Wanted(both, _IMPROVED + row["row"], pair)
    return None


def _wanted_area(row: Mapping[str, str]) -> Wanted:
    streams = frozenset(_STREAMS.get(row["row"], (row["row"],)))
    train = row["train"].split()[0]  # "AV1M 23k" and "AV1M real" are parts of AV1M
    task = _SUPERVISED
    if row["table"] == "Table 4":
        task = row["column"].split()[1]
    elif not streams <= _encoders():
        task = EXTERNAL
    if row["column"] == "J":
        return Wanted(streams, task, _OUT_OF_DOMAIN)
    tests = _MEANS.get(row["column"], (row["test"],))
    return Wanted(streams, task, tuple((train, test) for test in tests))


@cache
def _encoders() -> frozenset[str]:
    """Names of Table 2."""
    return frozenset(paper_tables().filter(table="Table 2")["row"])


def _verdict(row: Mapping[str, str], run: Run) -> Verdict:
    if all(run.demo.values()):
        return Verdict(NOT_MEANT, "all corpora of this run are demo corpora")
    if row["value"] == NO_VALUE:
        return Verdict(NOT_MEANT, "the paper has no value here")
    need = wanted(row)
    if need is None:
        return Verdict(NOT_RUN, "no run computes this value")
    if row["row"] == row["column"]:
        return Verdict(NOT_MEANT, "a probe beside itself")
    for obstacle in (_other_encoders(need, run), _other_corpora(need, run)):
        if obstacle is not None:
            return obstacle
    areas = [run.areas.get((need.streams, need.task, *pair)) for pair in need.pairs]
    for (train, test), area in zip(need.pairs, areas, strict=True):
        if area is None:
            kind = _TRAINED.get(need.task, f"{need.task} by the other probe,")
            what = f"{kind} trained on {train} and tested on {test}"
            return Verdict(NOT_RUN, f"no {what} in this run")
        if area.auc is None:
            return Verdict(NOT_RUN, f"the clips of {test} are of one class")
    return Verdict(COMPARED, ours=_mean([area for area in areas if area]))


def _other_encoders(need: Wanted, run: Run) -> Verdict | None:
    """Say which encoder stands in the way of a comparison, if one does."""
    there = set(run.weights)
    if need.task == EXTERNAL:
        keys = (key for key in run.areas if key[1] == EXTERNAL)
        there = {name for streams, *_ in keys for name in streams}
    for name in sorted(need.streams - there):
        return Verdict(NOT_RUN, f"{name} is not in this run")
    for name in sorted(need.streams & run.weights.keys()):
        random = run.weights[name] == "random"
        if random != name.endswith("random"):
            kind = "random" if random else "trained"
            return Verdict(NOT_MEANT, f"{name} has {kind} weights in this run")
    return None


def _other_corpora(need: Wanted, run: Run) -> Verdict | None:
    """Say which corpus stands in the way of a comparison, if one does."""
    trains = [train for train, _ in need.pairs if need.task != EXTERNAL]
    for name in dict.fromkeys([*trains, *(test for _, test in need.pairs)]):
        if name not in run.demo:
            return Verdict(NOT_RUN, f"{name} is not in this run")
        if run.demo[name]:
            return Verdict(NOT_MEANT, f"{name} is a demo corpus in this run")
    return None


def _mean(areas: list[Area]) -> Area:
    """Mean AUC, which has no interval, with the smallest coverage."""
    if len(areas) == 1:
        return areas[0]
    mean = float(np.mean([area.auc for area in areas]))
    coverage = min(area.coverage for area in areas if area.coverage is not None)
    return Area(mean, None, None, coverage)


def _compared(row: dict[str, str], verdict: Verdict, margin: float) -> dict[str, Any]:
    ours = verdict.ours
    inside = None
    if ours.low is not None and ours.high is not None:
        paper = float(row["value"])
        low, high = 100 * ours.low - margin, 100 * ours.high + margin
        inside = "yes" if low <= paper <= high else "no"
    return {
        **{k: row[k] for k in ("table", "row", "column", "train", "test", "metric")},
        "paper": None if row["value"] == NO_VALUE else row["value"],
        **{
            name: None if value is None else 100 * value
            for name, value in zip(("ours", "low", "high"), ours[:3], strict=True)
        },
        "inside": inside,
        "coverage": ours.coverage,
        "state": verdict.state,
        "reason": verdict.reason,
    }


def _margins(tables: pl.DataFrame) -> dict[tuple[str, str], float]:
    """Half a unit of the last digit that a table prints, by table and metric."""
    digits = pl.col("value").str.extract(r"\.(\d+)$").str.len_chars().fill_null(0).max()
    grouped = tables.group_by("table", "metric").agg(digits.alias("digits"))
    return {
        (table, metric): 0.5 * 10.0**-count + 1e-9  # a bound itself is inside
        for table, metric, count in grouped.iter_rows()
    }


def _run(products: Products, spec: PaperSpec) -> Run:
    areas = dict(_probe_areas(read_long(products.long), spec))
    if products.anomaly_long is not None:
        areas |= dict(_anomaly_areas(read_long(products.anomaly_long), spec))
    if products.detectors_long is not None:
        areas |= dict(_external_areas(read_long(products.detectors_long), spec))
    if products.localisation is not None:
        areas |= dict(_localised(read_localisation(products.localisation), spec))
    if products.correlation is not None:
        table = read_fusion(products.correlation, CORRELATION_SCHEMA)
        areas |= dict(_correlated(table, spec))
    if products.improvement is not None:
        table = read_fusion(products.improvement, IMPROVEMENT_SCHEMA)
        areas |= dict(_improved(table, spec))
    return Run(
        weights={entry.label: entry.weights for entry in spec.encoders},
        demo={entry.label: entry.demo for entry in spec.corpora},
        areas=areas,
    )


_Areas = Iterator[tuple[tuple[frozenset[str], str, str, str], Area]]


def _probe_areas(long: pl.DataFrame, spec: PaperSpec) -> _Areas:
    label, corpus = _labels(spec)
    for row in long.filter(subset="all", head=spec.head).iter_rows(named=True):
        streams = frozenset([label[row["encoder"]]])
        pair = corpus[row["train"]], corpus[row["test"]]
        yield (streams, _SUPERVISED, *pair), _area(row)


def _anomaly_areas(long: pl.DataFrame, spec: PaperSpec) -> _Areas:
    label, corpus = _labels(spec)
    streams = {
        row.name: frozenset(label[name] for name in row.streams) for row in spec.rows
    }
    for row in long.filter(subset="all").iter_rows(named=True):
        pair = corpus[row["train"]], corpus[row["test"]]
        yield (streams[row["row"]], row["task"], *pair), _area(row)


def _external_areas(long: pl.DataFrame, spec: PaperSpec) -> _Areas:
    """AUCs of detectors from elsewhere, taken as trained on what the paper says.

    Only a corpus of this run as ``trained_on`` can contradict the paper.
    """
    corpus = labels(spec.corpora)
    printed = paper_tables().filter(table="Table 3").select("row", "train").rows()
    trained_on = {name: train.split()[0] for name, train in printed}
    for row in long.filter(subset="all", head=EXTERNAL).iter_rows(named=True):
        if row["label"] in trained_on:
            train = corpus.get(row["trained_on"], trained_on[row["label"]])
            streams = frozenset([row["label"]])
            yield (streams, EXTERNAL, train, corpus[row["test"]]), _area(row)


def _area(row: Mapping[str, Any]) -> Area:
    return Area(row["auc"], row["auc_low"], row["auc_high"], row["coverage"])


def _localised(table: pl.DataFrame, spec: PaperSpec) -> _Areas:
    """Mean AUC over the rows of a clip, of the fakes that are manipulated in both."""
    label, corpus = _labels(spec)
    kept = table.filter(pl.col("encoder").is_in(list(label)))
    for row in kept.filter(subset="both", head=spec.head).iter_rows(named=True):
        ours = _value(row, [f"auc_clip_mean{end}" for end in _ENDS])
        pair = corpus[row["train"]], corpus[row["test"]]
        streams = frozenset([label[row["encoder"]]])
        yield (streams, _LOCALISED, *pair), ours


def _correlated(table: pl.DataFrame, spec: PaperSpec) -> _Areas:
    label, corpus = _labels(spec)
    for row in table.iter_rows(named=True):
        ours = _value(row, [f"pearson{end}" for end in _ENDS])
        streams = frozenset([label[row["first"]], label[row["second"]]])
        pair = corpus[row["train"]], corpus[row["test"]]
        yield (streams, _CORRELATED, *pair), ours


def _improved(table: pl.DataFrame, spec: PaperSpec) -> _Areas:
    """Relative improvement of an encoder by another one, by the published rule."""
    label, corpus = _labels(spec)
    for row in table.filter(rule="mean").iter_rows(named=True):
        improved = label[row["row"]]
        streams = frozenset([improved, label[row["column"]]])
        pair = corpus[row["train"]], corpus[row["test"]]
        ours = _value(row, ["improvement", "low", "high"], unit=100)
        yield (streams, _IMPROVED + improved, *pair), ours


def _value(row: Mapping[str, Any], names: list[str], unit: float = 1) -> Area:
    """Value and interval of a row, divided by its unit."""
    value, low, high = (None if row[n] is None else row[n] / unit for n in names)
    return Area(value, low, high, None)


def _labels(spec: PaperSpec) -> tuple[dict[str, str], dict[str, str]]:
    """Labels of encoders and of corpora, by name."""
    return labels(spec.encoders), labels(spec.corpora)

"""The paper's values and those of a run: ``paper_comparison.csv`` and page.

A value is compared where the run has the same encoder and corpora, known by their
labels: encoders are called as in Table 2, corpora FAVC, AV1M, AVLips and DFE. Ours is
the AUC on all clips that the encoder could score, since the paper's is too; the values
of Figures 2 (localisation) and 5 are those of the clips that all encoders could score.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.products import EXTERNAL
from dfprobe.report.pages.paper_page import COMPARED, NOT_MEANT, NOT_RUN, paper_page
from dfprobe.report.pages.paper_run import Products, Run, Value, read_run
from dfprobe.report.pages.paper_values import (
    CORRELATED,
    LOCALISED,
    NO_VALUE,
    SUPERVISED,
    Requirement,
    paper_tables,
    requirement,
)
from dfprobe.settings.stage_specs.tables import PaperSpec
from dfprobe.store.csv_files import decimals, write_csv
from dfprobe.store.files import write_whole

_TRAINED = {
    SUPERVISED: "probe",
    LOCALISED: "localisation of the probe",
    CORRELATED: "correlation of these probes",
    "NTP": "next-token head",
    "Sync": "synchronisation head",
    EXTERNAL: "scores of the detector",
}


_COLUMNS = (
    *("table", "row", "column", "train", "test", "metric", "paper", "ours", "low"),
    *("high", "inside", "coverage", "state", "reason"),
)
_FOUND = {
    **dict.fromkeys(("ours", "low", "high", "coverage"), pl.Float64),
    **dict.fromkeys(("state", "reason"), pl.String),
}


class Verdict(NamedTuple):
    """What is said of one value: state, reason if not compared, and our value."""

    state: str
    reason: str | None = None
    ours: Value = Value(None, None, None, None)


def compare_with_paper(
    products: Products, spec: PaperSpec, out_csv: Path, out_page: Path
) -> None:
    """Write every value of the paper with that of the run, as a table and as a page.

    The table is that of `comparison`, the page HTML that loads nothing; the probes are
    those of the ``head`` of ``spec``.
    """
    run = read_run(products, spec)
    table = comparison(run)
    numbers = decimals(("ours", "low", "high"), "{:.2f}")
    write_csv(table.with_columns(numbers, decimals(("coverage",), "{:.4f}")), out_csv)
    with write_whole(out_page) as draft:
        page = paper_page(table, all(run.demo.values()), spec.weights_notes)
        draft.write_text(page, encoding="utf-8")


def comparison(run: Run) -> pl.DataFrame:
    """Compare every value of the paper with that of a run.

    Returns
    -------
    pl.DataFrame
        One row per value: ``paper`` as printed (null for a dash), ``ours``, ``low`` and
        ``high`` (DeLong's 95% interval) in per cent; ``inside``: whether the paper's
        value, up to its rounding, lies in that interval, null for a mean, which has
        none; ``coverage``, the smallest share of labelled test clips that was scored;
        ``state`` (``compared``, ``not run``, ``does not apply``) and the ``reason``.
    """
    printed = paper_tables()
    verdicts = [_verdict(row, run) for row in printed.iter_rows(named=True)]
    found = [(*verdict.ours, verdict.state, verdict.reason) for verdict in verdicts]
    table = printed.hstack(pl.DataFrame(found, schema=_FOUND, orient="row"))
    table = table.with_columns(
        pl.col("value").replace(NO_VALUE, None).alias("paper"),
        pl.col("ours", "low", "high") * 100,
    )
    low, high = pl.col("low") - _margin(), pl.col("high") + _margin()
    within = pl.col("paper").cast(pl.Float64).is_between(low, high)
    inside = within.replace_strict({True: "yes", False: "no"}, return_dtype=pl.String)
    return table.with_columns(inside.alias("inside")).select(_COLUMNS)


def _margin() -> pl.Expr:
    """Half a unit of the last digit that a table prints of a metric."""
    digits = pl.col("paper").str.extract(r"\.(\d+)$").str.len_chars().fill_null(0)
    half = 0.5 * pl.lit(10.0) ** -digits.max().over("table", "metric").cast(pl.Int64)
    return half + 1e-9  # a bound itself is inside


def _verdict(row: Mapping[str, str], run: Run) -> Verdict:
    if all(run.demo.values()):
        return Verdict(NOT_MEANT, "all corpora of this run are demo corpora")
    if row["value"] == NO_VALUE:
        return Verdict(NOT_MEANT, "the paper has no value here")
    need = requirement(row)
    if need is None:
        return Verdict(NOT_RUN, "no run computes this value")
    if row["row"] == row["column"]:
        return Verdict(NOT_MEANT, "a probe beside itself")
    return _other_encoders(need, run) or _other_corpora(need, run) or _ours(need, run)


def _other_encoders(need: Requirement, run: Run) -> Verdict | None:
    """Say which encoder prevents a comparison, if one does."""
    there = set(run.weights)
    if need.task == EXTERNAL:
        keys = (key for key in run.values if key[1] == EXTERNAL)
        there = {name for streams, *_ in keys for name in streams}
    for name in sorted(need.streams - there):
        return Verdict(NOT_RUN, f"{name} is not in this run")
    for name in sorted(need.streams & run.weights.keys()):
        random = run.weights[name] == "random"
        if random != name.endswith("random"):
            kind = "random" if random else "trained"
            return Verdict(NOT_MEANT, f"{name} has {kind} weights in this run")
    return None


def _other_corpora(need: Requirement, run: Run) -> Verdict | None:
    """Say which corpus prevents a comparison, if one does."""
    trains = [train for train, _ in need.pairs if need.task != EXTERNAL]
    for name in dict.fromkeys([*trains, *(test for _, test in need.pairs)]):
        if name not in run.demo:
            return Verdict(NOT_RUN, f"{name} is not in this run")
        if run.demo[name]:
            return Verdict(NOT_MEANT, f"{name} is a demo corpus in this run")
    return None


def _ours(need: Requirement, run: Run) -> Verdict:
    values = []
    for train, test in need.pairs:
        value = run.values.get((need.streams, need.task, train, test))
        if value is None:
            kind = _TRAINED.get(need.task, f"{need.task} by the other probe,")
            what = f"{kind} trained on {train} and tested on {test}"
            return Verdict(NOT_RUN, f"no {what} in this run")
        if value.value is None:
            return Verdict(NOT_RUN, f"the clips of {test} are of one class")
        values.append(value)
    return Verdict(COMPARED, ours=_mean(values))


def _mean(values: list[Value]) -> Value:
    """Mean, which has no interval, with the smallest coverage."""
    if len(values) == 1:
        return values[0]
    mean = float(np.mean([value.value for value in values]))
    coverage = min(value.coverage for value in values if value.coverage is not None)
    return Value(mean, None, None, coverage)

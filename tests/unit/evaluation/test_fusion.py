"""Correlation and late fusion of encoders."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
import pytest
from scipy.stats import kendalltau, pearsonr, spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from dfprobe.errors import DataError
from dfprobe.evaluation.statistics.fusion_gains import Placed, improvements, intervals
from dfprobe.evaluation.statistics.fusion_rules import (
    RULES,
    Validation,
    fuse,
    stacked_weights,
)
from dfprobe.evaluation.statistics.metrics import auc, auc_interval
from dfprobe.evaluation.statistics.paired import compare
from dfprobe.evaluation.tables.fusion import make_fusion
from dfprobe.evaluation.tables.fusion_correlation import correlation_rows
from dfprobe.evaluation.tables.fusion_tables import (
    CORRELATION_SCHEMA,
    IMPROVEMENT_SCHEMA,
    SETS_SCHEMA,
    Tables,
    read_fusion,
)
from dfprobe.settings.stage_specs.tables import FusionSpec
from dfprobe.store.scores import write_scores
from typed_specs import typed

TEST, VAL = 200, 80  # clips


class Result(NamedTuple):
    correlation: pl.DataFrame
    sets: pl.DataFrame
    improvement: pl.DataFrame

    def of(self, rule, name="a+b"):
        return self.sets.row(by_predicate=_is(rule=rule, set=name), named=True)

    def improved(self, rule, row, column):
        found = self.improvement.row(
            by_predicate=_is(rule=rule, row=row, column=column), named=True
        )
        return found["improvement"]


def _is(**values):
    return pl.all_horizontal(pl.col(name) == value for name, value in values.items())


class Project:
    """Score files of encoders trained on one corpus and tested on it and another."""

    def __init__(self, folder: Path, seed: int = 3) -> None:
        self.folder = folder
        self.rng = np.random.default_rng(seed)
        self.scores: dict[str, dict[str, np.ndarray]] = {}
        self.labels = {
            "test": self.labels_of(TEST),
            "val": self.labels_of(VAL),
        }
        self.sets: list[list[str]] = []

    def labels_of(self, count):
        return (np.arange(count) % 2).astype(float)

    def add(self, name, *signals, scale=1.0, noise=0.0):
        """Add an encoder: ``signals`` are dicts of arrays by split."""
        self.scores[name] = {
            split: scale
            * (
                sum(signal[split] for signal in signals)
                + noise * self.rng.standard_normal(len(labels))
            )
            for split, labels in self.labels.items()
        }
        return self

    def signal(self, strength):
        """Evidence of its own for the label, in both splits."""
        return {
            split: strength * labels + self.rng.standard_normal(len(labels))
            for split, labels in self.labels.items()
        }

    def run(self, name="out") -> Result:
        paths = self.write()
        out = Tables(*(self.folder / name / f"{k}.csv" for k in Tables._fields))
        spec = {
            "head": "linear",
            "encoders": list(self.scores),
            "train": ["one"],
            "test": ["one"],
            "sets": self.sets,
        }
        make_fusion(*paths, typed(FusionSpec, spec), out)
        schemas = (CORRELATION_SCHEMA, SETS_SCHEMA, IMPROVEMENT_SCHEMA)
        return Result(*map(read_fusion, out, schemas))

    def write(self):
        files, vals = [], []
        for name, scores in self.scores.items():
            files.append(self.folder / "scores/linear" / name / "one/one.parquet")
            vals.append(self.folder / "heads/linear" / name / "one.val.parquet")
            for split, path in (("test", files[-1]), ("val", vals[-1])):
                write_scores(self.table(split, scores[split]), path)
        manifest = self.folder / "one.parquet"
        clips = [f"{split}/{n:03d}" for split in self.labels for n in range(TEST)]
        nothing = pl.Series([None] * len(clips), dtype=pl.String)
        pl.DataFrame({"clip_id": clips, "speaker": nothing, "source": nothing}).select(
            "clip_id", "speaker", "source"
        ).write_parquet(manifest)
        return files, vals, [manifest]

    def table(self, split, scores):
        labels = self.labels[split]
        score = pl.Series(scores).fill_nan(None)
        return pl.DataFrame(
            {
                "clip_id": [f"{split}/{n:03d}" for n in range(len(labels))],
                "label": labels,
                "score": score,
                "manipulation": ["x"] * len(labels),
                "status": pl.select(
                    pl.when(score.is_null())
                    .then(pl.lit("no_face"))
                    .otherwise(pl.lit("ok"))
                ).to_series(),
            }
        )


@pytest.fixture
def project(tmp_path):
    return Project(tmp_path)


@pytest.fixture
def halves(project):
    """Two encoders with evidence of their own, of equal strength."""
    return project.add("a", project.signal(1.2)).add("b", project.signal(1.2))


def test_correlations_are_those_of_scipy(halves):
    halves.add("c", halves.scores["a"], noise=0.5)
    table = halves.run().correlation
    assert table.select("first", "second").rows() == [
        ("a", "b"),
        ("a", "c"),
        ("b", "c"),
    ]
    for row in table.iter_rows(named=True):
        one, two = (halves.scores[row[k]]["test"] for k in ("first", "second"))
        pearson = pearsonr(one, two)
        ends = pearson.confidence_interval(0.95)
        assert row["pearson"] == pytest.approx(pearson.statistic, abs=1e-6)
        assert row["pearson_low"] == pytest.approx(ends.low, abs=1e-6)
        assert row["pearson_high"] == pytest.approx(ends.high, abs=1e-6)
        assert row["spearman"] == pytest.approx(spearmanr(one, two)[0], abs=1e-6)
        assert row["kendall"] == pytest.approx(kendalltau(one, two)[0], abs=1e-6)
        assert row["clips"] == TEST


def test_a_score_that_never_changes_has_no_correlation():
    rows = correlation_rows(["a", "b"], np.array([[1.0, 2.0, 4.0], [3.0, 3.0, 3.0]]))
    assert next(rows)["pearson"] is None


def test_independent_evidence_gains_and_says_so(halves):
    found = halves.run()
    labels = halves.labels["test"].astype(int)
    one, two = (halves.scores[name]["test"] for name in "ab")
    areas = [auc(labels, score) for score in (one, two)]
    for rule in RULES:
        row = found.of(rule)
        assert row["significant"]
        assert row["gain_low"] > 0
        assert row["best_single"] == "ab"[int(np.argmax(areas))]
        assert row["best_single_auc"] == pytest.approx(max(areas), abs=1e-6)
    row = found.of("mean")
    both = (one + two) / 2
    assert row["auc"] == pytest.approx(auc(labels, both), abs=1e-6)
    best = (one, two)[int(np.argmax(areas))]
    test = compare(labels, np.stack([both, best]))
    assert row["gain"] == pytest.approx(test.difference[0], abs=1e-6)
    assert row["gain_low"] == pytest.approx(test.low[0], abs=1e-6)
    assert row["p_value"] == pytest.approx(test.p[0], rel=1e-3)
    expected = 100 * (row["auc"] - areas[0]) / areas[0]
    assert found.improved("mean", "a", "b") == pytest.approx(expected, abs=1e-3)


def test_a_copy_adds_nothing(project):
    signal = project.signal(1.0)
    found = project.add("a", signal).add("b", signal).run()
    assert found.correlation["pearson"].to_list() == [1.0]
    assert found.correlation["pearson_low"].to_list() == [1.0]
    assert found.correlation["kendall"].to_list() == [1.0]
    assert found.improvement["improvement"].to_list() == [0.0] * 2 * len(RULES)
    for rule in RULES:
        assert found.of(rule)["gain"] == 0
        assert found.of(rule)["p_value"] == 1
        assert not found.of(rule)["significant"]


def test_a_loud_score_spoils_the_mean_but_not_the_standardised_mean(project):
    project.add("a", project.signal(1.5))
    project.add("b", project.signal(0.0), scale=50.0)
    project.add("c", project.signal(1.5))
    found = project.run()
    assert found.of("mean")["gain"] < -0.2
    assert found.of("mean")["significant"]
    assert found.of("standardised")["auc"] > found.of("mean")["auc"] + 0.1
    assert found.of("stacked")["auc"] > found.of("standardised")["auc"]
    project.scores["a"] = {k: 50 * v for k, v in project.scores["a"].items()}
    assert project.run().of("standardised")["auc"] == found.of("standardised")["auc"]


def test_stacking_is_logistic_regression_on_the_validation_clips(halves):
    validation = np.stack([halves.scores[name]["val"] for name in "ab"])
    labels = halves.labels["val"].astype(int)
    weights = stacked_weights((0, 1), Validation(labels, validation)).values
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1.0))
    model.fit(validation.T, labels)
    test = np.stack([halves.scores[name]["test"] for name in "ab"])
    offset = model.decision_function(test.T) - fuse(test, (0, 1), weights)
    assert np.ptp(offset) < 1e-9
    auc_found = halves.run().of("stacked")["auc"]
    expected = auc(halves.labels["test"].astype(int), model.decision_function(test.T))
    assert auc_found == pytest.approx(expected, abs=1e-6)


def test_no_rule_sees_a_test_label(halves, monkeypatch):
    fused = []

    def watched(*arguments):
        fused.append(fuse(*arguments))
        return fused[-1]

    monkeypatch.setattr("dfprobe.evaluation.tables.fusion.fuse", watched)
    halves.run()
    before, fused = fused, []
    labels = halves.labels["test"]
    halves.labels["test"] = halves.rng.permutation(labels)
    assert (halves.labels["test"] != labels).any()
    halves.run()
    assert len(before) == len(fused) == len(RULES)
    assert all((one == two).all() for one, two in zip(before, fused, strict=True))


@pytest.mark.parametrize(
    ("label", "clips", "note"),
    [
        (0.0, VAL, "validation has 80 real and 0 fake clips"),
        (None, 6, "validation has 3 real and 3 fake clips"),
    ],
)
def test_what_cannot_be_stacked_is_said_and_the_rest_stays(halves, label, clips, note):
    halves.labels["val"] = halves.labels["val"][:clips]
    if label is not None:
        halves.labels["val"][:] = label
    for scores in halves.scores.values():
        scores["val"] = scores["val"][:clips]
    found = halves.run()
    row = found.of("stacked")
    assert row["note"].startswith(note)
    assert row["auc"] is row["gain"] is row["p_holm"] is row["significant"] is None
    assert found.of("standardised")["auc"] > 0.8
    assert set(found.improvement["rule"]) == {"mean", "standardised"}


def test_equal_validation_scores_are_no_scale(halves):
    halves.scores["b"]["val"][:] = 0.1
    found = halves.run()
    assert "are all equal" in found.of("standardised")["note"]
    assert "are all equal" in found.of("stacked")["note"]
    assert found.of("mean")["auc"] > 0.8


def test_clips_that_one_encoder_missed_count_for_no_pair(halves):
    halves.add("c", halves.signal(0.5))
    whole = halves.run()
    halves.scores["c"]["test"][:20] = np.nan
    halves.scores["c"]["val"][:6] = np.nan
    found = halves.run()
    assert set(whole.sets["clips"]) == {TEST}
    assert set(found.sets["clips"]) == set(found.correlation["clips"]) == {TEST - 20}
    labels = halves.labels["test"][20:].astype(int)
    both = sum(halves.scores[name]["test"][20:] for name in "ab") / 2
    assert found.of("mean")["auc"] == pytest.approx(auc(labels, both), abs=1e-6)
    spread = [halves.scores[name]["val"][6:].std() for name in "ab"]
    both = sum(
        halves.scores[n]["test"][20:] / s for n, s in zip("ab", spread, strict=True)
    )
    expected = auc(labels, both)
    assert found.of("standardised")["auc"] == pytest.approx(expected, abs=1e-6)


def test_larger_sets_stand_beside_the_pairs_in_one_family_of_tests(halves):
    halves.add("c", halves.signal(1.2))
    alone = halves.run()
    halves.sets = [["c", "a", "b"]]
    found = halves.run()
    assert found.sets.filter(rule="mean")["set"].to_list() == [
        *("a+b", "a+c", "b+c"),
        "a+b+c",
    ]
    row = found.of("mean", "a+b+c")
    assert row["size"] == 3
    assert row["auc"] > found.of("mean")["auc"]
    assert found.improvement.equals(alone.improvement)
    most = found.sets.filter(rule="mean")["p_value"].arg_min()
    smallest = found.sets.filter(rule="mean").row(most, named=True)
    assert smallest["p_holm"] == pytest.approx(4 * smallest["p_value"], rel=1e-2)


def test_the_interval_of_the_improvement_is_that_of_drawn_clips(halves):
    """Compare the delta method with a bootstrap of the clips, by class."""
    halves.add("weak", halves.signal(-0.3))
    labels = halves.labels["test"].astype(int)
    weak, two = (halves.scores[name]["test"] for name in ("weak", "b"))
    scores = np.stack([weak / 4 + two, weak])
    placed = Placed.of(labels, scores)
    found = improvements(placed.chosen([0]), placed.chosen([1]))
    rng = np.random.default_rng(0)
    classes = [np.flatnonzero(labels == k) for k in (0, 1)]
    drawn = []
    for _ in range(600):
        clips = np.concatenate([rng.choice(part, len(part)) for part in classes])
        areas = Placed.of(labels[clips], scores[:, clips]).areas
        drawn.append(100 * (areas[0] / areas[1] - 1))
    spread = (found.high[0] - found.low[0]) / (2 * 1.96)
    assert spread == pytest.approx(np.std(drawn), rel=0.12)
    assert found.values[0] == pytest.approx(np.mean(drawn), abs=spread / 3)


def test_many_intervals_are_those_of_one_at_a_time(halves):
    labels = halves.labels["test"].astype(int)
    perfect = labels + 0.1 * halves.scores["a"]["test"] / 10
    scores = np.stack([halves.scores["a"]["test"], perfect, np.zeros(TEST)])
    low, high = intervals(Placed.of(labels, scores))
    for place, row in enumerate(scores):
        assert (low[place], high[place]) == pytest.approx(auc_interval(labels, row))


def test_one_encoder_gives_tables_without_rows(project):
    found = project.add("a", project.signal(1.0)).run()
    assert [table.height for table in found] == [0, 0, 0]
    assert found.sets.columns == list(SETS_SCHEMA)


def test_too_few_test_clips_give_no_number(halves):
    halves.labels["test"][1:] = 1.0
    row = halves.run().of("mean")
    assert row["note"].startswith("fewer than two real")
    assert row["auc"] is None


def test_a_missing_file_is_named(halves, tmp_path):
    files, vals, manifests = halves.write()
    one = {"train": ["one"], "test": ["one"]}
    spec = typed(
        FusionSpec, {"head": "linear", "encoders": ["a", "b"], "sets": []} | one
    )
    out = Tables(*(tmp_path / name for name in Tables._fields))
    with pytest.raises(DataError, match="encoder b, trained on one and tested on one"):
        make_fusion(files[:1], vals, manifests, spec, out)
    with pytest.raises(
        DataError, match="validation scores of encoder b, trained on one"
    ):
        make_fusion(files, vals[:1], manifests, spec, out)


def test_equal_inputs_give_equal_bytes(halves, tmp_path):
    for name in ("one", "two"):
        halves.run(name)
    for name in Tables._fields:
        one, two = (tmp_path / part / f"{name}.csv" for part in ("one", "two"))
        assert one.read_bytes() == two.read_bytes()

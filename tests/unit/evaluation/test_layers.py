"""The table of an encoder's hidden layers."""

import numpy as np
import polars as pl
import pytest
from scipy.special import softmax

from dfprobe.errors import DataError
from dfprobe.evaluation.statistics.metrics import auc, auc_interval
from dfprobe.evaluation.tables.layers import make_layers, read_layers
from dfprobe.products import ScoreKey
from dfprobe.settings.stage_specs.heads import LayersTableSpec
from dfprobe.store.scores import read_scores, write_scores

SPEC = LayersTableSpec(encoder="w2v", train=("favc", "av1m"), test=("av1m", "avlips"))
KEYS = [
    ScoreKey(head, "w2v", train, test)
    for head in ("layer-00", "layer-01", "layer_mix")
    for train in SPEC.train
    for test in SPEC.test
]
CLIPS = 20
LOST = 3  # clip without a score of layer 1


class Layers:
    """Files of a toy run."""

    def __init__(self, folder):
        self.scores = [
            folder / key.head / key.encoder / key.train / f"{key.test}.parquet"
            for key in KEYS
        ]
        self.weights = {
            train: softmax([0.0, number]) for number, train in enumerate(SPEC.train)
        }
        self.manifests = [folder / f"{test}.parquet" for test in SPEC.test]
        self.out = folder / "w2v.csv"

    def table(self, scores=None):
        make_layers(scores or self.scores, self.weights, self.manifests, SPEC, self.out)
        return read_layers(self.out)


@pytest.fixture
def run(tmp_path):
    run = Layers(tmp_path)
    rng = np.random.default_rng(5)
    clips = pl.DataFrame(
        {
            "clip_id": [f"{i:02d}" for i in range(CLIPS)],
            "label": [i % 2 for i in range(CLIPS)],
            "manipulation": ["real", "swap"] * (CLIPS // 2),
            "speaker": [None] * CLIPS,
            "source": [None] * CLIPS,
        },
        schema_overrides={"speaker": pl.String, "source": pl.String},
    )
    for manifest in run.manifests:
        clips.write_parquet(manifest)
    for key, path in zip(KEYS, run.scores, strict=True):
        lost = (pl.int_range(CLIPS) == LOST) & (key.head == "layer-01")
        numbers = pl.Series("score", rng.standard_normal(CLIPS)) + clips["label"]
        table = clips.with_columns(
            score=pl.when(~lost).then(numbers),
            status=pl.when(lost).then(pl.lit("non_finite")).otherwise(pl.lit("ok")),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_scores(table, path)
    return run


def test_rows_are_the_layers_and_the_mix_of_each_pair(run):
    table = run.table()
    assert table.columns == [
        *("train", "test", "layer", "auc", "auc_low", "auc_high"),
        *("clips", "mix_weight"),
    ]
    assert table["layer"].to_list() == ["0", "1", "mix"] * 4
    pairs = table.select("train", "test").unique(maintain_order=True).rows()
    assert pairs == [(r, e) for r in SPEC.train for e in SPEC.test]


def test_areas_are_those_of_the_clips_that_all_layers_scored(run):
    table = run.table()
    assert set(table["clips"]) == {CLIPS - 1}
    path = run.scores[KEYS.index(ScoreKey("layer-00", "w2v", "favc", "avlips"))]
    scores = read_scores(path).filter(pl.col("clip_id") != f"{LOST:02d}")
    labels, values = scores["label"].to_numpy().astype(int), scores["score"].to_numpy()
    [row] = table.filter(
        pl.col("train") == "favc", pl.col("test") == "avlips", pl.col("layer") == "0"
    ).rows(named=True)
    interval = auc_interval(labels, values)
    assert row["auc"] == pytest.approx(auc(labels, values), abs=1e-6)
    assert row["auc_low"] == pytest.approx(interval.low, abs=1e-6)
    assert row["auc_high"] == pytest.approx(interval.high, abs=1e-6)


def test_weights_are_those_of_the_mix_of_the_training_corpus(run):
    table = run.table()
    for number, train in enumerate(SPEC.train):
        weights = table.filter(pl.col("train") == train)["mix_weight"].to_list()
        share = float(1 / (1 + np.exp(number)))
        assert weights == [round(share, 6), round(1 - share, 6), None] * 2


def test_a_test_corpus_of_one_class_has_no_area(run):
    for path in run.scores:
        scores = read_scores(path)
        write_scores(scores.with_columns(label=pl.lit(1)), path)
    table = run.table()
    assert table.select("auc", "auc_low", "auc_high").null_count().row(0) == (12,) * 3


def test_a_missing_score_file_is_named(run):
    with pytest.raises(DataError, match=r"head layer-00, encoder w2v.*is missing"):
        run.table(run.scores[1:])

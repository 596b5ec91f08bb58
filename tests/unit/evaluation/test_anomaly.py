"""The table of supervised and unsupervised heads."""

import numpy as np
import polars as pl
import pytest

from dfprobe.errors import DataError
from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.evaluation.tables.anomaly import make_anomaly
from dfprobe.evaluation.tables.matrix import read_long
from dfprobe.products import ScoreKey
from dfprobe.settings.stage_specs.tables import AnomalySpec
from dfprobe.store.scores import read_scores, write_scores
from typed_specs import typed

SPEC = {
    "head": "linear",
    "real": "av1m",
    "test": ["av1m", "favc"],
    "supervised": {"av1m": ["favc", "lrs"], "favc": ["av1m"]},
    "rows": [
        {"name": "hear", "label": "Hear", "modality": "audio", "streams": ["hear"]},
        {
            "name": "see+hear",
            "label": "Hear + see",
            "modality": "audio-visual",
            "streams": ["see", "hear"],
        },
    ],
}
KEYS = [
    *(
        ScoreKey("linear", encoder, train, test)
        for encoder in ("hear", "see")
        for train, test in (("favc", "av1m"), ("lrs", "av1m"), ("av1m", "favc"))
    ),
    *(
        ScoreKey(head, row, "av1m", test)
        for head in ("next_token", "next_token_mean")
        for row in ("hear", "see+hear")
        for test in ("av1m", "favc")
    ),
    *(ScoreKey("sync", "see+hear", "av1m", test) for test in ("av1m", "favc")),
]
CLIPS = 40
UNSEEN = 3  # clip without a score of the encoder "see"


@pytest.fixture
def anomaly(tmp_path):
    """Score files of a toy run, and a function that makes the tables."""
    rng = np.random.default_rng(4)
    clips = pl.DataFrame(
        {
            "clip_id": [f"{i:02d}" for i in range(CLIPS)],
            "label": [i % 2 for i in range(CLIPS)],
            "manipulation": ["real", "lips", "real", "swap"] * (CLIPS // 4),
            "speaker": [f"p{i // 4}" for i in range(CLIPS)],
            "source": [f"s{i // 2}" for i in range(CLIPS)],
        },
        schema_overrides={"label": pl.Int8},
    )
    manifests = [tmp_path / "manifests" / f"{test}.parquet" for test in SPEC["test"]]
    for path in manifests:
        path.parent.mkdir(exist_ok=True)
        clips.write_parquet(path)
    paths = {key: tmp_path / "scores" / _name(key) for key in KEYS}
    for key, path in paths.items():
        score = rng.standard_normal(CLIPS) + clips["label"].to_numpy()
        lost = pl.lit(key.encoder == "see") & (pl.col("clip_id") == f"{UNSEEN:02d}")
        table = clips.with_columns(
            score=pl.when(~lost).then(pl.Series(score)),
            status=pl.when(lost).then(pl.lit("no_face")).otherwise(pl.lit("ok")),
        )
        write_scores(table, path)
    out_table, out_long = tmp_path / "anomaly.csv", tmp_path / "anomaly_long.csv"

    def make(scores=None):
        scores = list(paths.values()) if scores is None else scores
        make_anomaly(scores, manifests, typed(AnomalySpec, SPEC), out_table, out_long)
        return pl.read_csv(out_table), read_long(out_long)

    make.paths, make.outs = paths, (out_table, out_long)
    return make


def _name(key):
    return f"{key.head}/{key.encoder}/{key.train}/{key.test}.parquet"


def area(anomaly, *keys):
    """AUC of the mean of some files on the clips that every file scores."""
    tables = [read_scores(anomaly.paths[key]) for key in keys]
    kept = np.arange(CLIPS) != UNSEEN
    mean = sum(table["score"].to_numpy() for table in tables) / len(tables)
    return auc(tables[0]["label"].to_numpy()[kept], mean[kept])


def test_columns_are_the_tasks_of_each_test_corpus(anomaly):
    table, _ = anomaly()
    tasks = ("Sup", "NTP", "NTP mean", "Sync")
    columns = [f"{test} {task}" for test in ("av1m", "favc") for task in tasks]
    assert table.columns == ["row", "label", "modality", *columns]
    assert table["label"].to_list() == ["Hear", "Hear + see"]


def test_a_pair_is_the_mean_of_two_scores_and_a_single_stream_has_no_sync(anomaly):
    table, _ = anomaly()
    sup = [ScoreKey("linear", name, "av1m", "favc") for name in ("see", "hear")]
    assert table["favc Sup"][1] == round(100 * area(anomaly, *sup), 1)
    assert table["favc Sup"][0] == round(100 * area(anomaly, sup[1]), 1)
    sync = ScoreKey("sync", "see+hear", "av1m", "favc")
    assert table["favc Sync"].to_list() == [None, round(100 * area(anomaly, sync), 1)]
    mean = ScoreKey("next_token_mean", "hear", "av1m", "favc")
    assert table["favc NTP mean"][0] == round(100 * area(anomaly, mean), 1)


def test_several_training_corpora_are_averaged(anomaly):
    table, long = anomaly()
    areas = [
        area(anomaly, ScoreKey("linear", "hear", train, "av1m"))
        for train in ("favc", "lrs")
    ]
    assert table["av1m Sup"][0] == round(100 * float(np.mean(areas)), 1)
    rows = long.filter(row="hear", task="Sup", test="av1m", subset="common")
    assert rows["train"].to_list() == ["favc", "lrs"]
    assert rows["auc"].to_list() == pytest.approx(areas, abs=1e-6)


def test_the_tidy_table_has_common_own_and_manipulation_subsets(anomaly):
    _, long = anomaly()
    assert long.height == (2 + 1 + 2 * 2 + 2 + 1 + 2 * 3) * 4
    hear = long.filter(row="hear", task="NTP", test="favc")
    subsets = ["common", "all", "manipulation=lips", "manipulation=swap"]
    assert hear["subset"].to_list() == subsets
    # The lost clip is a swap.
    assert hear["clips"].to_list() == [39, 40, 30, 29]
    pair = long.filter(row="see+hear", task="Sup", test="favc", subset="all")
    assert pair["clips"].to_list() == [39]
    assert (hear["auc_low"] < hear["auc"]).all()


def test_a_reversed_detector_stays_reversed(anomaly):
    path = anomaly.paths[ScoreKey("sync", "see+hear", "av1m", "av1m")]
    clips = read_scores(path)
    write_scores(clips.with_columns(score=-pl.col("label").cast(pl.Float64)), path)
    table, _ = anomaly()
    assert table["av1m Sync"][1] == 0.0


def test_missing_and_unexpected_files_are_refused(anomaly):
    paths = list(anomaly.paths.values())
    with pytest.raises(DataError, match=r"head sync, encoder see\+hear, .* is missing"):
        anomaly(paths[:-1])
    stray = paths[0].parents[3] / "sync/hear/av1m/favc.parquet"
    with pytest.raises(DataError, match=r"encoder hear, .* not in the configuration"):
        anomaly([*paths, stray])


def test_a_run_is_the_same_each_time(anomaly):
    anomaly()
    first = [path.read_bytes() for path in anomaly.outs]
    anomaly(list(anomaly.paths.values())[::-1])
    assert [path.read_bytes() for path in anomaly.outs] == first

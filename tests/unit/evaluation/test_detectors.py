"""Detectors from elsewhere: their CSV files, and the table beside our probes."""

import numpy as np
import polars as pl
import pytest

from dfprobe.errors import DataError
from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.evaluation.tables.detectors import make_detectors
from dfprobe.evaluation.tables.matrix import read_long
from dfprobe.score.external import import_external
from dfprobe.settings.stage_specs.tables import DetectorsSpec
from dfprobe.store.scores import read_scores, write_scores
from typed_specs import typed

CLIPS = 24
SPEC = {
    "head": "linear",
    "train": "av1m",
    "test": ["av1m", "favc", "avlips"],
    "encoders": [{"name": "hear", "label": "Hear"}],
    "external": [
        {
            "name": "theirs",
            "label": "Theirs",
            "trained_on": "ffpp",
            "test": ["av1m", "favc", "avlips"],
        },
        {
            "name": "part",
            "label": "In part",
            "trained_on": "favc",
            "test": ["av1m", "avlips"],
        },
    ],
}


@pytest.fixture
def manifest(tmp_path):
    """Manifest of a corpus: two test clips of each class, one to train on."""
    path = tmp_path / "favc.parquet"
    names = ["real/01", "real/02", "fake/a.b/01", "fake/a.b/02", "real/99"]
    pl.DataFrame(
        {
            "clip_id": names,
            "split": ["test"] * 4 + ["train"],
            "label": pl.Series([0, 0, 1, 1, 0], dtype=pl.Int8),
            "manipulation": ["real", "real", "lips", "lips", "real"],
        }
    ).write_parquet(path)
    return path


def imported(manifest, text):
    csv, out = manifest.with_name("theirs.csv"), manifest.with_name("out.parquet")
    csv.write_text(text)
    import_external(csv, manifest, out)
    return read_scores(out).select("clip_id", "score", "status").rows()


def test_scores_are_joined_by_clip_in_the_order_of_the_manifest(manifest):
    text = "clip_id,score\nfake/a.b/02,2e0\nreal/02,-1\nreal/01,0.5\nfake/a.b/01,7\n"
    assert imported(manifest, text) == [
        ("real/01", 0.5, "ok"),
        ("real/02", -1.0, "ok"),
        ("fake/a.b/01", 7.0, "ok"),
        ("fake/a.b/02", 2.0, "ok"),
    ]


def test_paths_have_a_suffix_and_other_columns_are_ignored(manifest):
    text = "label,path,score\n9,./real/01.mp4,1\n9,fake/a.b/01.mp4,2\n"
    rows = imported(manifest, text)
    assert [row[1] for row in rows] == [1.0, None, 2.0, None]


def test_clips_without_a_usable_score_keep_their_row_and_a_reason(manifest):
    text = "clip_id,score\nreal/01,nan\nreal/02,-inf\nfake/a.b/01,\n"
    with_reason = [row[1:] for row in imported(manifest, text)]
    assert with_reason == [
        (None, "non_finite"),
        (None, "non_finite"),
        (None, "missing"),
        (None, "missing"),
    ]


def test_clips_of_other_splits_and_corpora_are_counted_in_one_warning(manifest, caplog):
    text = "clip_id,score\nreal/01,1\nreal/99,1\nelsewhere,1\n"
    assert len(imported(manifest, text)) == 4
    (record,) = [record for record in caplog.records if record.levelname == "WARNING"]
    assert "2 of 3 clips are not among the test clips of favc" in record.message
    assert "real/99; elsewhere" in record.message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("clip_id,score\na.mp4,1\n", r"The corpus has real/01.*the file has a\.mp4"),
        ("clip_id,score\n", "the file has none"),
        ("clip_id,score\nreal/01,high\n", "line 2, column 'score': expected a number"),
        (
            "path,score\nreal/01.mp4,1\n./real/01.avi,1\n",
            "real/01 is on lines 2",
        ),
        ("file,score\nreal/01,1\n", "expected a column clip_id or path"),
        ("clip_id,logit\nreal/01,1\n", "score"),
    ],
)
def test_files_that_cannot_be_meant_are_refused(manifest, text, words):
    with pytest.raises(DataError, match=words):
        imported(manifest, text)


@pytest.fixture
def detectors(tmp_path):
    """Score files of a toy run, and a function that makes the tables."""
    rng = np.random.default_rng(8)
    clips = pl.DataFrame(
        {
            "clip_id": [f"{i:02d}" for i in range(CLIPS)],
            "label": [i % 2 for i in range(CLIPS)],
            "manipulation": ["real", "lips"] * (CLIPS // 2),
            "speaker": pl.Series([None] * CLIPS, dtype=pl.String),
            "source": [f"s{i // 2}" for i in range(CLIPS)],
            "status": ["ok"] * CLIPS,
        },
        schema_overrides={"label": pl.Int8},
    )
    manifests, paths = [], {}
    for test in SPEC["test"]:
        manifests.append(tmp_path / "manifests" / f"{test}.parquet")
        manifests[-1].parent.mkdir(exist_ok=True)
        clips.write_parquet(manifests[-1])
        for row in ("linear/hear/av1m", "external/theirs/ffpp", "external/part/favc"):
            if (row, test) == ("external/part/favc", "favc"):
                continue
            score = rng.standard_normal(CLIPS) + clips["label"].to_numpy()
            paths[row, test] = tmp_path / "scores" / row / f"{test}.parquet"
            write_scores(clips.with_columns(score=pl.Series(score)), paths[row, test])

    def make(scores=None):
        outs = tmp_path / "detectors.csv", tmp_path / "detectors_long.csv"
        make_detectors(
            scores or list(paths.values()), manifests, typed(DetectorsSpec, SPEC), *outs
        )
        return pl.read_csv(outs[0]), read_long(outs[1])

    make.paths = paths
    return make


def area(detectors, row, test):
    table = read_scores(detectors.paths[row, test])
    return 100 * auc(table["label"].to_numpy(), table["score"].to_numpy())


def test_ours_stand_first_and_each_corpus_has_a_column(detectors):
    table, _ = detectors()
    assert table.columns == [
        *("name", "label", "trained_on", "av1m", "favc", "avlips"),
        *("mean", "mean_other"),
    ]
    rows = table.select("name", "label", "trained_on").rows()
    assert rows == [
        ("hear", "Hear", "av1m"),
        ("theirs", "Theirs", "ffpp"),
        ("part", "In part", "favc"),
    ]


def test_means_are_over_all_corpora_and_those_that_nobody_was_trained_on(detectors):
    table, _ = detectors()
    areas = [area(detectors, "external/theirs/ffpp", test) for test in SPEC["test"]]
    assert table.select(SPEC["test"]).row(1) == tuple(round(a, 1) for a in areas)
    assert table["mean"][1] == round(float(np.mean(areas)), 1)
    assert table["mean_other"][1] == round(areas[2], 1)


def test_a_detector_without_scores_of_a_corpus_has_no_cell_and_no_mean(detectors):
    table, long = detectors()
    assert table.select("favc", "mean").row(2) == (None, None)
    other = area(detectors, "external/part/favc", SPEC["test"][2])
    assert table["mean_other"][2] == round(other, 1)
    assert long.filter(name="part", test="favc").is_empty()


def test_detectors_are_compared_on_the_clips_that_all_could_score(detectors):
    path = detectors.paths["external/theirs/ffpp", "favc"]
    lost = pl.col("clip_id") == "03"
    write_scores(
        read_scores(path).with_columns(
            score=pl.when(~lost).then("score"),
            status=pl.when(lost).then(pl.lit("missing")).otherwise("status"),
        ),
        path,
    )
    table, long = detectors()
    ours = long.filter(name="hear", test="favc")
    assert table["favc"][0] == round(100 * ours["auc"][0], 1)
    assert abs(ours["auc"][0] - ours["auc"][1]) > 0.001
    assert ours["subset"].to_list() == ["common", "all", "manipulation=lips"]
    assert ours["clips"].to_list() == [CLIPS - 1, CLIPS, CLIPS - 1]
    assert ours["head"].unique().to_list() == ["linear"]
    assert (ours["auc_low"] < ours["auc"]).all()


def test_missing_and_unexpected_score_files_are_refused(detectors):
    paths = list(detectors.paths.values())
    with pytest.raises(DataError, match=r"encoder part, .* avlips is missing"):
        detectors(paths[:-1])
    stray = paths[0].parents[3] / "external/part/favc/favc.parquet"
    with pytest.raises(DataError, match="not in the configuration"):
        detectors([*paths, stray])

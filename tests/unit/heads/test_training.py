import logging

import numpy as np
import polars as pl
import pytest
from toy_features import DIM, PROVENANCE, write_features, write_manifest

from dfprobe.errors import ConfigError, DataError
from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.heads.fit import loop
from dfprobe.heads.kinds.contract import load_head
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.heads.scoring import Scored, score_clips
from dfprobe.heads.training import train_heads
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.store.scores import read_scores

SIZES = {"width": 8, "feed_forward": 8, "heads": 2, "layers": 1, "dropout": 0.1}
NEXT_TOKEN = {
    "kind": "next_token",
    "learning_rates": [0.001],
    "max_epochs": 3,
    "options": {**SIZES, "batch_size": 4},
}
SYNC = {
    "kind": "sync",
    "learning_rates": [0.001],
    "max_epochs": 3,
    "options": {
        "hidden": 8,
        "widths": [8, 8, 8],
        "tau": 2,
        "batch_frames": 64,
        "direction": "audio",
        "shuffle": False,
    },
}
TRANSFORMER = {"kind": "transformer", "max_epochs": 3, "options": SIZES}


def changed(spec, *settings):
    """Settings of a training with other values."""
    changes = {name: value for group in settings for name, value in group.items()}
    values = {
        name: tuple(value) if isinstance(value, list) else value
        for name, value in (spec.model_dump() | changes).items()
    }
    return HeadSpec(**values)


def train(corpus, spec, name="head"):
    """Train the first seed's head; its file and the history."""
    heads, history = train_all(corpus, spec, name)
    return heads[0], history


def train_all(corpus, spec, name="head", second=()):
    heads = [corpus.folder / f"{name}-{seed}.safetensors" for seed in spec.seeds]
    history = corpus.folder / f"{name}.curve.csv"
    streams = [corpus.stores, second] if second else [corpus.stores]
    train_heads(streams, corpus.manifest, spec, heads, history)
    return heads, history


@pytest.fixture
def paired(corpus):
    """The corpus with two streams."""
    stores = [
        write_features(corpus.folder / f"{name}.zarr.zip", corpus.rows, key=name)
        for name in ("one", "two")
    ]
    return corpus._replace(stores=stores[:1]), stores[1:]


def test_head_file_says_what_it_is(corpus, probe_spec):
    head, curve = train(corpus, probe_spec)
    probe = LinearProbe.load(head)
    losses = pl.read_csv(curve)
    best = losses.row(losses["val_loss"].arg_min(), named=True)
    assert probe.dim == DIM
    assert probe.metadata["kind"] == "linear"
    assert probe.metadata["encoder_key"] == "key"
    assert probe.metadata.items() >= PROVENANCE.items()
    assert probe.metadata["train_corpus"] == "toy"
    assert probe.metadata["best_epoch"] == best["epoch"]
    assert probe.metadata["epochs"] == losses.height
    assert probe.metadata["val_loss"] == pytest.approx(best["val_loss"], abs=1e-7)
    assert probe.metadata["clips_used"] == {"train": 40, "val": 16}
    assert probe.metadata["spec"] == probe_spec.model_dump(mode="json")


@pytest.mark.parametrize("settings", [{}, TRANSFORMER | {"max_epochs": 15}])
def test_head_separates_the_test_clips(corpus, probe_spec, settings):
    head = load_head(train(corpus, changed(probe_spec, settings))[0])
    test = pl.read_parquet(corpus.manifest).filter(pl.col("split") == "test")
    scores = np.array([head.score(corpus.rows[name]) for name in test["clip_id"]])
    assert auc(test["label"].to_numpy(), scores) > 0.9


def test_training_stops_after_patience_epochs_without_progress(corpus, probe_spec):
    changes = {"learning_rates": [0.5], "patience": 3, "max_epochs": 60}
    spec = changed(probe_spec, changes)
    head, curve = train(corpus, spec)
    metadata = LinearProbe.load(head).metadata
    epochs = list(range(1, metadata["best_epoch"] + 4))
    assert pl.read_csv(curve)["epoch"].to_list() == epochs
    assert metadata["stopped"]


def test_a_training_at_the_limit_says_that_it_did_not_stop(corpus, probe_spec):
    head, _ = train(corpus, changed(probe_spec, {"max_epochs": 2}))
    assert not LinearProbe.load(head).metadata["stopped"]


def test_equal_seeds_give_equal_bytes(corpus, probe_spec):
    one = train(corpus, probe_spec, "one")
    two = train(corpus, probe_spec, "two")
    other = train(corpus, changed(probe_spec, {"seeds": [44]}), "other")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert one[1].read_bytes() != other[1].read_bytes()


@pytest.mark.parametrize("settings", [{}, TRANSFORMER])
def test_every_seed_has_its_file_and_its_curve(corpus, probe_spec, settings):
    heads, curve = train_all(corpus, changed(probe_spec, settings, {"seeds": [43, 7]}))
    assert [load_head(head).metadata["seed"] for head in heads] == [43, 7]
    assert heads[0].read_bytes() != heads[1].read_bytes()
    assert pl.read_csv(curve)["member"].n_unique() == 2


def test_of_several_learning_rates_the_best_is_kept(corpus, probe_spec):
    spec = changed(probe_spec, {"learning_rates": [1e-6, 0.01, 1e-5], "max_epochs": 5})
    head, curve = train(corpus, spec)
    best = pl.read_csv(curve).sort("val_loss").row(0, named=True)
    metadata = LinearProbe.load(head).metadata
    assert metadata["learning_rate"] == 0.01
    assert best["member"].endswith("0.01")
    assert metadata["val_loss"] == pytest.approx(best["val_loss"], abs=1e-7)


def test_result_does_not_depend_on_chunks_and_shards(corpus, probe_spec, monkeypatch):
    one = train(corpus, probe_spec, "one")
    monkeypatch.setattr("dfprobe.store.features.CHUNK_BYTES", 7 * DIM * 2)  # 7 rows
    crossing = write_features(corpus.folder / "small_chunks.zarr.zip", corpus.rows)
    two = train(corpus._replace(stores=[crossing]), probe_spec, "two")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


@pytest.mark.parametrize("settings", [{}, TRANSFORMER])
def test_validation_scores_are_those_of_the_saved_heads(corpus, probe_spec, settings):
    spec = changed(probe_spec, settings, {"seeds": [43, 7]})
    heads = [corpus.folder / f"{seed}.safetensors" for seed in spec.seeds]
    outs = [corpus.folder / f"{seed}.val.parquet" for seed in spec.seeds]
    val = pl.col("split") == "val"
    manifest = pl.read_parquet(corpus.manifest)
    clips = manifest.filter(val)["clip_id"].to_list()
    unknown, absent = clips[0], "val/not there"
    manifest = pl.concat(
        [
            manifest.with_columns(
                label=pl.when(pl.col("clip_id") != unknown).then("label")
            ),
            manifest.filter(val).head(1).with_columns(clip_id=pl.lit(absent)),
        ]
    )
    manifest.write_parquet(corpus.manifest)
    curve = corpus.folder / "curve.csv"
    train_heads([corpus.stores], corpus.manifest, spec, heads, curve, outs)
    for head, out in zip(map(load_head, heads), outs, strict=True):
        table = read_scores(out)
        assert table["clip_id"].to_list() == [*clips, absent]
        assert table["status"].to_list() == ["ok"] * len(clips) + ["missing"]
        assert table["label"][0] is None
        expected = [head.score(corpus.rows[name]) for name in clips]
        assert table["score"].to_list() == [*expected, None]


def killed_after(epochs, monkeypatch):
    """Make training write its state after every epoch, and end at one of them."""
    write = loop.ProgressFile.write

    def write_and_die(self, arrays, facts):
        write(self, arrays, facts)
        if facts["epoch"] == epochs:
            raise KeyboardInterrupt

    monkeypatch.setattr(loop.ProgressFile, "due", lambda self: True)
    monkeypatch.setattr(loop.ProgressFile, "write", write_and_die)


@pytest.mark.parametrize("settings", [{}, TRANSFORMER, NEXT_TOKEN, SYNC])
@pytest.mark.parametrize("epochs", [1, 2])
def test_a_killed_training_ends_with_the_same_bytes(
    paired, probe_spec, settings, epochs, monkeypatch
):
    corpus, second = paired
    second = second if settings is SYNC else ()
    spec = changed(probe_spec, {"seeds": [43, 44], "max_epochs": 3}, settings)
    whole = train_all(corpus, spec, "whole", second)
    with monkeypatch.context() as patch:
        killed_after(epochs, patch)
        with pytest.raises(KeyboardInterrupt):
            train_all(corpus, spec, "killed", second)
    assert list(corpus.folder.glob(".killed*.progress*"))
    resumed = train_all(corpus, spec, "killed", second)
    for one, two in zip([*whole[0], whole[1]], [*resumed[0], resumed[1]], strict=True):
        assert one.read_bytes() == two.read_bytes()
    assert not list(corpus.folder.glob(".killed*"))


def test_state_of_another_training_is_not_taken_up(corpus, probe_spec, monkeypatch):
    other = changed(probe_spec, {"learning_rates": [0.02]})
    expected = train(corpus, other, "expected")
    with monkeypatch.context() as patch:
        killed_after(2, patch)
        with pytest.raises(KeyboardInterrupt):
            train(corpus, probe_spec, "head")
    found = train(corpus, other, "head")
    assert [p.read_bytes() for p in found] == [p.read_bytes() for p in expected]


def test_a_damaged_state_is_told_and_not_used(corpus, probe_spec, caplog):
    expected = train(corpus, probe_spec, "expected")
    (corpus.folder / ".head-43.safetensors.progress0").write_bytes(b"no state")
    with caplog.at_level(logging.WARNING, logger="dfprobe"):
        found = train(corpus, probe_spec, "head")
    assert "Training starts again" in caplog.text
    assert [p.read_bytes() for p in found] == [p.read_bytes() for p in expected]


def test_clips_of_no_use_are_counted(corpus, probe_spec, caplog):
    manifest = pl.read_parquet(corpus.manifest)
    clips = [*manifest.select("clip_id", "split", "label").iter_rows()]
    clips += [("train/x1", "train", 1), ("train/x2", "train", 0)]
    clips += [("train/x3", "train", None), ("val/x4", "val", 0)]
    write_manifest(corpus.manifest, clips)
    rows = {"train/x3": corpus.rows["train/00"]}
    failed = {"train/x1": "no_face", "val/x4": "too_short"}
    extra = write_features(corpus.folder / "002.zarr.zip", rows, failed)
    with caplog.at_level(logging.WARNING, logger="dfprobe"):
        head, _ = train(
            corpus._replace(stores=[*corpus.stores, extra]), probe_spec, "skips"
        )
    assert LinearProbe.load(head).metadata["clips_skipped"] == {
        "train": {"missing": 1, "no_face": 1, "no_label": 1},
        "val": {"too_short": 1},
    }
    assert "1 missing, 1 no_face, 1 no_label" in caplog.text


def test_clips_of_one_row_are_used_where_a_head_can(corpus, probe_spec):
    rows = corpus.rows | {"train/01": corpus.rows["train/01"][:1]}
    store = write_features(corpus.folder / "short.zarr.zip", rows)
    short = corpus._replace(stores=[store])
    linear = load_head(train(short, probe_spec)[0])
    assert linear.metadata["clips_used"]["train"] == 40
    rows["train/02"] = rows["train/02"][:1]  # a real one
    store = write_features(corpus.folder / "short.zarr.zip", rows)
    surprise = load_head(train(short, changed(probe_spec, NEXT_TOKEN))[0])
    assert surprise.metadata["clips_used"]["train"] == 19
    assert surprise.metadata["clips_skipped"]["train"] == {"too_short": 1}


@pytest.mark.parametrize(
    ("drop", "words"),
    [
        (pl.col("split") != "val", "split val: 0 real and 0 fake"),
        (pl.col("split") != "train", "split train: 0 real and 0 fake"),
        (pl.col("label") == 1, "split train: 0 real and 20 fake"),
    ],
)
def test_split_without_both_classes_is_refused(corpus, probe_spec, drop, words):
    pl.read_parquet(corpus.manifest).filter(drop).write_parquet(corpus.manifest)
    with pytest.raises(DataError, match=words):
        train(corpus, probe_spec)


def test_heads_on_real_clips_need_real_clips_only(corpus, probe_spec):
    spec = changed(probe_spec, NEXT_TOKEN)
    real = pl.read_parquet(corpus.manifest).filter(pl.col("label") == 0)
    with_fakes = train(corpus, spec, "with_fakes")[0]
    real.write_parquet(corpus.manifest)
    alone = train(corpus, spec, "alone")[0]
    assert with_fakes.read_bytes() == alone.read_bytes()
    real.filter(pl.col("split") != "val").write_parquet(corpus.manifest)
    with pytest.raises(DataError, match=r"split val: 0 real .* needs real clips"):
        train(corpus, spec)


@pytest.mark.parametrize("settings", [{}, TRANSFORMER, NEXT_TOKEN])
@pytest.mark.parametrize("clip", ["train/04", "val/04"])
@pytest.mark.parametrize("value", [np.nan, np.inf, 0.0])
def test_row_that_no_head_can_use_is_named(corpus, probe_spec, clip, value, settings):
    corpus.rows[clip][2] = value
    store = write_features(corpus.folder / "bad.zarr.zip", corpus.rows)
    with pytest.raises(DataError, match=rf"{clip}.*bad\.zarr\.zip"):
        train(corpus._replace(stores=[store]), changed(probe_spec, settings))


@pytest.mark.parametrize("wrong", [{"max_epochs": 0}, {"patience": 0}])
def test_impossible_setting_is_refused(corpus, probe_spec, wrong):
    with pytest.raises(ConfigError, match="at least 1"):
        train(corpus, changed(probe_spec, wrong))


def test_pair_is_trained_and_scored(paired, probe_spec):
    corpus, second = paired
    heads, _ = train_all(corpus, changed(probe_spec, SYNC), second=second)
    head = load_head(heads[0])
    clips = pl.read_parquet(corpus.manifest).select("clip_id", "split", "label").rows()
    write_manifest(corpus.manifest, [*clips, ("test/none", "test", 1)])
    keys = [stream["encoder_key"] for stream in head.metadata["streams"]]
    assert keys == ["one", "two"]
    out, curves = corpus.folder / "out.parquet", corpus.folder / "curves.parquet"
    streams = [corpus.stores, second]
    score_clips(streams, corpus.manifest, [Scored(heads[0], out, curves)])
    scores = dict(pl.read_parquet(out).select("clip_id", "score").iter_rows())
    *found, none = pl.read_parquet(curves).iter_rows(named=True)
    assert (none["clip_id"], none["curve"]) == ("test/none", None)
    for row in found:
        rows = corpus.rows[row["clip_id"]]
        assert scores[row["clip_id"]] == head.score(rows, rows)
        np.testing.assert_allclose(row["curve"], head.curve(rows, rows), rtol=1e-6)
    with pytest.raises(DataError, match="features of 2 encoders"):
        score_clips([corpus.stores], corpus.manifest, [Scored(heads[0], out)])


def test_surprise_is_scored_by_its_largest_value_and_its_mean(corpus, probe_spec):
    head = load_head(train(corpus, changed(probe_spec, NEXT_TOKEN))[0])
    path = corpus.folder / "surprise.safetensors"
    head.save(path)
    out, mean = corpus.folder / "out.parquet", corpus.folder / "mean.parquet"
    score_clips([corpus.stores], corpus.manifest, [Scored(path, out, mean=mean)])
    for table, measure in ((out, np.max), (mean, np.mean)):
        for name, score in pl.read_parquet(table).select("clip_id", "score").rows():
            curve = head.curve(corpus.rows[name])
            assert score == pytest.approx(measure(curve[1:]))


@pytest.mark.parametrize(
    ("settings", "pair", "words"),
    [
        ({}, True, "kind linear reads the features of 1 encoders, but .* those of 2"),
        (SYNC, False, "kind sync reads the features of 2 encoders, but .* those of 1"),
    ],
)
def test_a_kind_reads_as_many_streams_as_it_says(
    paired, probe_spec, settings, pair, words
):
    corpus, second = paired
    with pytest.raises(ConfigError, match=words):
        train_all(corpus, changed(probe_spec, settings), second=second if pair else ())


def test_curves_of_a_pair_begin_where_both_streams_do(paired, probe_spec):
    corpus, _ = paired
    cut = {"test/03": 0.08}
    second = [corpus.folder / "late.zarr.zip"]
    write_features(second[0], corpus.rows, key="two", starts=cut)
    heads, _ = train_all(corpus, changed(probe_spec, SYNC), second=second)
    out, curves = corpus.folder / "out.parquet", corpus.folder / "curves.parquet"
    streams = [corpus.stores, second]
    score_clips(streams, corpus.manifest, [Scored(heads[0], out, curves)])
    head = load_head(heads[0])
    for row in pl.read_parquet(curves).iter_rows(named=True):
        rows = corpus.rows[row["clip_id"]]
        late = 2 if row["clip_id"] in cut else 0
        assert row["first_row_s"] == late / 25
        expected = head.curve(rows[late:], rows[: len(rows) - late])
        np.testing.assert_allclose(row["curve"], expected, rtol=1e-6)

import json
import logging

import numpy as np
import polars as pl
import pytest
from toy_features import DIM, PROVENANCE, write_features, write_manifest

from dfprobe.errors import ConfigError, DataError
from dfprobe.evaluation.metrics import auc
from dfprobe.heads import kernels, training
from dfprobe.heads.clips import StoreSet, labelled_clips
from dfprobe.heads.linear import LinearProbe
from dfprobe.heads.training import TrainingSpec, fit_linear, train_linear_probe


def train(corpus, spec, name="head"):
    head = corpus.folder / f"{name}.safetensors"
    curve = corpus.folder / f"{name}.curve.csv"
    train_linear_probe(corpus.stores, corpus.manifest, spec, head, curve)
    return head, curve


def reference_training(corpus, spec):
    """The published training in plain NumPy: autograd's formulas, PyTorch's Adam."""
    manifest = pl.read_parquet(corpus.manifest)
    rng = np.random.default_rng(spec["seed"])
    params = training.initial_parameters(DIM, rng).astype(np.float64)
    first, second = np.zeros_like(params), np.zeros_like(params)
    clips = {s: manifest.filter(pl.col("split") == s).rows() for s in ("train", "val")}

    def forward(name, label):
        rows = corpus.rows[name].astype(np.float64)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        logits = rows @ params[:-1] + params[-1]
        score = np.logaddexp.reduce(logits)
        sign = 2 * label - 1
        return rows, np.exp(logits - score), score, sign

    losses, step = [], 0
    for _ in range(spec["max_epochs"]):
        for position in rng.permutation(len(clips["train"])):
            name, _, label, _ = clips["train"][position]
            rows, shares, score, sign = forward(name, label)
            slope = -2 * sign / (1 + np.exp(2 * sign * score))
            gradient = slope * np.append(shares @ rows, 1.0)
            step += 1
            first = 0.9 * first + 0.1 * gradient
            second = 0.999 * second + 0.001 * gradient**2
            root = np.sqrt(second / (1 - 0.999**step)) + 1e-8
            params -= spec["learning_rate"] * first / (1 - 0.9**step) / root
        scores = [forward(name, label)[2:] for name, _, label, _ in clips["val"]]
        losses.append(np.mean([np.logaddexp(0, -2 * y * s) for s, y in scores]))
    return losses


def test_losses_are_those_of_the_published_training(corpus, probe_spec):
    spec = probe_spec | {"max_epochs": 5}
    _, curve = train(corpus, spec)
    losses = pl.read_csv(curve)["val_loss"].to_numpy()
    np.testing.assert_allclose(losses, reference_training(corpus, spec), atol=1e-5)


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
    assert probe.metadata["val_loss"] == pytest.approx(best["val_loss"], abs=1e-7)
    assert probe.metadata["clips_used"] == {"train": 40, "val": 16}
    assert probe.metadata["spec"] == probe_spec


def test_probe_separates_the_test_clips(corpus, probe_spec):
    head, _ = train(corpus, probe_spec)
    probe = LinearProbe.load(head)
    test = pl.read_parquet(corpus.manifest).filter(pl.col("split") == "test")
    scores = np.array([probe.score(corpus.rows[name]) for name in test["clip_id"]])
    assert auc(test["label"].to_numpy(), scores) > 0.9


def test_saved_parameters_are_those_of_the_best_epoch(corpus, probe_spec):
    head, curve = train(corpus, probe_spec | {"learning_rate": 0.5})  # overshoots
    losses = pl.read_csv(curve)["val_loss"]
    assert losses.arg_min() < len(losses) - 1
    with StoreSet(corpus.stores) as stores:
        val = labelled_clips(pl.read_parquet(corpus.manifest), "val", stores)
        params = LinearProbe.load(head).params
        loss = training.validation_loss(stores, val, params)
    assert loss == pytest.approx(losses.min(), abs=1e-7)


def test_training_stops_after_patience_epochs_without_progress(corpus, probe_spec):
    spec = probe_spec | {"learning_rate": 0.5, "patience": 3, "max_epochs": 60}
    head, curve = train(corpus, spec)
    best = LinearProbe.load(head).metadata["best_epoch"]
    assert pl.read_csv(curve)["epoch"].to_list() == list(range(1, best + 4))


def test_equal_seeds_give_equal_bytes(corpus, probe_spec):
    one = train(corpus, probe_spec, "one")
    two = train(corpus, probe_spec, "two")
    other = train(corpus, probe_spec | {"seed": 44}, "other")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]
    assert one[1].read_bytes() != other[1].read_bytes()


def test_result_does_not_depend_on_chunks_and_shards(corpus, probe_spec, monkeypatch):
    one = train(corpus, probe_spec, "one")
    monkeypatch.setattr("dfprobe.features.store.CHUNK_BYTES", 7 * DIM * 2)  # 7 rows
    crossing = write_features(corpus.folder / "small_chunks.zarr.zip", corpus.rows)
    two = train(corpus._replace(stores=[crossing]), probe_spec, "two")
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in two]


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


@pytest.mark.parametrize("clip", ["train/04", "val/04"])
def test_row_that_is_not_finite_is_named(corpus, probe_spec, clip):
    corpus.rows[clip][2, 5] = np.nan
    store = write_features(corpus.folder / "bad.zarr.zip", corpus.rows)
    with pytest.raises(DataError, match=rf"{clip}.*bad\.zarr\.zip"):
        train(corpus._replace(stores=[store]), probe_spec)


@pytest.mark.parametrize("wrong", [{"max_epochs": 0}, {"learning_rate": 0.0}])
def test_impossible_setting_is_refused(corpus, probe_spec, wrong):
    with pytest.raises(ConfigError, match="at least 1"):
        train(corpus, probe_spec | wrong)


def test_initial_parameters_are_those_of_a_linear_layer():
    params = training.initial_parameters(10_000, np.random.default_rng(0))
    assert params.dtype == np.float32 and params.shape == (10_001,)
    assert np.abs(params).max() <= 0.01
    assert params.std() == pytest.approx(0.01 / np.sqrt(3), rel=0.05)


def test_clips_are_visited_in_another_order_every_epoch(
    corpus, probe_spec, monkeypatch
):
    seen = []
    step = kernels.train_step

    def spy(rows, label, *rest):
        seen.append(rows.tobytes())
        return step(rows, label, *rest)

    monkeypatch.setattr(kernels, "train_step", spy)
    with StoreSet(corpus.stores) as stores:
        manifest = pl.read_parquet(corpus.manifest)
        clips = [labelled_clips(manifest, split, stores) for split in ("train", "val")]
        spec = TrainingSpec(**probe_spec | {"max_epochs": 2})
        fit_linear(stores, *clips, spec, task="test")
    assert sorted(seen[:40]) == sorted(seen[40:])
    assert seen[:40] != seen[40:]


def test_spec_is_json_with_sorted_keys(corpus, probe_spec):
    shuffled = json.loads(json.dumps(dict(reversed(probe_spec.items()))))
    one, two = train(corpus, probe_spec, "one"), train(corpus, shuffled, "two")
    assert one[0].read_bytes() == two[0].read_bytes()

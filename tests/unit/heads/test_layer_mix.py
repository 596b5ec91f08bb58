"""The layer mix: which layers it finds, its bytes, its odd clips."""

import numpy as np
import pytest
from scipy.special import softmax
from toy_clips import ClipSplit, train, trainer

from dfprobe.errors import DataError
from dfprobe.heads.kinds import layer_mix
from dfprobe.heads.kinds.layer_mix import LayerMixHead, unit_layers
from typed_specs import head_spec

LAYERS, DIM = 3, 8
SPEC = head_spec(layers=LAYERS)
METADATA = {
    "dims": [LAYERS * DIM],
    "spec": {"layers": LAYERS},
    "encoder_key": "key",
}
TELLING = 1  # the layer that tells fake from real


def layered_clips(count, seed):
    """Noise in all layers; fakes lean in one direction in one of them."""
    rng = np.random.default_rng(seed)
    clips = []
    for i in range(count):
        rows = rng.standard_normal((int(rng.integers(3, 9)), LAYERS, DIM))
        rows[:, TELLING, 0] += 4.0 * (2 * (i % 2) - 1)
        clips.append((i % 2, rows.reshape(len(rows), -1).astype(np.float16)))
    return clips


@pytest.fixture
def splits():
    return ClipSplit(layered_clips(30, 1)), ClipSplit(layered_clips(10, 2), "val")


@pytest.fixture
def head():
    rng = np.random.default_rng(0)
    tensors = {
        "mix": np.array([0.0, 1.0, -1.0], np.float32),
        "head.weight": rng.standard_normal((1, DIM)).astype(np.float32),
        "head.bias": np.array([0.25], np.float32),
    }
    return LayerMixHead(tensors, METADATA)


def test_the_layer_that_tells_has_the_largest_weight(splits, tmp_path):
    fitted = train(layer_mix, splits, SPEC, tmp_path, epochs=15, rate=0.02)
    head = LayerMixHead.from_tensors(fitted.tensors, METADATA)
    assert softmax(head.tensors["mix"])[TELLING] > 0.6
    scores = {0: [], 1: []}
    for label, rows in layered_clips(20, 3):
        scores[label].append(head.score(rows))
    assert np.mean(scores[0]) + 2.0 < np.mean(scores[1])


def test_curve_is_that_of_the_formula(head):
    rows = np.random.default_rng(1).standard_normal((5, LAYERS, DIM))
    rows = rows.astype(np.float32)
    units = rows / np.linalg.norm(rows, axis=2, keepdims=True)
    weights = np.exp([0.0, 1.0, -1.0])
    mixed = np.einsum("l,tld->td", weights / weights.sum(), units)
    mixed /= np.linalg.norm(mixed, axis=1, keepdims=True)
    expected = mixed @ head.tensors["head.weight"][0] + 0.25
    curve = head.curve(rows.reshape(5, -1))
    assert curve == pytest.approx(expected, abs=1e-5)
    assert head.score(rows.reshape(5, -1)) == pytest.approx(
        np.log(np.exp(expected).sum()), abs=1e-5
    )


def test_all_layers_weigh_alike_at_first(splits):
    tensors = trainer(layer_mix, splits, SPEC).tensors(0)
    assert len(set(tensors["mix"])) == 1
    shapes = {name: tensor.shape for name, tensor in tensors.items()}
    assert shapes == {"mix": (3,), "head.weight": (1, DIM), "head.bias": (1,)}


def test_each_layer_is_normalised_by_itself():
    rows = np.array([[3.0, 4.0, 0.0, 2.0]], np.float16)
    assert unit_layers(rows, 2).tolist() == [
        pytest.approx([0.6, 0.8, 0.0, 1.0], abs=1e-6)
    ]


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_one_bad_layer_leaves_a_clip_without_a_score(head, value):
    rows = np.ones((2, LAYERS * DIM), np.float32)
    rows[1, :DIM] = value
    assert np.isnan(head.score(rows))


def test_a_bad_layer_stops_the_training_with_the_name_of_its_clip(splits):
    splits[0]._rows[5] = splits[0]._rows[5].copy()
    splits[0]._rows[5][0, :DIM] = 0
    with pytest.raises(DataError, match="train/5: a row is all zero or not finite"):
        trainer(layer_mix, splits, SPEC).train_epoch(1)


def test_a_clip_of_one_row_has_a_score(head):
    rows = np.ones((1, LAYERS * DIM), np.float16)
    assert head.score(rows) == pytest.approx(head.curve(rows)[0])


def test_a_killed_training_ends_with_the_same_bytes(splits, tmp_path):
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    for folder in (whole, halves):
        folder.mkdir()
    expected = train(layer_mix, splits, SPEC, whole, epochs=4)
    train(layer_mix, splits, SPEC, halves, epochs=2)
    resumed = train(layer_mix, splits, SPEC, halves, epochs=4)
    assert resumed.history == expected.history
    for name, tensor in expected.tensors.items():
        assert resumed.tensors[name].tobytes() == tensor.tobytes()


def test_a_head_file_gives_the_same_scores(head, tmp_path):
    path = tmp_path / "head.safetensors"
    head.save(path)
    loaded = LayerMixHead.load(path)
    rows = np.random.default_rng(2).standard_normal((4, LAYERS * DIM))
    assert loaded.score(rows.astype(np.float16)) == head.score(rows.astype(np.float16))
    assert loaded.metadata["kind"] == "layer_mix"


def test_rows_that_do_not_divide_into_the_layers_are_refused(splits):
    spec = head_spec(layers=5)
    with pytest.raises(DataError, match="Rows of 24 values do not divide into 5"):
        trainer(layer_mix, splits, spec)

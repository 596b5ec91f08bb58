"""The Transformer head: what it learns, its bytes, its odd clips."""

import numpy as np
import pytest
import torch
from toy_clips import ClipSplit, train, trainer

from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.kinds import transformer
from dfprobe.heads.kinds.clip_head import clip_loss
from dfprobe.heads.kinds.transformer import TransformerHead, TransformerModel
from typed_specs import head_spec

DIM = 6
OPTIONS = {"width": 16, "layers": 1, "heads": 2, "feed_forward": 32, "dropout": 0.1}
SPEC = head_spec(options=OPTIONS)
METADATA = {"dims": [DIM], "spec": {"options": OPTIONS}, "encoder_key": "key"}


def ordered_clips(count, seed):
    """Fakes have rows of the first kind before the second, reals the other way."""
    rng = np.random.default_rng(seed)
    clips = []
    for i in range(count):
        kinds = np.repeat(np.eye(DIM)[:2], 3, axis=0)
        rows = kinds if i % 2 else kinds[::-1]
        clips.append((i % 2, (rows + 0.05 * rng.random((6, DIM))).astype(np.float16)))
    return clips


@pytest.fixture
def splits():
    return ClipSplit(ordered_clips(16, 1)), ClipSplit(ordered_clips(8, 2), "val")


def head_of(fitted):
    return TransformerHead.from_tensors(fitted.tensors, METADATA)


@pytest.fixture
def untrained():
    torch.manual_seed(3)
    state = TransformerModel(DIM, OPTIONS).state_dict()
    return TransformerHead({n: t.numpy() for n, t in state.items()}, METADATA)


def test_order_is_learned_which_no_linear_probe_sees(splits, tmp_path):
    head = head_of(train(transformer, splits, SPEC, tmp_path, epochs=25))
    scores = {0: [], 1: []}
    for label, rows in ordered_clips(20, 3):
        scores[label].append(head.score(rows))
    assert max(scores[0]) < min(scores[1])


def test_curve_is_frame_logits_and_score_their_log_sum_exp(untrained):
    rows = np.random.default_rng(0).standard_normal((7, DIM)).astype(np.float16)
    curve = untrained.curve(rows)
    assert (curve.shape, curve.dtype) == ((7,), np.float64)
    assert untrained.score(rows) == pytest.approx(np.log(np.exp(curve).sum()))


def test_length_of_a_row_does_not_matter(untrained):
    rows = np.random.default_rng(0).standard_normal((7, DIM)).astype(np.float32)
    longer = rows * np.arange(1, 8)[:, None].astype(np.float32)
    assert untrained.curve(longer) == pytest.approx(untrained.curve(rows), abs=1e-5)


def test_position_of_a_row_matters(untrained):
    rows = np.tile(np.arange(1, DIM + 1, dtype=np.float32), (4, 1))
    assert len(set(untrained.curve(rows))) == 4


def test_features_weigh_as_much_as_positions_at_first():
    torch.manual_seed(3)
    model = TransformerModel(1024, OPTIONS)
    projected = []
    model.project.register_forward_hook(lambda *call: projected.append(call[2]))
    rows = np.random.default_rng(0).standard_normal((9, 1024))
    model(torch.from_numpy(unit_rows(rows.astype(np.float32))))
    assert 0.3 < float(projected[0].detach().std()) < 1.0  # positions: 0.7


def test_a_clip_of_one_row_has_a_score(untrained):
    rows = np.ones((1, DIM), np.float16)
    assert untrained.score(rows) == pytest.approx(untrained.curve(rows)[0])


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_a_bad_row_leaves_a_clip_without_a_score(untrained, value):
    rows = np.ones((3, DIM), np.float32)
    rows[1] = value
    assert np.isnan(untrained.score(rows))
    assert np.isnan(untrained.curve(rows)).all()


@pytest.mark.parametrize("split", [0, 1])
def test_a_bad_row_stops_the_training_with_the_name_of_its_clip(split, splits):
    splits[split]._rows[3] = np.zeros((2, DIM), np.float16)
    trained = trainer(transformer, splits, SPEC)
    name = splits[split].clip_ids[3]
    with pytest.raises(DataError, match=f"{name}: a row is all zero or not finite"):
        trained.train_epoch(1)
        trained.val_losses()


def test_a_long_clip_is_read_in_parts_of_equal_length(untrained, monkeypatch):
    rows = np.random.default_rng(0).standard_normal((9, DIM)).astype(np.float32)
    monkeypatch.setattr(transformer, "MAX_ROWS", 4)
    parts = [untrained.curve(part) for part in (rows[:3], rows[3:6], rows[6:])]
    assert untrained.curve(rows) == pytest.approx(np.concatenate(parts), abs=1e-6)


def test_a_clip_at_the_limit_is_read_whole(untrained, monkeypatch):
    rows = np.random.default_rng(0).standard_normal((4, DIM)).astype(np.float32)
    whole = untrained.curve(rows)
    monkeypatch.setattr(transformer, "MAX_ROWS", 4)
    assert np.array_equal(untrained.curve(rows), whole)


def test_loss_is_that_of_the_linear_probe():
    logits = torch.tensor([0.5, -1.0])
    score = np.log(np.exp(0.5) + np.exp(-1.0))
    assert float(clip_loss(logits, 1)) == pytest.approx(np.log1p(np.exp(-2 * score)))
    assert float(clip_loss(logits, 0)) == pytest.approx(np.log1p(np.exp(2 * score)))


def test_same_seed_same_bytes(splits, tmp_path):
    paths = []
    for name, seed in (("one", 43), ("two", 43), ("three", 44)):
        (tmp_path / name).mkdir()
        fitted = train(transformer, splits, SPEC, tmp_path / name, 2, seed=seed)
        paths.append(tmp_path / f"{name}.safetensors")
        head_of(fitted).save(paths[-1])
    one, two, three = (path.read_bytes() for path in paths)
    assert one == two
    assert one != three


@pytest.mark.parametrize("schedule", ["none", "plateau"])
def test_a_killed_training_ends_with_the_same_bytes(splits, tmp_path, schedule):
    spec = head_spec(options=OPTIONS, schedule=schedule)
    whole, halves = tmp_path / "whole", tmp_path / "halves"
    for folder in (whole, halves):
        folder.mkdir()
    expected = train(transformer, splits, spec, whole, epochs=5)
    train(transformer, splits, spec, halves, epochs=2)
    resumed = train(transformer, splits, spec, halves, epochs=5)
    assert resumed.history == expected.history
    for name, tensor in expected.tensors.items():
        assert resumed.tensors[name].tobytes() == tensor.tobytes()


def test_plateau_lowers_the_learning_rate(splits):
    spec = head_spec(options=OPTIONS, schedule="plateau")
    trained = trainer(transformer, splits, spec)
    rates = []
    for _ in range(4):
        trained.adapt(np.array([1.0]))
        rates.append(float(trained.learning_rates()[0]))
    assert rates == pytest.approx([0.01, 0.01, 0.003, 0.003])


def test_balanced_weights_make_both_classes_count_alike():
    clips = ordered_clips(8, 1)
    uneven = [clips[0], *clips[1::2][:3]]  # one real, three fakes
    spec = head_spec(options=OPTIONS, class_weights="balanced")

    def loss(val, spec):
        splits = (ClipSplit(uneven), ClipSplit(val, "val"))
        return trainer(transformer, splits, spec).val_losses()[0]

    real, fake = loss(uneven[:1], SPEC), loss(uneven[1:], SPEC)
    assert loss(uneven, SPEC) == pytest.approx((real + 3 * fake) / 4)
    assert loss(uneven, spec) == pytest.approx((real + fake) / 2)


def test_a_head_file_gives_the_same_scores(untrained, tmp_path):
    path = tmp_path / "head.safetensors"
    untrained.save(path)
    loaded = TransformerHead.load(path)
    rows = np.random.default_rng(0).standard_normal((5, DIM)).astype(np.float16)
    assert loaded.score(rows) == untrained.score(rows)
    assert loaded.dims == (DIM,)
    assert loaded.metadata["kind"] == "transformer"


def test_a_head_file_with_other_sizes_is_refused(untrained, tmp_path):
    path = tmp_path / "head.safetensors"
    other = {**METADATA, "dims": [DIM + 1]}
    TransformerHead(untrained.tensors, other).save(path)
    with pytest.raises(DataError, match=r"project.weight has shape \(16, 6\).*16, 7"):
        TransformerHead.load(path)


def test_a_width_that_heads_do_not_divide_is_refused():
    with pytest.raises(ConfigError, match="width 16 and 3 heads"):
        TransformerModel(DIM, OPTIONS | {"heads": 3})

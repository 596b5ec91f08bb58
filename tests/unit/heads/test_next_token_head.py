import numpy as np
import pytest
import torch
from toy_clips import trainer

from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Item
from dfprobe.heads.files.history import Stopping
from dfprobe.heads.fit.loop import ProgressFile, fit
from dfprobe.heads.kinds import next_token
from dfprobe.heads.kinds.next_token import MAX_INPUTS, NextTokenHead, pieces
from typed_specs import head_spec

DIM = 6
OPTIONS = {
    "width": 16,
    "feed_forward": 32,
    "heads": 2,
    "layers": 2,
    "dropout": 0.1,
    "batch_size": 4,
}


class Clips:
    """Real clips in memory; one array a stream each."""

    def __init__(self, *clips):
        self.clips = [clip if isinstance(clip, tuple) else (clip,) for clip in clips]
        self.dims = tuple(stream.shape[1] for stream in self.clips[0])

    def __len__(self):
        return len(self.clips)

    def visit(self, order):
        for number in order:
            yield Item(f"clip{number}", 0, self.clips[number])

    def bad_clip(self, clip_id, why):
        return DataError(f"{clip_id}: {why}")


def noise(rows, seed=0, dim=DIM):
    return np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float16)


def rounds(rows, start):
    """A dance of six steps, always in the same order: all but its start is known."""
    steps = 3 * np.eye(DIM) + noise(DIM, seed=9)
    return steps[(start + np.arange(rows)) % DIM].astype(np.float16)


@pytest.fixture
def train():
    return Clips(*(rounds(5 + number, start=number) for number in range(12)))


@pytest.fixture
def val():
    return Clips(*(rounds(9, start) for start in range(3)))


def new(train, val, seed=43, max_epochs=8, **options):
    spec = head_spec(max_epochs=max_epochs, options=OPTIONS | options)
    return trainer(next_token, (train, val), spec, seed=seed)


def head_of(trained, *dims):
    return NextTokenHead(
        trained.tensors(0), {"dims": dims, "spec": {"options": OPTIONS}}
    )


@pytest.fixture
def head(train, val):
    return head_of(new(train, val), DIM)


def same_bytes(first, second):
    assert first.keys() == second.keys()
    return all(first[name].tobytes() == second[name].tobytes() for name in first)


def test_what_always_comes_in_one_order_is_learned(train, val, tmp_path):
    stopping = Stopping(max_epochs=60, patience=60)
    trained = new(train, val, max_epochs=60)
    [result] = fit(trained, stopping, ProgressFile(tmp_path / "side", "key"), "toy")
    rows = np.concatenate([unit_rows(*streams) for streams in val.clips])
    guess_the_mean = np.square(rows - rows.mean(0)).mean()
    assert result.best.val_loss < 0.3 * guess_the_mean
    metadata = {"dims": [DIM], "spec": {"options": OPTIONS}}
    head = NextTokenHead.from_tensors(result.tensors, metadata)
    known = rounds(12, start=1)
    broken = known.copy()
    broken[[5, 9]] = broken[[9, 5]]
    assert head.score(broken) > 2 * head.score(known)
    assert head.mean_score(broken) > 2 * head.mean_score(known)
    assert head.curve(broken).argmax() in (5, 6, 9, 10)


def test_training_goes_on_from_a_state_with_the_same_bytes(train, val):
    whole, cut = new(train, val), new(train, val)
    for epoch in (1, 2, 3):
        whole.train_epoch(epoch)
        whole.adapt(whole.val_losses())
    cut.train_epoch(1)
    cut.adapt(cut.val_losses())
    resumed = new(train, val)
    resumed.restore(cut.state())
    for epoch in (2, 3):
        resumed.train_epoch(epoch)
        resumed.adapt(resumed.val_losses())
    assert same_bytes(whole.state(), resumed.state())
    assert same_bytes(whole.tensors(0), resumed.tensors(0))


def test_the_seed_decides_the_first_weights_and_the_dropout(train, val):
    first, second, other = (new(train, val, seed) for seed in (43, 43, 44))
    assert same_bytes(first.tensors(0), second.tensors(0))
    assert not same_bytes(first.tensors(0), other.tensors(0))
    torch.rand(5)  # the global generator is of no account
    losses = [trained.train_epoch(1) for trained in (first, second)]
    torch.rand(5)
    assert losses[0] == losses[1]
    assert same_bytes(first.tensors(0), second.tensors(0))


def test_dropout_is_at_work_in_training_only(train, val):
    plain, dropped = new(train, val, dropout=0.0), new(train, val, dropout=0.5)
    assert plain.val_losses() == dropped.val_losses()
    assert plain.train_epoch(1) != dropped.train_epoch(1)


def test_the_learning_rate_falls_to_zero_along_a_cosine(train, val):
    trained = new(train, val)
    rates = []
    for _ in range(8):
        rates.append(float(trained.learning_rates()[0]))
        trained.optimizer.step()
        trained.adapt(np.zeros(1))
    expected = 1e-2 * (1 + np.cos(np.pi * np.arange(8) / 8)) / 2
    np.testing.assert_allclose(rates, expected, rtol=1e-9)
    assert trained.learning_rates()[0] == pytest.approx(0, abs=1e-12)


def test_the_loss_is_a_mean_over_all_targets_whatever_the_batches(train, val):
    uneven = Clips(noise(30), noise(2), noise(7), noise(4), noise(11))
    losses = [
        new(train, uneven, batch_size=size).val_losses()[0] for size in (1, 2, 32)
    ]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-6)
    head = head_of(new(train, uneven), DIM)
    errors = np.concatenate([head.curve(*streams)[1:] for streams in uneven.clips])
    assert losses[0] == pytest.approx(errors.mean(), rel=1e-5)


def test_an_epoch_visits_its_clips_in_its_own_order(train, val):
    seen = []
    visit = train.visit
    train.visit = lambda order: (seen.append(order.tolist()), visit(order))[1]
    for trained in (new(train, val), new(train, val)):
        trained.train_epoch(1)
        trained.train_epoch(2)
    assert seen[:2] == seen[2:]
    assert seen[0] != seen[1]
    assert sorted(seen[0]) == list(range(len(train)))


@pytest.mark.parametrize("rows", [2, 3, 9])
def test_a_clip_alone_gives_what_it_gives_in_a_padded_batch(head, rows):
    clip, longer = unit_rows(noise(rows)), unit_rows(noise(12, seed=1))
    batch = np.zeros((2, 12, DIM), np.float32)
    batch[0, :rows], batch[1] = clip, longer
    with torch.no_grad():
        errors = head.model.errors(torch.from_numpy(batch))[0, : rows - 1].numpy()
    curve = head.curve(noise(rows))
    np.testing.assert_allclose(curve[1:], errors, rtol=0, atol=1e-5)


def test_padding_has_no_part_in_the_gradients(train):
    short, long = noise(3), noise(12, seed=1)
    splits = (Clips(short, long), Clips(short), Clips(long))
    together, *alone = (new(train, split) for split in splits)
    for trained in (together, *alone):
        trained.model.eval()
        [batch] = trained.objective.batches(trained._val, None)
        loss = trained.objective.loss(batch)
        (loss.gradient_of * loss.items).backward()
    gradients = zip(
        *(trained.model.parameters() for trained in (together, *alone)), strict=True
    )
    for both, first, second in gradients:
        torch.testing.assert_close(both.grad, first.grad + second.grad)


def test_no_prediction_sees_what_comes_later(head):
    clip = noise(9)
    changed = clip.copy()
    changed[6] = -clip[6]
    before, after = head.curve(clip), head.curve(changed)
    np.testing.assert_allclose(before[:6], after[:6], atol=1e-6)
    assert (np.abs(before - after)[6:] > 1e-4).all()


def test_two_streams_are_normalised_each_on_its_own(val):
    first, second = noise(7), noise(7, seed=1, dim=3)
    rows = unit_rows(first, second)
    assert rows.shape == (7, 9)
    np.testing.assert_allclose(np.linalg.norm(rows[:, :6], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(rows[:, 6:], axis=1), 1, atol=1e-6)
    clips = Clips((first, second))
    trained = new(clips, clips)
    trained.train_epoch(1)
    head = head_of(trained, 6, 3)
    assert head.dims == (6, 3)
    score = head.score(first, second)
    assert head.score(4 * first, second) == score
    assert head.score(first, second[::-1].copy()) != score


def test_a_bad_row_is_refused_in_training(train, val):
    for value in (0, np.nan, np.inf):
        bad = noise(6)
        bad[2] = value
        with pytest.raises(DataError, match="clip1: a row is all zero or not finite"):
            new(Clips(noise(4), bad), val).train_epoch(1)
        with pytest.raises(DataError, match="clip0: a row is all zero or not finite"):
            new(train, Clips(bad)).val_losses()


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
@pytest.mark.parametrize("row", [0, 2, 5])
def test_a_bad_row_makes_the_whole_clip_nan(head, value, row):
    clip = noise(6)
    clip[row] = value
    assert np.isnan(head.score(clip))
    assert np.isnan(head.mean_score(clip))
    assert np.isnan(head.curve(clip)).all()
    assert head.curve(clip).shape == (6,)


def test_a_clip_of_one_row_has_a_curve_and_no_score(head):
    assert head.curve(noise(1)).tolist() == [0]
    assert np.isnan(head.score(noise(1)))
    assert np.isnan(head.mean_score(noise(1)))


def test_pieces_fill_the_table_and_cover_a_clip():
    assert pieces(1) == [(0, 1)]
    assert pieces(5001) == [(0, 5001)]
    assert pieces(5002) == [(0, 5001), (2500, 5002)]
    assert pieces(7501) == [(0, 5001), (2500, 7501)]
    assert pieces(7502) == [(0, 5001), (2500, 7501), (5000, 7502)]


def test_a_row_of_a_long_clip_is_predicted_by_its_first_piece(head, monkeypatch):
    clip = noise(23)
    whole = head.curve(clip)
    monkeypatch.setattr(next_token, "MAX_INPUTS", 8)
    curve = head.curve(clip)
    np.testing.assert_array_equal(curve[:9], head.curve(clip[:9]))
    np.testing.assert_array_equal(curve[9:13], head.curve(clip[4:13])[5:])
    np.testing.assert_array_equal(curve[21:], head.curve(clip[16:])[5:])
    assert (curve[1:] > 0).all()
    assert not np.allclose(curve, whole)


def test_a_long_clip_is_trained_in_its_pieces(train, monkeypatch):
    long = Clips(noise(12), noise(5))
    monkeypatch.setattr(next_token, "MAX_INPUTS", 8)
    parts = Clips(noise(12)[:9], noise(12)[4:12], noise(5))
    losses = [new(train, split).val_losses()[0] for split in (long, parts)]
    assert losses[0] == losses[1]


def test_a_clip_above_the_table_is_scored(head):
    curve = head.curve(noise(MAX_INPUTS + 3))
    assert curve.shape == (MAX_INPUTS + 3,)
    assert (curve[1:] > 0).all()


def test_scoring_does_not_hold_all_attention_weights(head, monkeypatch):
    """Which the shortcut of torch for evaluation does."""
    monkeypatch.delattr(torch, "_transformer_encoder_layer_fwd")
    assert np.isfinite(head.score(noise(5)))


def test_round_trip(head, tmp_path):
    path = tmp_path / "head.safetensors"
    head.save(path)
    loaded = NextTokenHead.load(path)
    assert same_bytes(loaded.tensors, head.tensors)
    assert loaded.dims == (DIM,)
    assert loaded.metadata["kind"] == "next_token"
    np.testing.assert_array_equal(loaded.curve(noise(7)), head.curve(noise(7)))


def test_tensors_that_contradict_the_metadata_are_refused(head, tmp_path):
    path = tmp_path / "head.safetensors"
    NextTokenHead(head.tensors, head.metadata | {"dims": [4, 5]}).save(path)
    with pytest.raises(DataError, match=r"head\.bias .*\(6,\).*\(9,\)"):
        NextTokenHead.load(path)
    missing = {n: t for n, t in head.tensors.items() if n != "head.weight"}
    NextTokenHead(missing, head.metadata).save(path)
    with pytest.raises(DataError, match=r"head\.weight has shape None.*\(6, 16\)"):
        NextTokenHead.load(path)


def test_a_width_that_the_heads_do_not_divide_is_refused(train, val):
    with pytest.raises(ConfigError, match=r"options\.width.*width 16 and 3 heads"):
        new(train, val, heads=3)

"""The synchronisation head on pairs of streams that share a signal."""

from itertools import repeat

import numpy as np
import pytest
from toy_clips import trainer

from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.data.splits import Item
from dfprobe.heads.files.history import Stopping
from dfprobe.heads.files.tensor_file import write_tensors
from dfprobe.heads.fit.loop import ProgressFile, fit
from dfprobe.heads.fit.torch import TorchTrainer
from dfprobe.heads.kinds import sync
from dfprobe.heads.kinds.sync import SyncHead
from typed_specs import head_spec

DIMS = (12, 20)
MIX = np.random.default_rng(3).standard_normal(DIMS)
OPTIONS = {
    "tau": 3,
    "hidden": 32,
    "widths": [32, 16, 8],
    "batch_frames": 50,
    "direction": "audio",
    "shuffle": False,
}


class PairSplit:
    """Clips of two streams: (visual, audio) each."""

    def __init__(self, clips):
        self.clips = clips
        self.dims = tuple(rows.shape[1] for rows in clips[0])
        self.visited = []

    def __len__(self):
        return len(self.clips)

    def visit(self, order):
        self.visited = [int(number) for number in order]
        for number in order:
            yield Item(f"clip{number}", 0, self.clips[number])

    def bad_clip(self, clip_id, why):
        return DataError(f"Clip {clip_id}: {why}.")


def talk(rng, rows):
    """A clip whose audio rows are a mix of its visual rows, and some noise."""
    visual = rng.standard_normal((rows, DIMS[0]))
    audio = visual @ MIX + 0.3 * rng.standard_normal((rows, DIMS[1]))
    return visual.astype(np.float16), audio.astype(np.float32)


@pytest.fixture
def splits():
    rng = np.random.default_rng(5)
    lengths = (10, 40)
    train = [talk(rng, int(rng.integers(*lengths))) for _ in range(20)]
    val = [talk(rng, int(rng.integers(*lengths))) for _ in range(6)]
    return PairSplit(train), PairSplit(val)


def new_trainer(splits, seed=43, rate=0.003, **options):
    spec = head_spec(options=OPTIONS | options)
    return trainer(sync, splits, spec, rate, seed)


def items(trained, epoch):
    """Frames of each batch of a training epoch."""
    batches = trained.objective.batches(trained._train, epoch)
    return [trained.objective.loss(batch).items for batch in batches]


def train(splits, folder, epochs=25, every_s=60.0, **changes):
    trained = new_trainer(splits, **changes)
    side = ProgressFile(folder / "progress.safetensors", "key", every_s)
    [fitted] = fit(trained, Stopping(epochs, 10), side, "toy")
    return fitted


def head_of(fitted):
    return SyncHead.from_tensors(fitted.tensors, {"train_corpus": "toy"})


@pytest.mark.parametrize("direction", ["audio", "video"])
@pytest.mark.parametrize("shuffle", [False, True])
def test_it_learns_which_rows_belong_together(splits, tmp_path, direction, shuffle):
    fitted = train(splits, tmp_path, direction=direction, shuffle=shuffle)
    assert fitted.best.val_loss < 0.7 * np.log(7)
    head = head_of(fitted)
    rng = np.random.default_rng(8)
    for visual, audio in (talk(rng, 60) for _ in range(5)):
        matching = head.score(visual[2:], audio[2:])
        assert head.score(visual[2:], audio[:-2]) > matching + 0.5


def test_the_score_pools_the_curve(splits, tmp_path):
    head = head_of(train(splits, tmp_path, epochs=2))
    clip = talk(np.random.default_rng(8), 30)
    curve = head.curve(*clip)
    assert curve.shape == (30,)
    assert curve.dtype == np.float64
    assert head.score(*clip) == pytest.approx(np.log(np.exp(curve).sum()))


def test_a_long_clip_is_scored_in_pieces(splits, tmp_path, monkeypatch):
    head = head_of(train(splits, tmp_path, epochs=1))
    clip = talk(np.random.default_rng(8), 30)
    whole = head.curve(*clip)
    monkeypatch.setattr(sync, "_SCORED_FRAMES", 7)
    np.testing.assert_allclose(head.curve(*clip), whole, atol=1e-6)


def test_a_clip_of_one_row_is_trained_on_and_scored(tmp_path):
    rng = np.random.default_rng(5)
    split = PairSplit([talk(rng, 1) for _ in range(4)])
    head = head_of(train((split, split), tmp_path, epochs=2))
    clip = talk(rng, 1)
    assert head.score(*clip) == pytest.approx(head.curve(*clip)[0])


@pytest.mark.parametrize("stream", [0, 1])
@pytest.mark.parametrize("value", [0, np.nan, np.inf])
def test_a_bad_row_gives_no_score_and_stops_training(splits, tmp_path, stream, value):
    head = head_of(train(splits, tmp_path, epochs=1))
    clip = talk(np.random.default_rng(8), 12)
    clip[stream][4] = value
    assert np.flatnonzero(np.isnan(head.curve(*clip))).tolist() == [4]
    assert np.isnan(head.score(*clip))
    splits[0].clips[3] = clip
    with pytest.raises(DataError, match="clip3: a row is all zero or not finite"):
        new_trainer(splits).train_epoch(1)


def test_frames_are_visited_in_list_order(splits):
    frames = sum(len(visual) for visual, _ in splits[0].clips)
    assert items(new_trainer(splits), 1) == [*repeat(50, frames // 50), frames % 50]
    assert splits[0].visited == list(range(20))


def test_shuffled_batches_mix_clips_and_lose_no_frame(splits):
    trained = new_trainer(splits, shuffle=True)
    frames = sum(len(visual) for visual, _ in splits[0].clips)
    orders = []
    for epoch in (1, 2):
        assert sum(items(trained, epoch)) == frames
        orders.append(splits[0].visited)
    assert sorted(orders[0]) == list(range(20))
    assert orders[0] != orders[1]


def test_mixing_keeps_the_neighbours_of_every_frame():
    rows = np.arange(1.0, 301.0, dtype=np.float32)[:, None]
    clip = sync.Frames(rows, np.pad(rows, ((2, 2), (0, 0))))
    runs = list(sync._mixed(sync._runs([clip]), 16, [43, 1]))
    numbers = np.concatenate([run.fixed for run in runs])[:, 0]
    assert sorted(numbers) == list(rows[:, 0])
    assert not (numbers[:128] == rows[:128, 0]).all()
    assert set(numbers[:128]) == set(rows[:128, 0])  # the first eight batches
    for run in runs:
        np.testing.assert_array_equal(run.others[2:-2], run.fixed)


def test_the_mix_depends_on_seed_and_epoch():
    rows = np.arange(1.0, 301.0, dtype=np.float32)[:, None]
    runs = list(sync._runs([sync.Frames(rows, rows)]))
    mixes = [
        [float(run.fixed[0, 0]) for run in sync._mixed(runs, 16, entropy)]
        for entropy in ([43, 1], [43, 1], [43, 2], [44, 1])
    ]
    assert mixes[0] == mixes[1]
    assert len({tuple(mix) for mix in mixes}) == 3


def test_batches_of_another_size_give_the_same_loss(splits):
    losses = [new_trainer(splits, batch_frames=n).val_losses() for n in (1, 13, 1024)]
    np.testing.assert_allclose(losses, np.broadcast_to(losses[0], (3, 1)), rtol=1e-6)


class Killed(Exception):
    pass


def test_a_killed_training_goes_on_to_the_same_bytes(splits, tmp_path, monkeypatch):
    changes = {"epochs": 8, "every_s": 0.0, "shuffle": True}
    whole = train(splits, tmp_path / "whole", **changes)
    train_epoch = TorchTrainer.train_epoch

    def until_killed(self, epoch):
        if epoch == 5:
            raise Killed
        return train_epoch(self, epoch)

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(TorchTrainer, "train_epoch", until_killed)
        train(splits, tmp_path / "killed", **changes)
    resumed = train(splits, tmp_path / "killed", **changes)
    assert resumed.history == whole.history
    paths = [tmp_path / name for name in ("whole.safetensors", "resumed.safetensors")]
    for fitted, path in zip((whole, resumed), paths, strict=True):
        head_of(fitted).save(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()


def test_seeds_differ(splits, tmp_path):
    first, second = (train(splits, tmp_path / s, 1, seed=int(s)) for s in "12")
    assert first.best.val_loss != second.best.val_loss


def test_a_head_file_is_read_back(splits, tmp_path):
    head = head_of(train(splits, tmp_path, epochs=1))
    path = tmp_path / "head.safetensors"
    head.save(path)
    again = SyncHead.load(path)
    clip = talk(np.random.default_rng(8), 30)
    np.testing.assert_array_equal(again.curve(*clip), head.curve(*clip))
    assert again.dims == DIMS
    assert again.metadata["dims"] == list(DIMS)
    assert again.metadata["train_corpus"] == "toy"


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"mlp.3.bias": np.zeros(3, np.float32)}, r"mlp.3.bias has shape \(3,\)"),
        ({"extra": np.zeros(3, np.float32)}, r"extra has shape \(3,\)"),
        ({"mlp.9.bias": np.array([np.nan], np.float32)}, "mlp.9.bias is not finite"),
        ({"mlp.0.weight": None}, "expected visual_proj, audio_proj and mlp"),
        ({"visual_proj.weight": np.zeros(3, np.float32)}, "expected visual_proj"),
    ],
)
def test_tensors_that_do_not_fit_together_are_refused(splits, tmp_path, changes, part):
    tensors = train(splits, tmp_path, epochs=1).tensors | changes
    path = tmp_path / "head.safetensors"
    kept = {name: tensor for name, tensor in tensors.items() if tensor is not None}
    write_tensors(path, kept, {"kind": "sync"})
    with pytest.raises(DataError, match=part):
        SyncHead.load(path)


def test_a_hidden_size_that_two_streams_cannot_share_is_refused(splits):
    with pytest.raises(ConfigError, match=r"must be even, but .* has 33"):
        new_trainer(splits, hidden=33)

"""Linear probes trained together, against a plain loop in PyTorch."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from toy_clips import ClipSplit

from dfprobe.errors import DataError
from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Candidate, class_weights, epoch_order
from dfprobe.heads.files.history import Stopping
from dfprobe.heads.fit.linear import LinearTrainer, initial_parameters
from dfprobe.heads.fit.loop import ProgressFile, fit
from dfprobe.heads.kinds import linear, linear_kernel
from typed_specs import head_spec

DIM = 21
ONE = [Candidate(43, 1e-2)]
SEVERAL = [Candidate(seed, rate) for seed in (43, 44, 45) for rate in (1e-3, 1e-2)]


def clips(count, seed, dtype=np.float16, dim=DIM):
    """One clip in three is real; fakes lean in one direction."""
    rng = np.random.default_rng(seed)
    direction = np.random.default_rng(0).standard_normal(dim)
    made = []
    for number in range(count):
        label = int(number % 3 > 0)
        noise = rng.standard_normal((int(rng.integers(1, 20)), dim))
        made.append((label, (noise + 0.5 * label * direction).astype(dtype)))
    return made


def splits(dtype=np.float16, dim=DIM):
    return (
        ClipSplit(clips(30, 1, dtype, dim)),
        ClipSplit(clips(12, 2, dtype, dim), "val"),
    )


def trainer(parts, candidates, **settings):
    return LinearTrainer(*parts, head_spec(**settings), candidates)


def clip_loss(module, item, weights):
    rows = torch.from_numpy(unit_rows(item.rows[0]))
    score = module(rows).squeeze(-1).logsumexp(0)
    logits = torch.stack([-score, score])
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor(item.label))
    return weights[item.label] * loss


def plain_loop(parts, candidate, order_seed, epochs, weights=(1.0, 1.0)):
    """Batch size 1, autograd, PyTorch's Adam; parameters and losses of all epochs."""
    train, val = parts
    params = torch.from_numpy(initial_parameters(train.dims[0], candidate.seed))
    module = torch.nn.Linear(train.dims[0], 1)
    with torch.no_grad():
        module.weight.copy_(params[None, :-1])
        module.bias.copy_(params[-1:])
    optimizer = torch.optim.Adam(module.parameters(), lr=candidate.learning_rate)
    losses = []
    for epoch in range(1, epochs + 1):
        seen = []
        for item in train.visit(epoch_order(len(train), order_seed, epoch)):
            optimizer.zero_grad()
            loss = clip_loss(module, item, weights)
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
        with torch.no_grad():
            after = [
                clip_loss(module, item, weights).item()
                for item in val.visit(np.arange(len(val)))
            ]
        losses.append((np.mean(seen), np.mean(after)))
    weight, bias = module.weight.detach().numpy(), module.bias.detach().numpy()
    return np.concatenate([weight[0], bias]), losses


def params_of(trained, member):
    tensors = trained.tensors(member)
    return np.concatenate([tensors["head.weight"][0], tensors["head.bias"]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
@pytest.mark.parametrize("candidates", [ONE, SEVERAL])
@pytest.mark.parametrize("balance", ["none", "balanced"])
def test_weights_are_those_of_a_plain_loop(dtype, candidates, balance):
    parts = splits(dtype)
    trained = trainer(parts, candidates, class_weights=balance)
    losses = [(trained.train_epoch(epoch), trained.val_losses()) for epoch in (1, 2, 3)]
    weights = class_weights(parts[0].labels, balance)
    for member, candidate in enumerate(candidates):
        expected, curve = plain_loop(parts, candidate, 43, 3, weights)
        np.testing.assert_allclose(params_of(trained, member), expected, atol=1e-5)
        of_member = [(train[member], val[member]) for train, val in losses]
        np.testing.assert_allclose(of_member, curve, atol=1e-5)


def test_layers_side_by_side_are_trained_as_if_alone():
    layers = [splits(), splits(dim=2 * DIM)]
    first, second = layers[0], [slice_of(part, DIM) for part in layers[1]]
    both = [
        ClipSplit(
            [
                (label, np.hstack([rows[: len(other)], other[: len(rows)]]))
                for (label, rows), (_, other) in zip(left, right, strict=True)
            ],
            name,
        )
        for left, right, name in [
            (items(first[0]), items(second[0]), "train"),
            (items(first[1]), items(second[1]), "val"),
        ]
    ]
    together = trainer(both, SEVERAL, layers=2)
    assert len(together.candidates) == 2 * len(SEVERAL)
    alone = [
        trainer([slice_of(p, DIM, start) for p in both], SEVERAL) for start in (0, DIM)
    ]
    for epoch in (1, 2):
        losses = together.train_epoch(epoch).reshape(-1, 2)
        for layer, probes in enumerate(alone):
            np.testing.assert_allclose(losses[:, layer], probes.train_epoch(epoch))
    val = together.val_losses().reshape(-1, 2)
    for layer, probes in enumerate(alone):
        np.testing.assert_allclose(val[:, layer], probes.val_losses())
        for member in range(len(SEVERAL)):
            np.testing.assert_array_equal(
                params_of(together, 2 * member + layer), params_of(probes, member)
            )


def items(split):
    return [(item.label, item.rows[0]) for item in split.visit(np.arange(len(split)))]


def slice_of(split, width, start=0):
    """Keep some columns of a split's rows."""
    kept = [
        (label, np.ascontiguousarray(rows[:, start : start + width]))
        for label, rows in items(split)
    ]
    return ClipSplit(kept, split.name)


def test_layers_that_do_not_divide_a_row_are_refused():
    with pytest.raises(DataError, match=r"Rows of 21 values .* 2 layers"):
        trainer(splits(), ONE, layers=2)


@pytest.mark.parametrize("layers", [1, 3])
def test_restored_training_ends_with_the_same_bytes(layers):
    parts = splits()
    settings = {"schedule": "plateau", "layers": layers}

    def epochs(trained, numbers):
        for epoch in numbers:
            trained.train_epoch(epoch)
            trained.adapt(np.ones(len(trained.candidates)))  # rates fall after 3, 5, 7
        return trained

    whole = epochs(trainer(parts, SEVERAL, **settings), range(1, 8))
    state = epochs(trainer(parts, SEVERAL, **settings), range(1, 5)).state()
    state = {name: array.copy() for name, array in state.items()}
    resumed = trainer(parts, SEVERAL, **settings)
    resumed.restore(state)
    epochs(resumed, range(5, 8))
    assert resumed.state().keys() == whole.state().keys()
    for name, array in whole.state().items():
        assert array.tobytes() == resumed.state()[name].tobytes(), name


class Killed(Exception):
    pass


def test_killed_fit_goes_on_to_the_same_probes(tmp_path):
    parts = splits()
    stopping = Stopping(8, 3)

    def run(name, kill_in=None):
        trained = trainer(parts, SEVERAL)
        visit = trained.train_epoch

        def train_epoch(epoch):
            if epoch == kill_in:
                raise Killed
            return visit(epoch)

        trained.train_epoch = train_epoch
        side = ProgressFile(tmp_path / name, "key", every_s=0.0)
        return fit(trained, stopping, side, "toy")

    whole = run("whole")
    with pytest.raises(Killed):
        run("killed", kill_in=5)
    for one, other in zip(whole, run("killed"), strict=True):
        assert one.history == other.history
        for name, tensor in one.tensors.items():
            assert tensor.tobytes() == other.tensors[name].tobytes()


def test_state_does_not_change_with_later_epochs():
    trained = trainer(splits(), ONE, schedule="plateau")
    trained.train_epoch(1)
    trained.adapt(trained.val_losses())
    state = trained.state()
    before = {name: array.tobytes() for name, array in state.items()}
    for epoch in (2, 3, 4):
        trained.train_epoch(epoch)
        trained.adapt(np.array([9.0]))
    assert {name: array.tobytes() for name, array in state.items()} == before


def test_rate_falls_after_two_epochs_without_a_lower_loss():
    trained = trainer(splits(), SEVERAL[:2], schedule="plateau")
    seen = []
    for losses in ([1, 1], [2, 0.9], [0.9, 0.9], [0.9, 0.9], [1, 0.9], [1, 0.9]):
        trained.adapt(np.array(losses, float))
        seen.append(trained.learning_rates())
    first, second = np.transpose(seen)
    np.testing.assert_allclose(first, [1e-3] * 4 + [3e-4] * 2)
    np.testing.assert_allclose(second, [1e-2] * 3 + [3e-3] * 2 + [9e-4])


def test_rate_has_a_floor_and_never_rises():
    candidates = [Candidate(43, 1e-2), Candidate(43, 1e-7)]
    trained = trainer(splits(), candidates, schedule="plateau")
    for _ in range(40):
        trained.adapt(np.ones(2))
    np.testing.assert_allclose(trained.learning_rates(), [1e-6, 1e-7])


def test_rate_stays_without_a_schedule():
    trained = trainer(splits(), ONE)
    for _ in range(9):
        trained.adapt(np.ones(1))
    np.testing.assert_array_equal(trained.learning_rates(), [1e-2])


def ill_conditioned(count, seed):
    """Rows that share a long mean; what tells a fake is small and varies little."""
    rng = np.random.default_rng(seed)
    spread = np.geomspace(1, 0.02, 16)
    made = []
    for number in range(count):
        label = number % 2
        rows = spread * rng.standard_normal((8, 16))
        rows[:, -4:] += 0.015 * (2 * label - 1)
        rows[:, 0] += 10
        made.append((label, rows.astype(np.float32)))
    return made


def test_plateau_ends_lower_and_sooner_than_the_setting_of_the_paper(tmp_path):
    parts = ClipSplit(ill_conditioned(100, 1)), ClipSplit(ill_conditioned(60, 2), "val")

    def run(rates, schedule, max_epochs):
        candidates = [Candidate(43, rate) for rate in rates]
        trained = trainer(parts, candidates, schedule=schedule)
        side = ProgressFile(tmp_path / schedule, "key")
        return fit(trained, Stopping(max_epochs, 10), side, "toy")

    [paper] = run([1e-3], "none", 100)
    assert not paper.stopped and len(paper.history) == 100
    converged = run([1e-2, 1e-1], "plateau", 1000)
    for fitted in converged:
        assert fitted.stopped and fitted.best.val_loss < paper.best.val_loss
        passes = [e.val_loss <= paper.best.val_loss for e in fitted.history]
        assert passes.index(True) < 20
    best = min(converged, key=lambda fitted: fitted.best.val_loss)
    assert len(best.history) < 100


def test_seeds_differ_in_their_initial_parameters_only():
    parts = splits()
    trained = trainer(parts, [Candidate(1, 1e-2), Candidate(2, 1e-2)])
    for member, seed in enumerate((1, 2)):
        expected = initial_parameters(DIM, seed)
        np.testing.assert_array_equal(params_of(trained, member), expected)
    trained.train_epoch(1)
    expected, _ = plain_loop(parts, Candidate(2, 1e-2), 1, 1)
    np.testing.assert_allclose(params_of(trained, 1), expected, atol=1e-5)


def test_initial_parameters_are_those_of_a_linear_layer():
    params = initial_parameters(10_000, 0)
    assert params.dtype == np.float32 and params.shape == (10_001,)
    assert np.abs(params).max() <= 0.01
    assert params.std() == pytest.approx(0.01 / np.sqrt(3), rel=0.05)


def test_balanced_classes_weigh_the_same():
    labels = np.array([0, 1, 1, 1])
    assert class_weights(labels, "none") == (1.0, 1.0)
    assert class_weights(labels, "balanced") == (2.0, pytest.approx(2 / 3))


@pytest.mark.parametrize("value", [0, np.nan, np.inf])
@pytest.mark.parametrize("number", [0, 1])
def test_bad_row_is_an_error_that_names_the_clip(value, number):
    parts = splits()
    items(parts[number])[4][1][-1] = value
    trained = trainer(parts, SEVERAL)
    with pytest.raises(DataError, match=f"{parts[number].name}/4: its loss is nan"):
        trained.train_epoch(1)
        trained.val_losses()


def test_probe_of_the_tensors_scores_like_the_trainer():
    parts = splits()
    trained = trainer(parts, SEVERAL)
    trained.train_epoch(1)
    losses = trained.val_losses()
    for member in range(len(trained.candidates)):
        probe = linear.LinearProbe.from_tensors(trained.tensors(member), {})
        assert probe.dims == (DIM,)
        scores = np.array([probe.score(rows) for _, rows in items(parts[1])])
        signs = 2 * parts[1].labels - 1
        mean = np.logaddexp(0, -2 * signs * scores).mean()
        assert losses[member] == pytest.approx(mean)


def test_curve_of_a_probe_is_its_frame_logits():
    [(_, rows), *_] = clips(1, 3)
    params = initial_parameters(DIM, 1)
    probe = linear.LinearProbe(params, {})
    bits = linear_kernel.stored_bits(rows)
    [logits] = linear_kernel.frame_logits(bits, params[None])
    np.testing.assert_array_equal(probe.curve(rows), logits)
    assert probe.curve(rows).shape == (len(rows),)


def test_training_does_not_import_torch():
    code = "import dfprobe.heads.kinds.linear, sys; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)

"""The synchronisation head against the published implementation (tests/parity/data)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fill import fill_tensor, input_tensor

from dfprobe.heads.data.splits import Candidate, Item
from dfprobe.heads.fit.torch import TorchTrainer
from dfprobe.heads.kinds.sync import Sizes, SyncHead, SyncModel, SyncObjective

DATA = Path(__file__).parent / "data"
RECORD = json.loads((DATA / "avh_align.json").read_text())
CONFIG = RECORD["config"]
OUTPUTS = RECORD["tolerance"]["outputs_absolute"]
LOSS = RECORD["tolerance"]["loss_absolute"]
GRADIENT = 1e-4  # of the largest entry, as the record says in words
TAU = CONFIG["tau"]
OPTIONS = {"tau": TAU, "direction": "audio", "batch_frames": 1024, "shuffle": False}
SIZES = Sizes(
    (CONFIG["visual_dim"], CONFIG["audio_dim"]),
    CONFIG["hidden_dim"],
    tuple(CONFIG["mlp_widths"][:3]),
)


class Clips:
    """The two longer clips of the fixture as a split."""

    dims = SIZES.dims

    def __init__(self, clips):
        self.clips = clips[:2]

    def __len__(self):
        return len(self.clips)

    def visit(self, order):
        for number in order:
            yield Item(str(number), 0, self.clips[number])


@pytest.fixture(scope="module")
def fixture():
    with np.load(DATA / "avh_align.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def tensors():
    return {
        name: fill_tensor(name, tuple(shape))
        for name, shape in RECORD["tensors"].items()
    }


@pytest.fixture
def clips(fixture):
    return [(fixture[f"visual_{n}"], fixture[f"audio_{n}"]) for n in range(3)]


@pytest.fixture
def model(tensors):
    model = SyncModel(SIZES)
    model.load_state_dict({n: torch.from_numpy(t) for n, t in tensors.items()})
    return model


@pytest.fixture
def head(tensors):
    return SyncHead(tensors, {})


def objective(model, **options):
    return SyncObjective(model, OPTIONS | options, seed=43)


def losses(model, clips, epoch=None, **options):
    """Losses of the batches, in the order of the clips."""
    learned = objective(model, **options)
    return [learned.loss(batch) for batch in learned.batches(Clips(clips), epoch)]


class Recorded:
    """Keeps what the network was asked and what it said."""

    def __init__(self, model):
        self._candidates = model.candidates
        self.arguments = self.outputs = None

    def __call__(self, *arguments):
        self.arguments = arguments
        self.outputs = self._candidates(*arguments)
        return self.outputs


def close(ours, expected, tolerance):
    np.testing.assert_allclose(ours, expected, rtol=0, atol=tolerance)


def test_the_model_has_the_published_tensors(model):
    shapes = {name: list(t.shape) for name, t in model.state_dict().items()}
    assert shapes == RECORD["tensors"]


def test_inputs_are_those_of_the_rule(clips):
    for number, (visual, audio) in enumerate(clips):
        expected = input_tensor(f"avh.visual{number}", visual.shape)
        np.testing.assert_array_equal(visual, expected)
        noise = input_tensor(f"avh.audio{number}", audio.shape)
        close(audio, 0.5 * visual + noise, 1e-6)


def test_outputs_and_scores(fixture, head, clips):
    curves = [head.curve(*clip) for clip in clips]
    close(-np.concatenate(curves[:2]), fixture["eval_outputs"], OUTPUTS)
    scores = [head.score(*clip) for clip in clips]
    close(scores[:2], fixture["eval_scores"], OUTPUTS)
    close(scores[2], fixture["eval_score_one_frame"], OUTPUTS)


def test_outputs_for_the_candidates(fixture, model, clips, monkeypatch):
    recorded = Recorded(model)
    monkeypatch.setattr(model, "candidates", recorded)
    [loss] = losses(model, clips)
    outputs = recorded.outputs.detach().numpy()
    close(outputs, fixture["window_outputs"], OUTPUTS)
    centre = recorded.outputs.log_softmax(dim=1)[:, TAU].detach().numpy()
    close(centre, fixture["log_probs_centre"], LOSS)
    assert loss.items == len(outputs)
    _, audio, partners, _ = recorded.arguments
    zero = (audio == 0).all(dim=1)[partners]
    np.testing.assert_array_equal(zero, fixture["window_zero"])


def test_loss_and_gradients(fixture, model, clips):
    [loss] = losses(model, clips, epoch=1)
    loss.gradient_of.backward()
    assert loss.gradient_of.item() == pytest.approx(
        float(fixture["loss_sum"]), rel=1e-6
    )
    close(loss.total.item() / loss.items, fixture["loss_mean"], LOSS)
    gradients = {name: p.grad.numpy() for name, p in model.named_parameters()}
    norms = RECORD["gradient_norms_of_loss_sum"]
    # Zero but for rounding: it moves all candidates alike.
    bias = gradients.pop("mlp.9.bias")
    close(bias, fixture["grad_sum/mlp.9.bias"], 1e-5)
    for name, gradient in gradients.items():
        assert np.linalg.norm(gradient) == pytest.approx(norms[name], rel=GRADIENT)
        if (expected := fixture.get(f"grad_sum/{name}")) is not None:
            close(gradient, expected, GRADIENT * np.abs(expected).max())


def test_one_step_of_adam(fixture, model, clips):
    split = Clips(clips)
    candidate = Candidate(43, 1e-5)
    trained = TorchTrainer(objective(model), split, split, candidate, "cpu")
    close(trained.train_epoch(1), fixture["loss_mean"], LOSS)
    close(trained.val_losses(), fixture["loss_mean_after_one_step"], LOSS)


def test_batches_cut_across_clips_give_the_same_sum(fixture, model, clips):
    parts = losses(model, clips, batch_frames=25)
    assert [loss.items for loss in parts] == [25, 25, 7]
    total = sum(loss.total.item() for loss in parts)
    close(total / 57, fixture["loss_mean"], LOSS)


def test_the_direction_printed_in_the_paper(fixture, model, clips):
    [loss] = losses(model, clips, direction="video")
    expected = plain_loss_over_video(model, clips[:2])
    close(loss.total.item() / loss.items, expected, LOSS)
    apart = abs(expected - float(fixture["loss_mean"]))
    named = RECORD["change_caused_by_typical_mistakes"]
    recorded = named["window over video with the audio frame fixed"]
    assert apart == pytest.approx(recorded, abs=1e-5)


@torch.no_grad()
def plain_loss_over_video(model, clips):
    """The loss pair by pair, as the formula in the paper reads."""
    losses = []
    for clip in clips:
        units = (rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in clip)
        visual, audio = (torch.from_numpy(rows) for rows in units)
        padding = torch.zeros(TAU, visual.shape[1])
        padded = torch.cat([padding, visual, padding])
        for t in range(len(audio)):
            around = padded[t : t + 2 * TAU + 1]
            outputs = model(around, audio[t].expand(len(around), -1))
            losses.append(-float(outputs.log_softmax(dim=0)[TAU]))
    return np.mean(losses)

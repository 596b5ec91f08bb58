"""The next-token head against the published implementation (tests/parity/data)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fill import fill_tensor, input_tensor
from torch.nn.utils.rnn import pad_sequence

from dfprobe.heads.data.alignment import unit_rows
from dfprobe.heads.data.splits import Item
from dfprobe.heads.kinds.next_token import (
    NextTokenHead,
    NextTokenModel,
    NextTokenObjective,
    sizes_of,
)
from dfprobe.heads.kinds.positions import sinusoids

DATA = Path(__file__).parent / "data"
RECORD = json.loads((DATA / "ntp.json").read_text())
TOLERANCE = RECORD["tolerance"]
CONFIG = RECORD["config"]
DIM = CONFIG["feats_dim"]
OPTIONS = {
    "width": CONFIG["d_model"],
    "feed_forward": CONFIG["d_ff"],
    "heads": CONFIG["nhead"],
    "layers": CONFIG["num_layers"],
    "dropout": 0.1,
    "batch_size": 32,
}


class AllClips:
    """The clips of the fixture as a split."""

    def __init__(self, clips):
        self.clips = clips
        self.dims = (DIM,)

    def __len__(self):
        return len(self.clips)

    def visit(self, order):
        for number in order:
            yield Item(str(number), 0, (self.clips[number],))


@pytest.fixture(scope="module")
def fixture():
    with np.load(DATA / "ntp.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def tensors():
    return {
        name: fill_tensor(name, tuple(shape))
        for name, shape in RECORD["tensors"].items()
    }


@pytest.fixture
def head(tensors):
    return NextTokenHead(tensors, {"dims": [DIM], "spec": {"options": OPTIONS}})


@pytest.fixture
def model(tensors):
    model = NextTokenModel(DIM, sizes_of(OPTIONS))
    model.load_state_dict({n: torch.from_numpy(t) for n, t in tensors.items()})
    return model.eval()


@pytest.fixture
def clips(fixture):
    return [fixture[f"features_{number}"] for number in range(3)]


def test_the_model_has_the_published_tensors(model):
    shapes = {name: list(t.shape) for name, t in model.state_dict().items()}
    assert shapes == RECORD["tensors"]


def test_inputs_are_those_of_the_rule(clips):
    for number, clip in enumerate(clips):
        expected = input_tensor(f"ntp.clip{number}", clip.shape)
        np.testing.assert_array_equal(clip, expected)


def test_positions(fixture):
    table = sinusoids(5000, CONFIG["d_model"])
    np.testing.assert_allclose(
        table[:40], fixture["pe_first_40"], atol=TOLERANCE["predictions"]
    )


@torch.no_grad()
def test_predictions(fixture, model, clips):
    for number, clip in enumerate(clips):
        rows = torch.from_numpy(unit_rows(clip))[None]
        expected = fixture[f"prediction_{number}"]
        np.testing.assert_allclose(
            model(rows[:, :-1])[0], expected, rtol=0, atol=TOLERANCE["predictions"]
        )


@torch.no_grad()
def test_predictions_of_clips_in_one_padded_batch(fixture, model, clips):
    rows = [torch.from_numpy(unit_rows(clip)) for clip in clips]
    predictions = model(pad_sequence(rows, batch_first=True)[:, :-1])
    for number, clip in enumerate(clips):
        ours = predictions[number, : len(clip) - 1]
        expected = fixture[f"prediction_{number}"]
        np.testing.assert_allclose(
            ours, expected, rtol=0, atol=TOLERANCE["predictions"]
        )


def test_curves_and_scores(fixture, head, clips):
    for number, clip in enumerate(clips):
        errors = fixture[f"frame_mse_{number}"]
        curve = head.curve(clip)
        np.testing.assert_allclose(
            curve[1:], errors, rtol=0, atol=TOLERANCE["predictions"]
        )
        assert curve[0] == 0
        score = fixture["scores"][number]
        assert head.score(clip) == pytest.approx(score, abs=TOLERANCE["scores"], rel=0)
        mean = errors.mean()
        assert head.mean_score(clip) == pytest.approx(mean, abs=TOLERANCE["scores"])


def test_loss_and_gradients(fixture, model, clips):
    objective = NextTokenObjective(model, 100, OPTIONS["batch_size"], seed=43)
    [batch] = objective.batches(AllClips(clips), None)
    loss = objective.loss(batch)  # dropout is off
    loss.gradient_of.backward()
    expected = float(fixture["loss"][0])
    assert loss.total.item() / loss.items == pytest.approx(
        expected, abs=TOLERANCE["loss"], rel=0
    )
    assert loss.gradient_of.item() == pytest.approx(
        expected, abs=TOLERANCE["loss"], rel=0
    )
    assert loss.items == sum(len(clip) - 1 for clip in clips)
    gradients = {name: p.grad.numpy() for name, p in model.named_parameters()}
    for name, gradient in gradients.items():
        norm = RECORD["gradient_norms_of_loss"][name]
        assert np.linalg.norm(gradient) == pytest.approx(norm, rel=1e-4)
        if (expected := fixture.get(f"grad/{name}")) is not None:
            error = np.abs(gradient - expected).max() / np.abs(expected).max()
            assert error < 1e-4

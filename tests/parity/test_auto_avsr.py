"""Auto-AVSR against outputs of the official code (mpc001/auto_avsr)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fill import fill_tensor, input_tensor

from dfprobe.encoders.families.auto_avsr import pretrained_model

DATA = Path(__file__).parent / "data"
SINGLE = {
    "audio_tiny": "audio",
    "audio_main_tiny": "audio",
    "visual_tiny": "video",
    "visual_main_tiny": "video",
}
# What a published file holds beside the encoders; the shapes do not matter.
TEXT_SIDE = {
    name: torch.zeros(3)
    for name in (
        "ctc.ctc_lo.weight",
        "decoder.embed.0.weight",
        "decoder.decoders.0.self_attn.linear_q.weight",
        "decoder.after_norm.weight",
        "decoder.output_layer.bias",
    )
}


class Fixture:
    """One fixture, its model loaded from a checkpoint file in the published form."""

    def __init__(self, name: str, stream: str, folder: Path) -> None:
        self.name = name
        self.record = json.loads((DATA / f"auto_avsr_{name}.json").read_text())
        tensors = {
            key: torch.from_numpy(np.asarray(fill_tensor(key, tuple(shape))))
            for key, shape in self.record["tensors"].items()
        }
        path = folder / f"{name}.pth"
        torch.save(tensors | TEXT_SIDE, path)
        self.model = pretrained_model(path, stream).eval()

    def input(self, key: str) -> torch.Tensor:
        """A named input by the rule of the fixtures: noise with a gain a frame."""
        rule = self.record["inputs"][key]
        noise = input_tensor(rule["input_tensor_name"], tuple(rule["shape"]))
        gain = input_tensor(rule["gain_tensor_name"], tuple(rule["gain_shape"]))
        repeats = noise.shape[1] // gain.shape[1]
        return torch.from_numpy(noise * gain.repeat(repeats, axis=1))

    def assert_close(self, output: torch.Tensor, key: str, item=...) -> None:
        with np.load(DATA / self.record["npz"]) as reference:
            expected = reference[key][item]
        assert output.shape == expected.shape
        error = np.abs(output.numpy() - expected).max() / np.abs(expected).max()
        assert error < self.record["tolerance"]["float32"], (self.name, key)


@pytest.fixture(scope="module", params=SINGLE)
def single(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("auto_avsr")
    return Fixture(request.param, SINGLE[request.param], folder)


@pytest.fixture(scope="module")
def joint(tmp_path_factory):
    return Fixture("av_tiny", "audio_video", tmp_path_factory.mktemp("auto_avsr"))


@torch.inference_mode()
def test_one_stream(single):
    (key,) = (key for key in single.record["inputs"] if not key.endswith("padded"))
    stream, model = single.input(key), single.model
    single.assert_close(model(stream), "features")
    single.assert_close(model.encoder.frontend(stream), "frontend")
    for number in (1, 2):
        rows = model(stream, hidden=(number,))
        single.assert_close(rows, "blocks", (slice(None), number - 1))
    if "embed" in single.record["outputs"]:
        single.assert_close(model(stream, hidden=(0,)), "embed")


@torch.inference_mode()
def test_the_first_of_a_padded_batch(single):
    """It has no padding itself."""
    if "features_padded" not in single.record["outputs"]:
        pytest.skip("the fixtures of layout main have no padded batch")
    (key,) = (key for key in single.record["inputs"] if key.endswith("padded"))
    rows = single.model(single.input(key)[:1])
    single.assert_close(rows, "features_padded", slice(1))


@torch.inference_mode()
def test_both_streams(joint):
    video, audio = joint.input("video"), joint.input("audio")
    joint.assert_close(joint.model(video, audio), "features")
    parts = {"video": joint.model.encoder, "audio": joint.model.aux_encoder}
    for (name, part), stream in zip(parts.items(), (video, audio), strict=True):
        joint.assert_close(part.frontend(stream), f"{name}_frontend")
        joint.assert_close(part(stream, None), f"{name}_features")


@torch.inference_mode()
def test_hidden_layers_of_both_streams(joint):
    rows = joint.model(joint.input("video"), joint.input("audio"), hidden=(1,))
    halves = dict(zip(("video", "audio"), rows.chunk(2, dim=2), strict=True))
    for name, half in halves.items():
        joint.assert_close(half, f"{name}_blocks", (slice(None), 0))

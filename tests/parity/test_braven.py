"""BRAVEn against outputs of the official code (ahaliassos/raven)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fill import fill_tensor, input_tensor

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.families.braven import pretrained_model
from dfprobe.settings.specs import EncoderSpec

DATA = Path(__file__).parent / "data"
STREAMS = {"audio": "audio", "video": "visual"}  # stream -> name of its fixture
# What a fine-tuned file holds besides; one tensor of each kind, small.
RECOGNISER = {
    "ctc.ctc_lo.weight": (7, 48),
    "decoder.embed.0.weight": (7, 48),
    "decoder.decoders.0.src_attn.linear_q.weight": (48, 48),
    "decoder.output_layer.weight": (7, 48),
    "decoder.proj_decoder.weight": (24, 48),
}


class Fixture:
    """The tiny model of a stream, through a file as the authors publish them."""

    def __init__(self, stream: str, folder: Path) -> None:
        self.stream, self.name = stream, f"braven_{STREAMS[stream]}_tiny"
        self.record = json.loads((DATA / f"{self.name}.json").read_text())
        shapes = self.record["tensors"] | RECOGNISER
        tensors = {
            name: torch.from_numpy(np.asarray(fill_tensor(name, tuple(shape))))
            for name, shape in shapes.items()
        }
        self.path = folder / f"{self.name}.pth"
        torch.save(tensors, self.path)
        self.model = pretrained_model(self.path, stream).eval()

    def input(self, name: str) -> torch.Tensor:
        """Noise with a loudness or brightness of its own in every frame."""
        rule = self.record["inputs"][name]
        noise = input_tensor(rule["input_tensor_name"], tuple(rule["shape"]))
        gain = input_tensor(rule["gain_tensor_name"], tuple(rule["gain_shape"]))
        repeats = noise.shape[1] // gain.shape[1]
        inputs = torch.from_numpy(noise * gain.repeat(repeats, axis=1))
        return inputs

    def assert_near(self, output: torch.Tensor, name: str, part: object = ...) -> None:
        """Compare with a part of an output of the official code."""
        with np.load(DATA / f"{self.name}.npz") as reference:
            expected = reference[name][part]
        assert output.shape == expected.shape
        error = np.abs(output.numpy() - expected).max() / np.abs(expected).max()
        assert error < self.record["tolerance"]["float32"], f"{self.name}, {name}"


@pytest.fixture(scope="module", params=list(STREAMS))
def fixture(request, tmp_path_factory) -> Fixture:
    return Fixture(request.param, tmp_path_factory.mktemp("braven"))


@torch.inference_mode()
def test_features(fixture):
    inputs = fixture.input(fixture.stream)
    fixture.assert_near(fixture.model(inputs), "features")


@torch.inference_mode()
def test_hidden_layers(fixture):
    inputs = fixture.input(fixture.stream)
    framed = inputs if fixture.stream == "audio" else inputs[:, :, None]
    fixture.assert_near(fixture.model.frontend(framed), "frontend")
    fixture.assert_near(fixture.model(inputs, hidden=(0,)), "embed")
    for layer in (1, 2):
        rows = fixture.model(inputs, hidden=(layer,))
        fixture.assert_near(rows, "blocks", np.s_[:, layer - 1])


@torch.inference_mode()
def test_other_clips_alone_as_in_a_padded_batch(fixture):
    """The official code masks the padding, so a batch gives what each clip gives."""
    first, second = fixture.input(f"{fixture.stream}_padded")
    fixture.assert_near(fixture.model(first[None]), "features_padded", np.s_[:1])
    if fixture.stream == "audio":
        return  # there the padding leaks through the frontend, which has no mask
    rows = fixture.model(second[None, :7])
    fixture.assert_near(rows, "features_padded", np.s_[1:, :7])


def test_a_waveform_is_encoded_as_it_is(tmp_path):
    fixture = Fixture("audio", tmp_path)
    spec = EncoderSpec("tiny", "braven", "audio", weights=str(fixture.path))
    waveform = fixture.input("audio")[0, :, 0].numpy()
    rows = registry.build(spec, "cpu").encode(ClipInputs("c", waveform=waveform))
    fixture.assert_near(torch.from_numpy(rows)[None], "features")


def test_mouth_patches_are_normalised_as_in_the_official_code():
    """Grey, so that the three weights of the colours add up to 0.9999 there."""
    patches = np.random.default_rng(0).integers(0, 256, (2, 96, 96), dtype=np.uint8)
    scaled = patches[:, 4:92, 4:92].astype(np.float32) / 255
    grey = 0.2989 * scaled + 0.587 * scaled + 0.114 * scaled
    encoder = registry.build(EncoderSpec("tiny", "braven", "video"), "cpu")
    ours = encoder.prepare(ClipInputs("c", mouth=patches))["video"]
    expected = ((grey - 0.421) / 0.165)[None]
    np.testing.assert_allclose(ours.numpy(), expected, rtol=0, atol=7e-4)

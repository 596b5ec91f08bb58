"""FSFM against outputs of the official code (wolo-wolo/FSFM-CVPR25)."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fill import fill_tensor, input_tensor

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.families.fsfm import pretrained_model
from dfprobe.encoders.inputs.fsfm_pixels import face_square, normalised_pixels
from dfprobe.settings.specs import EncoderSpec

DATA = Path(__file__).parent / "data"
RECORD = json.loads((DATA / "fsfm_tiny.json").read_text())
LIMIT = RECORD["tolerance"]
HEADS = RECORD["config"]["num_heads"]
NORMS = {"fc_norm.weight", "fc_norm.bias"}


def filled(shapes: dict[str, list[int]]) -> dict[str, torch.Tensor]:
    return {
        name: torch.from_numpy(np.asarray(fill_tensor(name, tuple(shape))))
        for name, shape in shapes.items()
    }


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory):
    """The fine-tuned file, and that of pre-training: norm in place of fc_norm."""
    folder = tmp_path_factory.mktemp("fsfm")
    tuned = filled(RECORD["tensors"])
    started = {
        name: tensor
        for name, tensor in tuned.items()
        if name not in NORMS and not name.startswith("head.")
    }
    started |= filled(RECORD["tensors_cls_only"]) | {"mask_token": torch.ones(1, 1, 64)}
    rest = {"optimizer": {}, "epoch": 1, "args": argparse.Namespace(model="vit")}
    torch.save({"model": tuned, **rest}, folder / "tuned.pth")
    torch.save({"model": started, **rest}, folder / "started.pth")
    return folder


@pytest.fixture(scope="module")
def pixels():
    rule = RECORD["input"]
    return torch.from_numpy(input_tensor(rule["name"], tuple(rule["shape"])))


@pytest.fixture(scope="module")
def image():
    rule = RECORD["preprocess_image"]
    noise = input_tensor(rule["name"], tuple(rule["shape"]))
    return np.clip(128 + 48 * noise, 0, 255).round().astype(np.uint8)


def error(output: torch.Tensor, name: str) -> float:
    with np.load(DATA / "fsfm_tiny.npz") as reference:
        expected = reference[name]
    assert output.shape == expected.shape
    return float(np.abs(output.numpy() - expected).max())


@torch.inference_mode()
def test_features_with_mean_pooling(checkpoints, pixels):
    model = pretrained_model(checkpoints / "tuned.pth", HEADS, "mean").eval()
    features = model(pixels)
    assert error(features, "features_mean") < LIMIT["features"]
    head = filled(RECORD["tensors"])
    logits = features @ head["head.weight"].T + head["head.bias"]
    assert error(logits, "logits") < LIMIT["features"]


@torch.inference_mode()
def test_features_with_the_cls_token(checkpoints, pixels):
    model = pretrained_model(checkpoints / "started.pth", HEADS, "cls").eval()
    assert error(model(pixels), "features_cls") < LIMIT["features"]


@torch.inference_mode()
def test_tokens(checkpoints, pixels):
    model = pretrained_model(checkpoints / "tuned.pth", HEADS, "mean").eval()
    tokens = model.embed(pixels)
    assert error(tokens[0], "embed_tokens_0") < LIMIT["tokens"]
    for block in model.blocks:
        tokens = block(tokens)
    assert error(tokens[0], "last_tokens_0") < LIMIT["tokens"]


def test_pixels_are_those_of_the_paper(image):
    coarse = normalised_pixels([image], 224)[0, :, ::8, ::8]
    assert error(coarse, "preprocess_paper") < LIMIT["preprocess"]


@torch.inference_mode()
def test_the_encoder_gives_the_features_of_those_pixels(checkpoints, image):
    path = checkpoints / "tuned.pth"
    spec = EncoderSpec("x", "fsfm", "video", str(path), options={"heads": HEADS})
    encoder = registry.build(spec, "cpu")
    clip = ClipInputs(
        "c",
        boxes=np.full((2, 4), np.nan, np.float32),
        frames=lambda size: iter([np.stack([image, image])]),
    )
    expected = pretrained_model(path, HEADS, "mean").eval()(
        normalised_pixels([image], 224)
    )
    rows = encoder.encode(clip)
    np.testing.assert_allclose(rows, expected.expand(2, -1).numpy(), atol=1e-5)


@pytest.mark.parametrize("case", RECORD["face_crop_cases"]["cases"])
def test_the_place_of_the_crop(case):
    square = face_square(case["face"], case["width"], case["height"])
    assert list(square) == case["crop"]

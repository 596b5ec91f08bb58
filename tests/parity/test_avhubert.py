"""AV-HuBERT against outputs of the official code (facebookresearch/av_hubert)."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fill import fill_tensor, input_tensor

from dfprobe.encoders.families.avhubert import pretrained_model
from dfprobe.encoders.inputs.mouth_pixels import normalised_crops

DATA = Path(__file__).parent / "data"
RECORD = json.loads((DATA / "avhubert_tiny.json").read_text())
LIMIT = RECORD["tolerance"]["float32"]
HEAD_SIZE = 16


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The tiny model, through a checkpoint file as fairseq writes them."""
    tensors = {
        name: torch.from_numpy(np.asarray(fill_tensor(name, tuple(shape))))
        for name, shape in RECORD["tensors"].items()
    }
    for name, shape in RECORD["ignored_checkpoint_tensors"].items():
        tensors[name] = torch.zeros(shape)
    path = tmp_path_factory.mktemp("avhubert") / "tiny.pt"
    torch.save({"args": None, "model": tensors}, path)
    return pretrained_model(path, HEAD_SIZE).eval()


@pytest.fixture(scope="module")
def inputs():
    audio = 4 * input_tensor("avhubert.audio", (1, 104, 12))
    coarse = input_tensor("avhubert.video", (1, 1, 12, 11, 11))
    video = coarse.repeat(8, axis=3).repeat(8, axis=4)
    return torch.from_numpy(audio), torch.from_numpy(video)


def error(output: torch.Tensor, name: str) -> float:
    with np.load(DATA / "avhubert_tiny.npz") as reference:
        expected = reference[name]
    assert output.shape == expected.shape
    return float(np.abs(output.numpy() - expected).max() / np.abs(expected).max())


@torch.inference_mode()
def test_the_three_streams(model, inputs):
    audio, video = inputs
    assert error(model(audio, None), "audio") < LIMIT
    assert error(model(None, video), "video") < LIMIT
    assert error(model(audio, video), "multimodal") < LIMIT


@torch.inference_mode()
def test_a_shorter_clip(model, inputs):
    audio, video = inputs
    assert error(model(audio[..., :9], video[:, :, :9]), "multimodal_first9") < LIMIT


@torch.inference_mode()
def test_intermediate_values(model, inputs):
    audio, video = inputs
    branch = model.feature_extractor_video
    front = branch.resnet.frontend3D(video)[:, :8, 0]
    assert error(front, "mid_frontend3d_frame0") < LIMIT
    assert error(branch.resnet(video).transpose(1, 2), "mid_resnet") < LIMIT
    assert error(branch(video).transpose(1, 2), "mid_feat_video") < LIMIT
    heard = model.feature_extractor_audio(audio)
    assert error(heard.transpose(1, 2), "mid_feat_audio") < LIMIT
    fused = model.layer_norm(torch.cat([heard, branch(video)], dim=2))
    assert error(fused, "mid_fused_norm") < LIMIT
    rows = model.post_extract_proj(fused)
    assert error(rows, "mid_post_extract_proj") < LIMIT
    assert error(model.encoder.pos_conv(rows).transpose(1, 2), "mid_pos_conv") < LIMIT


@torch.inference_mode()
def test_hidden_layers(model, inputs):
    assert error(model(*inputs, hidden=(1,)), "mid_layer1") < LIMIT
    assert error(model(*inputs, hidden=(2,)), "mid_layer2") < LIMIT


def test_mouth_patches_are_normalised_as_in_the_official_code():
    with np.load(DATA / "mouth_crop.npz") as reference:
        patches, expected = reference["crops"][:2], reference["normalized_first2"]
    np.testing.assert_allclose(normalised_crops(patches), expected, rtol=0, atol=1e-6)

import numpy as np
import pytest
import torch

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.families.avhubert import FORMAT
from dfprobe.encoders.networks.avhubert import AVHubert, Sizes, initialise
from dfprobe.errors import EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.store.files import sha256_of

SIZES = Sizes(
    layers=2, width=32, ffn=48, heads=4, trunk_width=2, conv_kernel=8, conv_groups=4
)
HEAD_SIZE = 8
DECODER = {"decoder.layers.0.fc1.weight": torch.zeros(2, 2)}
IGNORED = {"mask_emb": torch.zeros(104), "label_embs_concat": torch.zeros(4, 2)}


@pytest.fixture(scope="module")
def tensors():
    """Tensors of a small model, none of them at a default value."""
    torch.manual_seed(0)
    model = AVHubert(SIZES)
    initialise(model)
    return {
        name: (1 + 0.3 * torch.randn(tensor.shape)).abs()
        if tensor.dim() == 1
        else torch.randn(tensor.shape) / tensor[0].numel() ** 0.5
        if tensor.is_floating_point()
        else tensor
        for name, tensor in model.state_dict().items()
    }


def make_clip(frames=10, samples=6400):
    rng = np.random.default_rng(0)
    return ClipInputs(
        "c",
        waveform=0.1 * rng.standard_normal(samples).astype(np.float32),
        mouth=rng.integers(0, 256, (frames, 96, 96), dtype=np.uint8),
    )


def build(path, tensors, stream="audio_video", head_size=HEAD_SIZE, layer="last"):
    torch.save({"model": tensors}, path)
    spec = EncoderSpec(
        "under-test",
        "avhubert",
        stream,
        weights=str(path),
        layer=layer,
        options={"head_size": head_size},
    )
    return registry.build(spec, "cpu")


def prefixed(tensors, prefix):
    return {prefix + name: tensor for name, tensor in tensors.items()}


@pytest.mark.parametrize(
    "prefix, others",
    [
        ("encoder.w2v_model.", DECODER),
        ("w2v_encoder.w2v_model.", {"w2v_encoder.proj.weight": torch.zeros(1)}),
        ("", {"final_proj.weight": torch.zeros(2, 2)}),
    ],
)
def test_checkpoints_of_every_kind_give_the_same_rows(
    tmp_path, tensors, prefix, others
):
    plain = build(tmp_path / "plain.pt", tensors)
    fine_tuned = prefixed(tensors | IGNORED, prefix) | others
    tuned = build(tmp_path / "tuned.pt", fine_tuned)
    np.testing.assert_array_equal(plain.encode(make_clip()), tuned.encode(make_clip()))
    assert tuned.weights_hash == sha256_of(tmp_path / "tuned.pt")


def test_names_of_the_newer_weight_norm(tensors):
    conv = "encoder.pos_conv.0."
    newer = {
        name.replace("weight_g", "parametrizations.weight.original0").replace(
            "weight_v", "parametrizations.weight.original1"
        ): tensor
        for name, tensor in prefixed(tensors, "encoder.w2v_model.").items()
    }
    assert f"encoder.w2v_model.{conv}weight_g" not in newer
    assert FORMAT.encoder_tensors(newer).keys() == tensors.keys()


def test_missing_and_unexpected_tensors_are_named(tmp_path, tensors):
    faulty = {name: t for name, t in tensors.items() if name != "layer_norm.bias"}
    faulty["stray.weight"] = torch.zeros(1)
    with pytest.raises(
        EncoderError,
        match=r"faulty\.pt.*1 missing: layer_norm\.bias.*1 unexpected: stray\.weight",
    ):
        build(tmp_path / "faulty.pt", faulty)


def test_wrong_shapes_are_named(tmp_path, tensors):
    faulty = tensors | {"encoder.layer_norm.bias": torch.zeros(31)}
    with pytest.raises(
        EncoderError, match=r"encoder\.layer_norm\.bias \(31,\) instead"
    ):
        build(tmp_path / "faulty.pt", faulty)


def test_another_model_is_no_avhubert(tmp_path):
    with pytest.raises(EncoderError, match=r"is not an AV-HuBERT.*post_extract_proj"):
        build(tmp_path / "other.pt", {"conv1.weight": torch.zeros(2)})


def test_heads_must_divide_the_width(tmp_path, tensors):
    with pytest.raises(
        EncoderError, match=r"width 32 is not a multiple of head_size \(64\)"
    ):
        build(tmp_path / "x.pt", tensors, head_size=64)


def test_the_head_size_matters(tmp_path, tensors):
    first, second = (
        build(tmp_path / "x.pt", tensors, head_size=size).encode(make_clip())
        for size in (8, 16)
    )
    assert not np.allclose(first, second, atol=1e-4)


def test_both_streams_are_cut_to_the_shorter(tmp_path, tensors):
    encoder = build(tmp_path / "x.pt", tensors)
    both = encoder.encode(make_clip(frames=7, samples=6400))
    assert both.shape == (7, 32)
    rows = encoder.encode(make_clip(frames=10, samples=3200))
    assert rows.shape == (5, 32)


def test_one_stream_keeps_its_own_length(tmp_path, tensors):
    audio = build(tmp_path / "x.pt", tensors, "audio")
    assert audio.encode(make_clip(frames=3, samples=6400)).shape == (10, 32)
    video = build(tmp_path / "x.pt", tensors, "video")
    assert video.encode(make_clip(frames=3, samples=6400)).shape == (3, 32)


def test_a_hidden_layer_comes_without_the_final_norm(tmp_path, tensors):
    hidden = build(tmp_path / "x.pt", tensors, layer=2).encode(make_clip())
    norm = torch.nn.functional.layer_norm(
        torch.from_numpy(hidden),
        (32,),
        tensors["encoder.layer_norm.weight"],
        tensors["encoder.layer_norm.bias"],
    )
    last = build(tmp_path / "x.pt", tensors).encode(make_clip())
    np.testing.assert_allclose(norm.numpy(), last, rtol=0, atol=1e-5)


def test_leading_silence_shows_in_random_features():
    """The paper's random baseline separates the classes by it (section 6)."""
    encoder = registry.build(EncoderSpec("x", "avhubert", "audio"), "cpu")
    clip = make_clip(samples=32000)
    plain = encoder.encode(clip)
    clip.waveform[: 2 * 640] = 0
    silent = encoder.encode(clip)
    rows = silent / np.linalg.norm(silent, axis=1, keepdims=True)
    speech = rows[10:].mean(axis=0)
    assert (rows[:2] @ speech).max() < (rows[10:] @ speech).min() - 0.1
    assert np.abs(silent[10:] - plain[10:]).max() < 0.1 * np.abs(plain).max()


def test_random_sizes_that_do_not_fit_are_refused():
    spec = EncoderSpec("x", "avhubert", "audio", options={"width": 72, "head_size": 8})
    with pytest.raises(
        EncoderError, match=r"'x': the width .* is not a multiple of 16"
    ):
        registry.build(spec, "cpu")

import numpy as np
import pytest
import torch

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.families.braven import sizes_of
from dfprobe.encoders.loading.checkpoint_format import Checkpoint
from dfprobe.encoders.networks.braven import Braven, random_model
from dfprobe.encoders.networks.relative_attention import Sizes, relative_positions
from dfprobe.errors import ClipError, EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.status import Status
from dfprobe.store.files import sha256_of

STREAMS = ("audio", "video")
SIZES = Sizes(layers=2, width=24, ffn=40, heads=3, trunk_width=2)
# Beside the encoder in a fine-tuned file (shapes as published, but smaller).
RECOGNISER = {
    "ctc.ctc_lo.weight": torch.zeros(9, 24),
    "ctc.ctc_lo.bias": torch.zeros(9),
    "decoder.embed.0.weight": torch.zeros(9, 24),
    "decoder.decoders.0.self_attn.linear_q.weight": torch.zeros(24, 24),
    "decoder.decoders.0.norm1.weight": torch.zeros(24),
    "decoder.after_norm.weight": torch.zeros(24),
    "decoder.output_layer.weight": torch.zeros(9, 24),
    "decoder.proj_decoder.weight": torch.zeros(12, 24),
}


def trained(stream):
    """Tensors of a small model, none of them at a default value."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        state = random_model(stream, SIZES).state_dict()
        return {
            name: (1 + 0.3 * torch.randn(tensor.shape)).abs()
            if tensor.dim() == 1
            else torch.randn(tensor.shape) / tensor[0].numel() ** 0.5
            if tensor.is_floating_point()
            else tensor
            for name, tensor in state.items()
        }


@pytest.fixture(scope="module")
def tensors():
    return {stream: trained(stream) for stream in STREAMS}


def fine_tuned(tensors):
    return {f"encoder.{name}": tensor for name, tensor in tensors.items()} | RECOGNISER


def make_clip(frames=10, samples=6400):
    rng = np.random.default_rng(0)
    return ClipInputs(
        "c",
        waveform=0.1 * rng.standard_normal(samples).astype(np.float32),
        mouth=rng.integers(0, 256, (frames, 96, 96), dtype=np.uint8),
    )


def build(path, content, stream, layer="last"):
    torch.save(content, path)
    spec = EncoderSpec("under-test", "braven", stream, weights=str(path), layer=layer)
    return registry.build(spec, "cpu")


@pytest.mark.parametrize("stream", STREAMS)
def test_both_kinds_of_files_give_the_same_rows(tmp_path, tensors, stream):
    tuned = build(tmp_path / "tuned.pth", fine_tuned(tensors[stream]), stream)
    bare = build(tmp_path / "bare.pth", tensors[stream], stream)
    rows = tuned.encode(make_clip())
    assert rows.shape == (10, 24)
    np.testing.assert_array_equal(rows, bare.encode(make_clip()))
    assert tuned.weights_hash == sha256_of(tmp_path / "tuned.pth")


def test_a_file_in_half_precision(tmp_path, tensors):
    half = {
        name: tensor.half() if tensor.is_floating_point() else tensor
        for name, tensor in fine_tuned(tensors["audio"]).items()
    }
    rows = build(tmp_path / "half.pth", half, "audio").encode(make_clip())
    full = build(tmp_path / "full.pth", fine_tuned(tensors["audio"]), "audio")
    np.testing.assert_allclose(rows, full.encode(make_clip()), rtol=0, atol=0.05)


def test_missing_and_unexpected_tensors_are_named(tmp_path, tensors):
    faulty = fine_tuned(tensors["audio"]) | {"encoder.stray": torch.zeros(1)}
    del faulty["encoder.after_norm.bias"]
    with pytest.raises(
        EncoderError,
        match=r"faulty\.pth.*1 missing: after_norm\.bias.*1 unexpected: stray",
    ):
        build(tmp_path / "faulty.pth", faulty, "audio")


def test_wrong_shapes_are_named(tmp_path, tensors):
    faulty = fine_tuned(tensors["video"])
    faulty["encoder.encoders.1.gamma_ff"] = torch.zeros(23)
    with pytest.raises(EncoderError, match=r"encoders\.1\.gamma_ff \(23,\) instead"):
        build(tmp_path / "faulty.pth", faulty, "video")


@pytest.mark.parametrize("stream, other", [STREAMS, STREAMS[::-1]])
def test_a_file_of_the_other_stream_is_refused(tmp_path, tensors, stream, other):
    content = fine_tuned(tensors[other])
    with pytest.raises(EncoderError, match=f"encoder of {other}, but .* is {stream};"):
        build(tmp_path / "x.pth", content, stream)


def test_another_model_is_no_braven(tmp_path):
    with pytest.raises(EncoderError, match=r"not a BRAVEn encoder of video.*embed\.0"):
        build(tmp_path / "x.pth", {"conv1.weight": torch.zeros(2)}, "video")


def test_heads_must_divide_the_width(tmp_path, tensors):
    faulty = fine_tuned(tensors["audio"])
    for name in "uv":
        for layer in (0, 1):
            faulty[f"encoder.encoders.{layer}.self_attn.pos_bias_{name}"] = torch.zeros(
                7, 3
            )
    with pytest.raises(EncoderError, match=r"x\.pth.*multiple of the heads \(7\)"):
        build(tmp_path / "x.pth", faulty, "audio")


@pytest.mark.parametrize(
    "sizes, tensors, video, audio",
    [
        (Sizes(12, 512, 2048, 8, 64), 412, 52_467_296, 45_133_088),
        (Sizes(12, 768, 3072, 12, 64), 412, 103_775_584, 96_441_376),
        (Sizes(24, 1024, 4096, 16, 64), 700, 339_342_444, 332_008_236),
    ],
    ids=["base", "base+", "large"],
)
def test_official_sizes_have_the_official_counts(sizes, tensors, video, audio):
    """Counts of the official modules, batch norm buffers included."""
    for stream, elements in (("video", video), ("audio", audio)):
        with torch.device("meta"):
            state = Braven(stream, sizes).state_dict()
        assert len(state) == tensors
        assert sum(tensor.numel() for tensor in state.values()) == elements
        assert sizes_of(Checkpoint("it", "here", state), stream) == sizes


@pytest.mark.parametrize("width, heads", [(72, 5), (15, 3)])
def test_random_sizes_that_do_not_fit_are_refused(width, heads):
    spec = EncoderSpec("x", "braven", "audio", options={"width": width, "heads": heads})
    with pytest.raises(EncoderError, match=f"'x': the width must be even .* {width}"):
        registry.build(spec, "cpu")


@pytest.mark.parametrize("stream", STREAMS)
def test_a_hidden_layer_comes_without_the_final_norm(tmp_path, tensors, stream):
    hidden = build(tmp_path / "x.pth", tensors[stream], stream, layer=2)
    norm = torch.nn.functional.layer_norm(
        torch.from_numpy(hidden.encode(make_clip())),
        (24,),
        tensors[stream]["after_norm.weight"],
        tensors[stream]["after_norm.bias"],
    )
    last = build(tmp_path / "x.pth", tensors[stream], stream).encode(make_clip())
    np.testing.assert_allclose(norm.numpy(), last, rtol=0, atol=1e-5)


def test_samples_after_the_last_whole_frame_do_not_matter(tmp_path, tensors):
    encoder = build(tmp_path / "x.pth", tensors["audio"], "audio")
    clip = make_clip(samples=3 * 640 + 639)
    whole = ClipInputs("c", waveform=clip.waveform[: 3 * 640])
    rows = encoder.encode(clip)
    assert rows.shape == (3, 24)
    np.testing.assert_array_equal(rows, encoder.encode(whole))


@pytest.mark.parametrize("stream", STREAMS)
def test_the_shortest_clip(stream):
    encoder = registry.build(EncoderSpec("x", "braven", stream), "cpu")
    rows = encoder.encode(make_clip(frames=1, samples=640))
    assert rows.shape == (1, encoder.dim)
    assert np.isfinite(rows).all()
    with pytest.raises(ClipError) as refusal:
        encoder.encode(make_clip(frames=0, samples=639))
    assert refusal.value.status is Status.TOO_SHORT


def test_read_only_waveforms(tmp_path, tensors):
    clip = make_clip()
    clip.waveform.flags.writeable = False
    encoder = build(tmp_path / "x.pth", tensors["audio"], "audio")
    assert encoder.encode(clip).shape == (10, 24)  # torch warns where it would not copy


@pytest.mark.parametrize("stream", STREAMS)
@pytest.mark.parametrize("seed", [0, 1])
def test_random_rows_differ_by_more_than_float16_loses(stream, seed):
    encoder = registry.build(EncoderSpec("x", "braven", stream, seed=seed), "cpu")
    rows = encoder.encode(make_clip())
    assert rows.std(axis=0).mean() > 0.05 * np.abs(rows).mean()


def test_positions_from_the_formula():
    table = relative_positions(torch.zeros(1, 5, 6))
    assert table.shape == (9, 6)
    for row, channel in [(0, 0), (0, 3), (4, 1), (6, 2), (8, 5)]:
        angle = (4 - row) * 10_000 ** (-(channel // 2 * 2) / 6)
        expected = np.cos(angle) if channel % 2 else np.sin(angle)
        assert table[row, channel].item() == pytest.approx(expected, abs=1e-6)

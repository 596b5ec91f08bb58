import re

import numpy as np
import pytest
import torch

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.families.auto_avsr import (
    FORMAT,
    fitted,
    normalised_waveform,
    pretrained_model,
)
from dfprobe.encoders.networks.auto_avsr import OneStream, Sizes, TwoStreams, initialise
from dfprobe.encoders.networks.resnet_frontends import AudioFrontend, VideoFrontend
from dfprobe.errors import ClipError, EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.status import Status
from dfprobe.store.files import sha256_of

STREAMS = ("audio", "video", "audio_video")
WIDTH = 32
SIZES = Sizes(layers=2, width=WIDTH, ffn=48, heads=4, trunk_width=2, conv_kernel=5)
OTHER_SIZES = Sizes(layers=3, width=24, ffn=40, heads=2, trunk_width=3)
OFFICIAL = Sizes(layers=12, width=768, ffn=3072, heads=12, trunk_width=64)
TEXT_SIDE = {
    "ctc.ctc_lo.weight": torch.zeros(7, WIDTH),
    "ctc.ctc_lo.bias": torch.zeros(7),
    "decoder.embed.0.weight": torch.zeros(7, WIDTH),
    "decoder.decoders.0.self_attn.linear_q.weight": torch.zeros(WIDTH, WIDTH),
    "decoder.after_norm.weight": torch.zeros(WIDTH),
    "decoder.output_layer.bias": torch.zeros(7),
}


def model_of(stream, sizes=SIZES, audio_sizes=SIZES, fusion_width=20):
    if stream == "audio_video":
        return TwoStreams(sizes, audio_sizes, fusion_width)
    frontend = AudioFrontend if stream == "audio" else VideoFrontend
    return OneStream(frontend(sizes.trunk_width), sizes)


@pytest.fixture(scope="module")
def tensors():
    """Tensors of a small model of each stream, none of them at a default value."""
    generator = torch.Generator().manual_seed(0)

    def drawn(tensor):
        if not tensor.is_floating_point():
            return torch.tensor(7)
        values = torch.randn(tensor.shape, generator=generator)
        if tensor.dim() == 1:
            return (1 + 0.3 * values).abs()
        return values / tensor[0].numel() ** 0.5

    return {
        stream: {
            name: drawn(tensor)
            for name, tensor in model_of(stream).state_dict().items()
        }
        for stream in STREAMS
    }


def layout_main(tensors):
    """The names of the branch main."""
    return {
        re.sub(
            r"^encoder\.(frontend\.)",
            r"\1",
            name.replace("encoder.embed.0.", "proj_encoder."),
        ): tensor
        for name, tensor in tensors.items()
    }


def make_clip(frames=10, samples=6400):
    rng = np.random.default_rng(0)
    return ClipInputs(
        "c",
        waveform=0.1 * rng.standard_normal(samples).astype(np.float32),
        mouth=rng.integers(0, 256, (frames, 96, 96), dtype=np.uint8),
    )


def with_waveform(clip, waveform):
    return ClipInputs(clip.clip_id, waveform=waveform, mouth=clip.mouth)


def build(path, tensors, stream, layer="last"):
    torch.save(tensors, path)
    spec = EncoderSpec("x", "auto_avsr", stream, weights=str(path), layer=layer)
    return registry.build(spec, "cpu")


@pytest.mark.parametrize("stream", ["audio", "video"])
def test_both_layouts_give_the_same_rows(tmp_path, tensors, stream):
    plain = build(tmp_path / "plain.pth", tensors[stream], stream)
    renamed = layout_main(tensors[stream])
    assert "proj_encoder.weight" in renamed
    assert any(name.startswith("frontend.trunk.") for name in renamed)
    main = build(tmp_path / "main.pth", TEXT_SIDE | renamed, stream)
    rows = plain.encode(make_clip())
    assert rows.shape == (10, WIDTH)
    np.testing.assert_array_equal(rows, main.encode(make_clip()))
    assert main.weights_hash == sha256_of(tmp_path / "main.pth")


@pytest.mark.parametrize("stream", STREAMS)
def test_the_text_side_is_left_out(tmp_path, tensors, stream):
    plain = build(tmp_path / "plain.pth", tensors[stream], stream)
    whole = build(tmp_path / "whole.pth", tensors[stream] | TEXT_SIDE, stream)
    np.testing.assert_array_equal(plain.encode(make_clip()), whole.encode(make_clip()))


@pytest.mark.parametrize("stream", STREAMS)
def test_every_size_is_read_from_the_tensors(tmp_path, stream):
    model = model_of(stream, OTHER_SIZES, SIZES, fusion_width=17)
    torch.save(model.state_dict(), tmp_path / "x.pth")
    read = pretrained_model(tmp_path / "x.pth", stream)
    assert {name: t.shape for name, t in read.state_dict().items()} == {
        name: t.shape for name, t in model.state_dict().items()
    }


@pytest.mark.parametrize(
    "stream, count, elements",
    [
        ("video", 604, 182_056_288),
        ("audio", 604, 174_722_080),
        ("audio_video", 604 + 604 + 9, 182_056_288 + 174_722_080 + 18_916_097),
    ],
)
def test_the_official_size(stream, count, elements):
    with torch.device("meta"):
        official = model_of(stream, OFFICIAL, OFFICIAL, 8192).state_dict()
    assert len(official) == count
    assert sum(tensor.numel() for tensor in official.values()) == elements


@pytest.mark.parametrize("wanted", STREAMS)
@pytest.mark.parametrize("found", STREAMS)
def test_a_checkpoint_of_another_stream_is_refused(tmp_path, tensors, found, wanted):
    if found == wanted:
        assert build(tmp_path / "x.pth", tensors[found], wanted).dim == WIDTH
        return
    with pytest.raises(
        EncoderError, match=rf"x\.pth is of the stream {found}, not of {wanted};"
    ):
        build(tmp_path / "x.pth", tensors[found], wanted)


def test_missing_unexpected_and_misshapen_tensors_are_named(tmp_path, tensors):
    faulty = dict(tensors["video"])
    del faulty["encoder.encoders.1.norm_final.bias"]
    faulty["encoder.stray.weight"] = torch.zeros(1)
    faulty["encoder.after_norm.bias"] = torch.zeros(WIDTH - 1)
    with pytest.raises(
        EncoderError,
        match=r"x\.pth.*1 missing: encoder\.encoders\.1\.norm_final\.bias.*"
        r"1 unexpected: encoder\.stray\.weight.*"
        r"wrong shape: encoder\.after_norm\.bias \(31,\) instead of \(32,\)",
    ):
        build(tmp_path / "x.pth", faulty, "video")


def test_another_transformer_is_refused(tmp_path, tensors):
    """A BRAVEn has the same frontend, but no convolution in its blocks."""
    braven = {
        name: t for name, t in tensors["audio"].items() if "conv_module" not in name
    }
    with pytest.raises(EncoderError, match=r"not an Auto-AVSR.*depthwise_conv\.weight"):
        build(tmp_path / "x.pth", braven, "audio")


def test_another_model_is_refused(tmp_path):
    other = TEXT_SIDE | {"conv1.weight": torch.zeros(2)}
    with pytest.raises(EncoderError, match=r"not an Auto-AVSR.*tensors are conv1\.wei"):
        build(tmp_path / "x.pth", other, "audio")


def test_an_unaveraged_checkpoint_is_refused(tmp_path, tensors):
    lightning = {"state_dict": {f"model.{n}": t for n, t in tensors["audio"].items()}}
    with pytest.raises(EncoderError, match=r"expected only tensors .*'state_dict'"):
        build(tmp_path / "x.ckpt", lightning, "audio")


def test_only_the_two_renamed_parts_change_their_names():
    names = ["frontend.a", "proj_encoder.b", "encoder.encoders.0.c", "fusion.fc1.d"]
    assert list(FORMAT.encoder_tensors(dict.fromkeys(names, torch.zeros(1)))) == [
        "encoder.frontend.a",
        "encoder.embed.0.b",
        "encoder.encoders.0.c",
        "fusion.fc1.d",
    ]


@torch.inference_mode()
def test_mouth_patches_go_in_as_described(tmp_path, tensors):
    clip = make_clip(frames=3)
    rows = build(tmp_path / "x.pth", tensors["video"], "video").encode(clip)
    grey = torch.from_numpy(clip.mouth[:, 4:92, 4:92]).double() / 255
    model = pretrained_model(tmp_path / "x.pth", "video").eval()
    expected = model(((grey - 0.421) / 0.165).float()[None, :, None])[0]
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-4)


@torch.inference_mode()
def test_the_waveform_goes_in_normalised_over_all_its_samples(tmp_path, tensors):
    clip = make_clip(samples=3 * 640 + 500)
    clip.waveform[3 * 640 :] += 1  # the part that gives no row counts as well
    rows = build(tmp_path / "x.pth", tensors["audio"], "audio").encode(clip)
    wave = torch.from_numpy(clip.waveform)
    model = pretrained_model(tmp_path / "x.pth", "audio").eval()
    normed = torch.nn.functional.layer_norm(wave, wave.shape, eps=1e-8)
    expected = model(normed[None, :, None])[0]
    assert rows.shape == (3, WIDTH)
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-4)


def test_silence_stays_silence():
    assert not normalised_waveform(np.full(1000, 0.25, np.float32)).any()


def test_a_waveform_is_cut_or_filled_with_zeros():
    np.testing.assert_array_equal(fitted(np.arange(5.0), 3), [0, 1, 2])
    np.testing.assert_array_equal(fitted(np.arange(1.0, 3), 4), [1, 2, 0, 0])


def test_both_streams_have_the_length_of_the_video(tmp_path, tensors):
    """The waveform is fitted before it is normalised."""
    encoder = build(tmp_path / "x.pth", tensors["audio_video"], "audio_video")
    clip = make_clip(frames=7, samples=7 * 640)
    longer = np.concatenate([clip.waveform, np.ones(700, np.float32)])
    rows = encoder.encode(clip)
    assert rows.shape == (7, WIDTH)
    np.testing.assert_array_equal(rows, encoder.encode(with_waveform(clip, longer)))
    clip.waveform[5 * 640 :] = 0
    shorter = with_waveform(clip, clip.waveform[: 5 * 640])
    np.testing.assert_array_equal(encoder.encode(clip), encoder.encode(shorter))


def test_one_stream_keeps_its_own_length(tmp_path, tensors):
    audio = build(tmp_path / "a.pth", tensors["audio"], "audio")
    assert audio.encode(make_clip(frames=3, samples=6400)).shape == (10, WIDTH)
    video = build(tmp_path / "v.pth", tensors["video"], "video")
    assert video.encode(make_clip(frames=3, samples=6400)).shape == (3, WIDTH)


@pytest.mark.parametrize("stream", ["audio", "audio_video"])
def test_less_audio_than_a_row_is_refused(stream):
    encoder = registry.build(EncoderSpec("x", "auto_avsr", stream), "cpu")
    with pytest.raises(ClipError, match=r"c has 639 .* needs 640") as refusal:
        encoder.encode(make_clip(samples=639))
    assert refusal.value.status is Status.TOO_SHORT


def test_one_frame_is_enough(tmp_path, tensors):
    for stream in STREAMS:
        encoder = build(tmp_path / "x.pth", tensors[stream], stream)
        assert encoder.encode(make_clip(frames=1, samples=640)).shape == (1, WIDTH)


def normed(rows, tensors, prefix):
    return torch.nn.functional.layer_norm(
        torch.from_numpy(rows),
        (rows.shape[1],),
        tensors[f"{prefix}after_norm.weight"],
        tensors[f"{prefix}after_norm.bias"],
    )


def test_a_hidden_layer_comes_without_the_final_norm(tmp_path, tensors):
    weights = tensors["audio"]
    hidden = build(tmp_path / "x.pth", weights, "audio", layer=2).encode(make_clip())
    last = build(tmp_path / "x.pth", weights, "audio").encode(make_clip())
    np.testing.assert_allclose(
        normed(hidden, weights, "encoder."), last, rtol=0, atol=1e-4
    )


def test_hidden_layers_of_two_streams_are_side_by_side(tmp_path, tensors):
    weights = tensors["audio_video"]
    encoder = build(tmp_path / "x.pth", weights, "audio_video", layer=2)
    assert encoder.dim == 2 * WIDTH
    video, audio = np.split(encoder.encode(make_clip()), 2, axis=1)
    both = [
        normed(video, weights, "encoder."),
        normed(audio, weights, "aux_encoder."),
    ]
    model = pretrained_model(tmp_path / "x.pth", "audio_video").eval()
    with torch.inference_mode():
        fused = model.fusion(torch.cat(both, dim=1)[None])[0]
    last = build(tmp_path / "x.pth", weights, "audio_video").encode(make_clip())
    np.testing.assert_allclose(fused, last, rtol=0, atol=1e-4)


@torch.inference_mode()
@pytest.mark.parametrize("stream", ["audio", "video"])
def test_random_frontends_keep_the_size_of_a_signal(stream):
    torch.manual_seed(0)
    model = model_of(stream, Sizes(1, 32, 32, 4, trunk_width=16))
    initialise(model)
    shape = (1, 3200, 1) if stream == "audio" else (1, 5, 1, 88, 88)
    rows = model.eval().encoder.frontend(torch.randn(shape))
    assert 0.5 < rows.std() < 50


def test_random_sizes_that_do_not_fit_are_refused():
    spec = EncoderSpec("x", "auto_avsr", "audio", options={"width": 36, "heads": 4})
    with pytest.raises(EncoderError, match=r"'x': the width 36 is not a .*heads \(8\)"):
        registry.build(spec, "cpu")


def test_random_weights_have_the_sizes_of_the_options():
    options = {"layers": 3, "width": 16, "fusion_width": 5, "trunk_width": 4}
    spec = EncoderSpec("x", "auto_avsr", "audio_video", layer=3, options=options)
    assert registry.build(spec, "cpu").dim == 2 * 16

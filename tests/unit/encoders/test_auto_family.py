"""Models of many kinds from folders that the tests write, run by hand and as a row."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import (
    ASTConfig,
    ASTFeatureExtractor,
    AutoModel,
    BertConfig,
    CLIPConfig,
    CLIPVisionConfig,
    ConvNextConfig,
    Data2VecAudioConfig,
    DeiTConfig,
    Dinov2Config,
    Dinov2WithRegistersConfig,
    HubertConfig,
    SeamlessM4TFeatureExtractor,
    SEWConfig,
    SiglipConfig,
    SiglipVisionConfig,
    SwinConfig,
    TimesformerConfig,
    VideoMAEConfig,
    ViTConfig,
    ViTMAEConfig,
    ViTMSNConfig,
    VivitConfig,
    Wav2Vec2BertConfig,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    WavLMConfig,
    WhisperConfig,
    WhisperFeatureExtractor,
    XCLIPConfig,
)
from transformers.modeling_outputs import BaseModelOutput

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.hub_models import auto_classes
from dfprobe.encoders.hub_models.pooling import pooling_for
from dfprobe.encoders.windows import WHOLE, TimeAxis
from dfprobe.errors import ClipError, EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.status import Status

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
VIT = SMALL | {"image_size": 32, "patch_size": 8}  # 16 patches
SPEECH = SMALL | {"conv_dim": (8,) * 7, "num_conv_pos_embedding_groups": 4}
TEXT = SMALL | {
    "vocab_size": 8,
    "bos_token_id": 0,
    "eos_token_id": 1,
    "pad_token_id": 1,
}
WHISPER = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 64,
    "decoder_ffn_dim": 64,
    "vocab_size": 8,
    "max_source_positions": 100,  # windows of 2 s
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
MEAN, STD = [0.1, 0.2, 0.3], [0.4, 0.5, 0.6]
PREPROCESSING = {
    "do_resize": True,
    "size": {"shortest_edge": 32},
    "do_center_crop": True,
    "crop_size": {"height": 32, "width": 32},
    "do_normalize": True,
    "image_mean": MEAN,
    "image_std": STD,
}


def save(config, folder, preprocessing="BitImageProcessor"):
    """A random model of a configuration, stored with its preprocessing beside it."""
    model = AutoModel.from_config(config).eval()
    model.save_pretrained(folder)
    if isinstance(preprocessing, str):
        settings = PREPROCESSING | {"image_processor_type": preprocessing}
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    else:
        preprocessing.save_pretrained(folder)
    return model


def build(stream, folder, family="auto", **fields):
    spec = EncoderSpec("under-test", family, stream, weights=str(folder), **fields)
    return registry.build(spec, "cpu")


def audio_clip(samples=16000):
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal(samples).astype(np.float32)
    return ClipInputs("c", waveform=noise + np.float32(0.05))


def frames_clip(frames=3):
    images = np.random.default_rng(0).integers(0, 256, (frames, 32, 32, 3), np.uint8)
    return ClipInputs("c", frames=lambda n: iter(np.split(images, range(n, frames, n))))


def pixels_of(clip):
    """The frames as the preprocessing makes them, which are 32 x 32 already."""
    images = np.concatenate(list(clip.frames(100)))
    return torch.tensor((images / 255 - MEAN) / STD).float().permute(0, 3, 1, 2)


def outputs(model, **inputs):
    with torch.inference_mode():
        return model(**inputs, output_hidden_states=True)


def assert_rows(rows, expected):
    np.testing.assert_allclose(rows, expected.numpy(), rtol=0, atol=1e-5)


def drop(folder, name):
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


# Audio


@pytest.mark.parametrize(
    "config",
    [HubertConfig(**SPEECH), WavLMConfig(**SPEECH), Wav2Vec2Config(**SPEECH)],
    ids=lambda config: config.model_type,
)
def test_models_on_the_waveform(tmp_path, config):
    model = save(config, tmp_path, Wav2Vec2FeatureExtractor(do_normalize=False))
    encoder, clip = build("audio", tmp_path), audio_clip()
    steps = outputs(model, input_values=torch.tensor(clip.waveform)[None])
    assert encoder.rate_hz == 50
    assert_rows(encoder.encode(clip), steps.last_hidden_state[0])


def test_data2vec_audio(tmp_path):
    positions = {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3}
    config = Data2VecAudioConfig(**SPEECH | positions)
    model = save(config, tmp_path, Wav2Vec2FeatureExtractor(do_normalize=False))
    clip = audio_clip()
    steps = outputs(model, input_values=torch.tensor(clip.waveform)[None])
    assert_rows(build("audio", tmp_path).encode(clip), steps.last_hidden_state[0])


@pytest.mark.parametrize("layer", ["last", 1, "all"])
def test_pairs_of_steps_are_the_rows_of_the_family_wav2vec2(tmp_path, layer):
    save(Wav2Vec2Config(**SPEECH), tmp_path, Wav2Vec2FeatureExtractor())
    auto = build("audio", tmp_path, layer=layer, options={"steps_per_row": 2})
    family = build("audio", tmp_path, family="wav2vec2", layer=layer)
    assert (auto.rate_hz, auto.dim, auto.layers, auto.weights_hash) == (
        family.rate_hz,
        family.dim,
        family.layers,
        family.weights_hash,
    )
    rows = auto.encode(audio_clip())
    np.testing.assert_array_equal(rows, family.encode(audio_clip()))


def test_the_last_step_fills_up_its_row(tmp_path):
    save(HubertConfig(**SPEECH), tmp_path, Wav2Vec2FeatureExtractor())
    steps = build("audio", tmp_path).encode(audio_clip())  # 49
    rows = build("audio", tmp_path, options={"steps_per_row": 3}).encode(audio_clip())
    filled = np.concatenate([steps, steps[-1:], steps[-1:]])
    np.testing.assert_array_equal(rows, filled.reshape(17, 96))


def test_a_row_sees_the_samples_of_all_its_steps(tmp_path):
    save(HubertConfig(**SPEECH), tmp_path, Wav2Vec2FeatureExtractor())
    encoder = build("audio", tmp_path, options={"steps_per_row": 3})
    axis = TimeAxis(1, step=3 * 320, span=400 + 2 * 320, least=400)
    assert encoder.axes == {"waveform": axis}


def whisper(folder, **changes):
    config = WhisperConfig(**WHISPER | changes)
    return save(config, folder, WhisperFeatureExtractor(chunk_length=2)).encoder


def whisper_steps(model, waveform):
    extract = WhisperFeatureExtractor(chunk_length=2)
    values = extract(waveform, sampling_rate=16000, return_tensors="pt").input_features
    return outputs(model, input_features=values)


def test_whisper_keeps_the_rows_that_lie_in_the_clip(tmp_path):
    model = whisper(tmp_path)
    encoder, clip = build("audio", tmp_path), audio_clip(samples=16300)
    assert encoder.rate_hz == 50
    steps = whisper_steps(model, clip.waveform).last_hidden_state
    assert_rows(encoder.encode(clip), steps[0, :50])
    assert not any("decoder" in name for name, _ in encoder.module.named_modules())


def test_whisper_takes_a_long_clip_in_windows(tmp_path):
    model = whisper(tmp_path)
    encoder, clip = build("audio", tmp_path), audio_clip(samples=2 * 32000 + 3200)
    assert [part.rows for part in encoder.parts(clip, WHOLE)] == [100, 100, 100]
    first, second, third = (
        whisper_steps(model, clip.waveform[start : start + 32000]).last_hidden_state[0]
        for start in (0, 32000, 64000)
    )
    assert_rows(encoder.encode(clip), torch.cat([first, second, third[:10]]))


def test_a_hidden_layer_of_whisper_has_no_final_norm(tmp_path):
    model = whisper(tmp_path)
    rows = build("audio", tmp_path, layer=2).encode(audio_clip())
    last = build("audio", tmp_path).encode(audio_clip())
    with torch.inference_mode():
        assert_rows(last, model.layer_norm(torch.from_numpy(rows)))


def test_whisper_with_steps_side_by_side(tmp_path):
    whisper(tmp_path)
    steps = build("audio", tmp_path).encode(audio_clip(samples=16300))
    pairs = build("audio", tmp_path, options={"steps_per_row": 2})
    assert pairs.rate_hz == 25
    rows = pairs.encode(audio_clip(samples=16300))
    np.testing.assert_array_equal(rows, steps.reshape(25, 64))


def test_a_clip_of_no_row_is_too_short_for_whisper(tmp_path):
    whisper(tmp_path)
    with pytest.raises(ClipError, match="319 audio samples") as refusal:
        build("audio", tmp_path).encode(audio_clip(samples=319))
    assert refusal.value.status is Status.TOO_SHORT


def test_wav2vec2_bert(tmp_path):
    model = save(Wav2Vec2BertConfig(**SMALL), tmp_path, SeamlessM4TFeatureExtractor())
    encoder, clip = build("audio", tmp_path), audio_clip(samples=16200)  # 99 frames
    extract = SeamlessM4TFeatureExtractor()
    values = extract(clip.waveform, sampling_rate=16000, return_tensors="pt")
    features = values.input_features[:, :49]  # the step of a frame alone is left out
    steps = outputs(model, input_features=features).last_hidden_state[0]
    assert encoder.rate_hz == 50
    assert_rows(encoder.encode(clip), steps)


@pytest.mark.parametrize(
    "config, layer, message",
    [
        (Wav2Vec2Config(**SPEECH, add_adapter=True), "last", "7 rows.* 49.*adapter"),
        (SEWConfig(**SMALL), 1, "layer 1 of SEWModel.*24 rows.* 49"),
    ],
    ids=["adapter", "squeezed"],
)
def test_a_model_that_shortens_its_steps_is_refused(tmp_path, config, layer, message):
    save(config, tmp_path, Wav2Vec2FeatureExtractor())
    with pytest.raises(EncoderError, match=message):
        build("audio", tmp_path, layer=layer)


def test_other_audio_models_are_refused_by_type(tmp_path):
    config = ASTConfig(**SMALL, max_length=64, num_mel_bins=32)
    save(config, tmp_path, ASTFeatureExtractor(max_length=64, num_mel_bins=32))
    with pytest.raises(EncoderError, match=r"audio-spectrogram-transformer.*Whisper"):
        build("audio", tmp_path)


def test_another_sampling_rate_is_refused(tmp_path):
    extractor = Wav2Vec2FeatureExtractor(sampling_rate=8000)
    save(HubertConfig(**SPEECH), tmp_path, extractor)
    with pytest.raises(EncoderError, match=r"audio at 8000 Hz.*16000"):
        build("audio", tmp_path)


def test_steps_that_do_not_divide_a_window_of_whisper_are_refused(tmp_path):
    whisper(tmp_path)
    with pytest.raises(EncoderError, match="steps_per_row must divide the 100 steps"):
        build("audio", tmp_path, options={"steps_per_row": 3})


def test_an_extractor_for_another_window_is_refused(tmp_path):
    whisper(tmp_path, max_source_positions=50)
    with pytest.raises(
        EncoderError, match=r"WhisperEncoder.*cannot be run.*length 100"
    ):
        build("audio", tmp_path)


# Images


@pytest.mark.parametrize(
    "config, extra",
    [
        (Dinov2Config(**VIT), 1),
        (Dinov2WithRegistersConfig(**VIT, num_register_tokens=3), 4),
        (ViTConfig(**VIT), 1),
        (DeiTConfig(**VIT), 2),
        (CLIPVisionConfig(**VIT), 1),
        (SiglipVisionConfig(**VIT), 0),
    ],
    ids=lambda value: getattr(value, "model_type", str(value)),
)
def test_the_mean_is_over_the_patches(tmp_path, config, extra):
    model = save(config, tmp_path)
    encoder, clip = build("image", tmp_path), frames_clip()
    tokens = outputs(model, pixel_values=pixels_of(clip)).last_hidden_state
    assert tokens.shape == (3, 16 + extra, 32)
    assert encoder.rate_hz == 25
    assert_rows(encoder.encode(clip), tokens[:, extra:].mean(dim=1))


@pytest.mark.parametrize(
    "config",
    [Dinov2Config(**VIT), Dinov2WithRegistersConfig(**VIT, num_register_tokens=3)],
    ids=lambda config: config.model_type,
)
def test_the_cls_token(tmp_path, config):
    model, clip = save(config, tmp_path), frames_clip()
    rows = build("image", tmp_path, options={"pooling": "cls"}).encode(clip)
    tokens = outputs(model, pixel_values=pixels_of(clip)).last_hidden_state
    assert_rows(rows, tokens[:, 0])


def test_the_output_of_the_pooler(tmp_path):
    model, clip = save(SiglipVisionConfig(**VIT), tmp_path), frames_clip()
    rows = build("image", tmp_path, options={"pooling": "pooler"}).encode(clip)
    assert_rows(rows, outputs(model, pixel_values=pixels_of(clip)).pooler_output)


def test_hidden_layers_of_an_image_model(tmp_path):
    model, clip = save(Dinov2Config(**VIT), tmp_path), frames_clip()
    states = outputs(model, pixel_values=pixels_of(clip)).hidden_states
    pooled = [state[:, 1:].mean(dim=1) for state in states]
    assert_rows(build("image", tmp_path, layer=1).encode(clip), pooled[1])
    every = build("image", tmp_path, layer="all")
    assert (every.layers, every.dim) == (3, 96)
    assert_rows(every.encode(clip), torch.cat(pooled, dim=1))


@pytest.mark.parametrize("layer", ["last", 1])
@pytest.mark.parametrize("config_class", [CLIPConfig, SiglipConfig])
def test_the_image_tower_of_a_whole_checkpoint(tmp_path, config_class, layer):
    config = config_class(vision_config=VIT, text_config=TEXT)
    model = save(config, tmp_path, "CLIPImageProcessor")
    tower = tmp_path / "tower"
    model.vision_model.save_pretrained(tower)
    shutil.copy(tmp_path / "preprocessor_config.json", tower)
    whole, alone = (build("image", place, layer=layer) for place in (tmp_path, tower))
    assert whole.weights_hash == alone.weights_hash
    rows = whole.encode(frames_clip())
    np.testing.assert_array_equal(rows, alone.encode(frames_clip()))


def convnext(folder):
    config = ConvNextConfig(hidden_sizes=[8, 8, 16, 24], depths=[1] * 4, image_size=32)
    return save(config, folder)


@pytest.mark.parametrize("layer, width", [("last", 24), (1, 8), (3, 16)])
def test_a_convolutional_network_is_averaged_over_space(tmp_path, layer, width):
    model, clip = convnext(tmp_path), frames_clip()
    output = outputs(model, pixel_values=pixels_of(clip))
    chosen = output.last_hidden_state
    if layer != "last":
        chosen = output.hidden_states[layer]
    encoder = build("image", tmp_path, layer=layer)
    assert encoder.dim == width
    assert_rows(encoder.encode(clip), chosen.mean(dim=(2, 3)))


def test_merged_patches_have_no_cls_token_among_them(tmp_path):
    config = SwinConfig(
        image_size=32,
        patch_size=4,
        embed_dim=8,
        depths=[1, 1],
        num_heads=[2, 2],
        window_size=4,
    )
    model, clip = save(config, tmp_path), frames_clip()
    tokens = outputs(model, pixel_values=pixels_of(clip)).last_hidden_state
    assert tokens.shape == (3, 16, 16)  # 64 patches merged by fours
    assert_rows(build("image", tmp_path).encode(clip), tokens.mean(dim=1))


@pytest.mark.parametrize(
    "make, fields, message",
    [
        (convnext, {"layer": "all"}, "differ in width .8, 8, 8, 16, 24"),
        (convnext, {"options": {"pooling": "cls"}}, "no CLS token"),
        (
            lambda folder: save(SiglipVisionConfig(**VIT), folder),
            {"options": {"pooling": "cls"}},
            "no CLS token",
        ),
        (
            lambda folder: save(ViTMSNConfig(**VIT), folder),
            {"options": {"pooling": "pooler"}},
            "no pooler_output",
        ),
        (
            lambda folder: save(ViTConfig(**VIT), folder),
            {"options": {"pooling": "pooler"}, "layer": 1},
            "last layer only",
        ),
    ],
    ids=["widths", "cls of maps", "cls of siglip", "pooler of msn", "pooler of layer"],
)
def test_a_pooling_that_a_model_does_not_have(tmp_path, make, fields, message):
    make(tmp_path)
    with pytest.raises(EncoderError, match=f"'under-test'.*{message}"):
        build("image", tmp_path, **fields)


def pooling_of(last_hidden_state, layer="last"):
    spec = EncoderSpec(
        "under-test", "auto", "image", layer=layer, options={"pooling": "mean"}
    )
    output = BaseModelOutput(last_hidden_state=last_hidden_state)
    return pooling_for(spec, ViTConfig(**VIT), output, torch.zeros(1, 3, 32, 32))


def test_a_model_without_hidden_layers_is_refused():
    with pytest.raises(EncoderError, match="no hidden layers; set layer: last"):
        pooling_of(torch.zeros(1, 17, 32), layer=1)


@pytest.mark.parametrize("shape", [(1, 21, 32), (1, 15, 32), (1, 4, 4, 32), (1, 32)])
def test_an_unknown_layout_of_tokens_is_refused(shape):
    with pytest.raises(EncoderError, match="for 16 patches does not tell"):
        pooling_of(torch.zeros(shape))


def test_a_model_that_draws_masks_is_refused(tmp_path):
    save(ViTMAEConfig(**VIT), tmp_path)
    with pytest.raises(EncoderError, match="ViTMAEModel gives other values each time"):
        build("image", tmp_path)


def test_a_checkpoint_without_pooler_serves_all_but_the_pooler(tmp_path):
    save(ViTConfig(**VIT), tmp_path)
    expected = build("image", tmp_path).encode(frames_clip())
    drop(tmp_path, "pooler.dense.weight")
    first, second = (build("image", tmp_path) for _ in range(2))
    assert first.weights_hash == second.weights_hash
    np.testing.assert_array_equal(first.encode(frames_clip()), expected)
    with pytest.raises(EncoderError, match=r"1 tensors of ViTModel: pooler\.dense"):
        build("image", tmp_path, options={"pooling": "pooler"})


def test_the_mask_that_only_training_uses_does_not_change_the_hash(tmp_path):
    save(HubertConfig(**SPEECH), tmp_path, Wav2Vec2FeatureExtractor())
    drop(tmp_path, "masked_spec_embed")
    first, second = (build("audio", tmp_path).weights_hash for _ in range(2))
    assert first == second


# Videos

VIDEO = VIT | {"num_frames": 4, "patch_size": 16}


@pytest.mark.parametrize("layer", ["last", 1, "all"])
def test_videomae_gives_the_rows_of_its_family(tmp_path, layer):
    config = VideoMAEConfig(**VIDEO, tubelet_size=2, use_mean_pooling=False)
    save(config, tmp_path, "VideoMAEImageProcessor")
    settings = json.loads((tmp_path / "preprocessor_config.json").read_text())
    imagenet = {"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}
    (tmp_path / "preprocessor_config.json").write_text(json.dumps(settings | imagenet))
    auto = build("video", tmp_path, layer=layer)
    family = build("video", tmp_path, family="videomae", layer=layer)
    assert (auto.rate_hz, auto.weights_hash) == (12.5, family.weights_hash)
    rows = auto.encode(frames_clip(frames=11))
    np.testing.assert_array_equal(rows, family.encode(frames_clip(frames=11)))


def test_vivit_gives_a_row_a_tubelet(tmp_path):
    config = VivitConfig(**SMALL, image_size=32, num_frames=4, tubelet_size=[2, 16, 16])
    model = save(config, tmp_path, "VivitImageProcessor")
    encoder, clip = build("video", tmp_path), frames_clip(frames=8)
    assert encoder.rate_hz == 12.5
    assert encoder.encode(clip).shape == (4, 32)
    (part,) = encoder.parts(clip, WHOLE)
    output = outputs(model, pixel_values=part.tensors["pixels"]).last_hidden_state
    tubelets = [output[:, 1:5].mean(dim=1), output[:, 5:9].mean(dim=1)]
    assert_rows(encoder.encode(clip), torch.stack(tubelets, dim=1).flatten(0, 1))


def test_a_model_without_tubelets_gives_a_row_a_chunk(tmp_path):
    model = save(TimesformerConfig(**VIDEO), tmp_path, "VideoMAEImageProcessor")
    encoder, clip = build("video", tmp_path), frames_clip(frames=9)
    chunks = pixels_of(clip)[:8].unflatten(0, (2, 4))
    tokens = outputs(model, pixel_values=chunks).last_hidden_state
    assert encoder.rate_hz == 6.25
    assert_rows(encoder.encode(clip), tokens[:, 1:].mean(dim=1))
    cls = build("video", tmp_path, options={"pooling": "cls"})
    assert_rows(cls.encode(clip), tokens[:, 0])


def test_image_and_video_models_are_told_apart(tmp_path):
    save(ViTConfig(**VIT), tmp_path / "image")
    save(TimesformerConfig(**VIDEO), tmp_path / "video", "VideoMAEImageProcessor")
    with pytest.raises(
        EncoderError, match=r"type vit has no num_frames.*stream: image"
    ):
        build("video", tmp_path / "image")
    with pytest.raises(EncoderError, match="type timesformer; set stream: video"):
        build("image", tmp_path / "video")


def test_preprocessing_of_images_does_not_serve_a_video_model(tmp_path):
    save(TimesformerConfig(**VIDEO), tmp_path, "BitImageProcessor")
    with pytest.raises(
        EncoderError, match=r"TimesformerModel.*cannot be run on.*video"
    ):
        build("video", tmp_path)


def test_preprocessing_that_leaves_frames_single_is_refused(tmp_path):
    vision = VIDEO | {"mit_num_hidden_layers": 1, "mit_num_attention_heads": 2}
    config = XCLIPConfig(vision_config=vision, text_config=TEXT)
    save(config, tmp_path, "BitImageProcessor")
    with pytest.raises(EncoderError, match=r"shape \(4, 3, 32, 32\).*needs 5 axes"):
        build("video", tmp_path)


# All streams


@pytest.mark.parametrize("stream", ["audio", "image", "video"])
def test_absent_weights_say_what_to_do(tmp_path, stream):
    with pytest.raises(EncoderError, match=r"absent.*HF_HOME.*hf download"):
        build(stream, tmp_path / "absent")


@pytest.mark.parametrize(
    "stream, config", [("audio", HubertConfig(**SPEECH)), ("image", ViTConfig(**VIT))]
)
def test_absent_preprocessing_is_named(tmp_path, stream, config):
    save(config, tmp_path)
    (tmp_path / "preprocessor_config.json").unlink()
    with pytest.raises(EncoderError, match=r"no preprocessor_config\.json found"):
        build(stream, tmp_path)


def test_the_revision_holds_for_the_model_and_its_preprocessing(tmp_path, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    repository = tmp_path / "models--someone--model"
    save(ViTConfig(**VIT), repository / "snapshots" / ("a" * 40))
    (repository / "refs").mkdir()
    (repository / "refs" / "v1").write_text("a" * 40)
    encoder = build("image", "someone/model", revision="v1")
    (part,) = encoder.parts(frames_clip(), WHOLE)
    torch.testing.assert_close(part.tensors["pixels"], pixels_of(frames_clip()))
    with pytest.raises(EncoderError, match="no model found for 'someone/model'"):
        build("image", "someone/model")


@pytest.mark.parametrize("stream", ["audio", "image", "video"])
def test_a_model_of_text_is_refused(tmp_path, stream):
    save(BertConfig(**SMALL, vocab_size=8), tmp_path)
    with pytest.raises(EncoderError, match="type bert, which reads input_ids"):
        build(stream, tmp_path)


def test_preprocessing_that_needs_torchvision_is_refused(tmp_path):
    save(ViTConfig(**VIT), tmp_path, "DINOv3ViTImageProcessor")
    with pytest.raises(EncoderError, match=r"without torchvision.*DINOv3ViTImage"):
        build("image", tmp_path)


def test_the_preprocessing_on_pil_is_asked_for(tmp_path, monkeypatch):
    asked = {}

    class Processors:
        @staticmethod
        def from_pretrained(weights, **choice):
            asked.update(choice)
            return SimpleNamespace(backend="torchvision")

    save(ViTConfig(**VIT), tmp_path)
    monkeypatch.setattr(auto_classes, "AutoImageProcessor", Processors)
    with pytest.raises(EncoderError, match="SimpleNamespace needs torchvision"):
        build("image", tmp_path)
    assert asked["backend"] == "pil"


def test_code_of_a_repository_is_never_run(tmp_path):
    trace = tmp_path / "run"
    (tmp_path / "model.py").write_text(f"open({str(trace)!r}, 'w').close()\n")
    config = {"model_type": "mine", "auto_map": {"AutoConfig": "model.Config"}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(EncoderError, match="custom code"):
        build("image", tmp_path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "stream, option, value",
    [("audio", "pooling", "cls"), ("image", "steps_per_row", 2)],
)
def test_an_option_of_another_stream_is_refused(stream, option, value):
    with pytest.raises(EncoderError, match=f"stream {stream} has no {option}"):
        build(stream, "random", options={option: value})

"""Hub models from folders that the tests write; nothing comes from a network."""

import json
import logging

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    HubertConfig,
    HubertModel,
    VideoMAEConfig,
    VideoMAEModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForPreTraining,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)
from transformers.utils import logging as transformers_logging

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.windows import WHOLE
from dfprobe.errors import EncoderError
from dfprobe.settings import encoder_families
from dfprobe.settings.specs import EncoderSpec

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
}
SPEECH = SMALL | {
    "conv_dim": (8,) * 7,
    "feat_extract_norm": "layer",
    "do_stable_layer_norm": True,
    "conv_bias": True,
    "num_conv_pos_embedding_groups": 4,
}
CLIP_CONFIG = CLIPVisionConfig(**SMALL, image_size=28, patch_size=14, projection_dim=24)
VIDEOMAE_CONFIG = VideoMAEConfig(
    **SMALL,
    image_size=32,
    patch_size=16,
    num_frames=4,
    tubelet_size=2,
    use_mean_pooling=False,
)


def save(model, folder):
    model.eval().save_pretrained(folder)
    return model


def build(family, folder, **fields):
    stream = encoder_families.streams(family)[0]
    return registry.build(
        EncoderSpec("under-test", family, stream, weights=str(folder), **fields), "cpu"
    )


def frames_clip(frames=8, size=(28, 28)):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (frames, *size, 3), dtype=np.uint8)
    return ClipInputs("c", frames=lambda n: iter(np.split(images, range(n, frames, n))))


def audio_clip(samples=16000):
    rng = np.random.default_rng(0)
    noise = 0.1 * rng.standard_normal(samples).astype(np.float32)
    return ClipInputs("c", waveform=noise + np.float32(0.05))


def images_of(clip):
    return np.concatenate(list(clip.frames(100)))


@pytest.mark.parametrize(
    "kind, model_class, config_class",
    [
        ("wav2vec2", Wav2Vec2Model, Wav2Vec2Config),
        ("wavlm", WavLMModel, WavLMConfig),
        ("hubert", HubertModel, HubertConfig),
    ],
)
def test_speech_models_from_a_folder(tmp_path, kind, model_class, config_class):
    model = save(model_class(config_class(**SPEECH)), tmp_path)
    clip = audio_clip()
    rows = build("wav2vec2", tmp_path, options={"model_type": kind}).encode(clip)
    wave = clip.waveform
    normal = (wave - wave.mean()) / np.sqrt(wave.var() + 1e-7)
    with torch.inference_mode():
        steps = model(torch.from_numpy(normal)[None]).last_hidden_state[0].numpy()
    assert steps.shape == (49, 32)
    assert rows.shape == (25, 64)
    paired = np.concatenate([steps, steps[-1:]]).reshape(25, 64)
    np.testing.assert_allclose(rows, paired, rtol=0, atol=1e-5)


def test_the_repository_says_whether_audio_is_normalised(tmp_path):
    save(Wav2Vec2Model(Wav2Vec2Config(**SPEECH)), tmp_path)
    plain = build("wav2vec2", tmp_path, options={"do_normalize": False})
    expected = plain.encode(audio_clip())
    assert not np.allclose(build("wav2vec2", tmp_path).encode(audio_clip()), expected)
    Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(tmp_path)
    stated = build("wav2vec2", tmp_path).encode(audio_clip())
    np.testing.assert_array_equal(stated, expected)


def test_a_hidden_layer_has_no_final_norm(tmp_path):
    model = save(Wav2Vec2Model(Wav2Vec2Config(**SPEECH)), tmp_path)
    last = build("wav2vec2", tmp_path).encode(audio_clip()).reshape(-1, 32)
    second = build("wav2vec2", tmp_path, layer=2).encode(audio_clip()).reshape(-1, 32)
    with torch.inference_mode():
        normed = model.encoder.layer_norm(torch.from_numpy(second)).numpy()
    assert not np.allclose(second, last)
    np.testing.assert_allclose(normed, last, rtol=0, atol=1e-5)


def test_the_pretraining_layout_of_wav2vec2(tmp_path):
    model = save(Wav2Vec2ForPreTraining(Wav2Vec2Config(**SPEECH)), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    conv = "wav2vec2.encoder.pos_conv_embed.conv."
    for number, name in enumerate(("weight_g", "weight_v")):
        new = f"{conv}parametrizations.weight.original{number}"
        tensors[conv + name] = tensors.pop(new)
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    rows = build("wav2vec2", tmp_path).encode(audio_clip())
    save(model.wav2vec2, tmp_path / "plain")
    plain = build("wav2vec2", tmp_path / "plain").encode(audio_clip())
    np.testing.assert_array_equal(rows, plain)


def test_clip_from_a_folder(tmp_path):
    model = save(CLIPVisionModelWithProjection(CLIP_CONFIG), tmp_path)
    clip = frames_clip(frames=40)
    rows = build("clip", tmp_path).encode(clip)
    assert rows.shape == (40, 24)
    # 28 x 28 frames: resizing and cropping change nothing.
    mean = np.array([0.48145466, 0.4578275, 0.40821073])
    std = np.array([0.26862954, 0.26130258, 0.27577711])
    pixels = ((images_of(clip) / 255 - mean) / std).astype(np.float32)
    with torch.inference_mode():
        expected = model(torch.from_numpy(pixels.transpose(0, 3, 1, 2))).image_embeds
    np.testing.assert_allclose(rows, expected.numpy(), rtol=0, atol=1e-5)


def test_the_image_tower_of_a_whole_clip_checkpoint(tmp_path):
    config = CLIPConfig(
        vision_config=CLIP_CONFIG.to_dict(),
        text_config=SMALL | {"vocab_size": 64},
        projection_dim=24,
    )
    model = save(CLIPModel(config), tmp_path)
    rows = build("clip", tmp_path).encode(frames_clip())
    tower = CLIPVisionModelWithProjection(model.config.vision_config)
    tower.load_state_dict(model.state_dict(), strict=False)
    save(tower, tmp_path / "tower")
    alone = build("clip", tmp_path / "tower").encode(frames_clip())
    np.testing.assert_array_equal(rows, alone)


def test_a_hidden_layer_of_clip_gives_its_first_token(tmp_path):
    model = save(CLIPVisionModelWithProjection(CLIP_CONFIG), tmp_path)
    token = build("clip", tmp_path, layer=2).encode(frames_clip())
    assert token.shape == (8, 32)
    vision = model.vision_model
    with torch.inference_mode():
        normed = vision.post_layernorm(torch.from_numpy(token))
        projected = model.visual_projection(normed).numpy()
    last = build("clip", tmp_path).encode(frames_clip())
    np.testing.assert_allclose(projected, last, rtol=0, atol=1e-5)


def videomae_rows(model, images):
    """Rows of whole chunks of four frames, by the description of the recipe."""
    mean, std = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    pixels = ((images / 255 - mean) / std).astype(np.float32).transpose(0, 3, 1, 2)
    chunks = torch.from_numpy(pixels).unflatten(0, (-1, 4))
    with torch.inference_mode():
        tokens = model(chunks).last_hidden_state  # (chunks, 2 * 2 * 2, 32)
    return tokens.unflatten(1, (2, 4)).mean(2).flatten(0, 1).numpy()


def test_videomae_from_a_folder(tmp_path):
    model = save(VideoMAEModel(VIDEOMAE_CONFIG), tmp_path)
    clip = frames_clip(frames=11, size=(32, 32))
    encoder = build("videomae", tmp_path)
    rows = encoder.encode(clip)
    assert encoder.rate_hz == 12.5
    assert rows.shape == (4, 32)  # the last three frames are no chunk
    expected = videomae_rows(model, images_of(clip)[:8])
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-5)


def test_a_short_clip_repeats_its_last_frame(tmp_path):
    model = save(VideoMAEModel(VIDEOMAE_CONFIG), tmp_path)
    clip = frames_clip(frames=3, size=(32, 32))
    encoder = build("videomae", tmp_path)
    rows = encoder.encode(clip)
    images = images_of(clip)
    expected = videomae_rows(model, np.concatenate([images, images[-1:]]))
    np.testing.assert_allclose(rows, expected, rtol=0, atol=1e-5)
    (part,) = encoder.parts(clip, WHOLE)
    assert part.note == "3 frames fill no chunk of 4; the last is repeated"


def test_the_old_layout_of_videomae(tmp_path):
    save(VideoMAEModel(VIDEOMAE_CONFIG), tmp_path / "new")
    tensors = load_file(tmp_path / "new" / "model.safetensors")
    biases = {"query.bias": "q_bias", "value.bias": "v_bias"}
    old = {}
    for name, tensor in tensors.items():
        for new_end, old_end in biases.items():
            name = name.replace(new_end, old_end)
        old["videomae." + name] = tensor
    assert any(name.endswith("q_bias") for name in old)
    folder = tmp_path / "old"
    VIDEOMAE_CONFIG.save_pretrained(folder)
    save_file(old, folder / "model.safetensors", metadata={"format": "pt"})
    first, second = (
        build("videomae", place).encode(frames_clip(size=(32, 32)))
        for place in (tmp_path / "new", folder)
    )
    np.testing.assert_array_equal(first, second)


def test_a_model_fine_tuned_for_classes_lacks_the_final_norm(tmp_path):
    config = VideoMAEConfig(**VIDEOMAE_CONFIG.to_dict() | {"use_mean_pooling": True})
    save(VideoMAEModel(config), tmp_path)
    with pytest.raises(EncoderError, match=r"lack 2 tensors.*layernorm\.bias"):
        build("videomae", tmp_path)


def test_missing_tensors_are_listed(tmp_path):
    save(CLIPVisionModelWithProjection(CLIP_CONFIG), tmp_path)
    tensors = load_file(tmp_path / "model.safetensors")
    del tensors["visual_projection.weight"]
    save_file(tensors, tmp_path / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(
        EncoderError, match=r"'under-test'.*lack 1 tensors.*visual_projection\.weight"
    ):
        build("clip", tmp_path)


def test_tensors_of_another_size_are_refused(tmp_path):
    save(CLIPVisionModelWithProjection(CLIP_CONFIG), tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"projection_dim": 25}))
    with pytest.raises(EncoderError, match=r"'under-test'.*do not fit CLIPVisionModel"):
        build("clip", tmp_path)


@pytest.mark.parametrize("family", ["wav2vec2", "clip", "videomae"])
def test_absent_weights_say_what_to_do(tmp_path, family):
    with pytest.raises(EncoderError, match=r"absent.*HF_HOME.*hf download"):
        build(family, tmp_path / "absent")


def test_a_hub_id_that_is_not_cached_says_what_to_do(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(EncoderError, match="'nobody/nothing' at revision v1"):
        build("clip", "nobody/nothing", revision="v1")


def test_the_hash_follows_the_weights_and_not_the_file(tmp_path):
    model = save(CLIPVisionModelWithProjection(CLIP_CONFIG), tmp_path / "one")
    model.save_pretrained(tmp_path / "shards", max_shard_size="20KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 1
    first = build("clip", tmp_path / "one").weights_hash
    assert build("clip", tmp_path / "shards").weights_hash == first
    with torch.no_grad():
        model.visual_projection.weight[0, 0] += 1
    save(model, tmp_path / "changed")
    assert build("clip", tmp_path / "changed").weights_hash != first


def test_the_loggers_of_transformers_are_left_as_they_were(tmp_path, caplog):
    save(VideoMAEModel(VIDEOMAE_CONFIG), tmp_path)
    logger = logging.getLogger("transformers")
    caplog.set_level(logging.INFO, logger="transformers")
    before = logger.level, transformers_logging.is_progress_bar_enabled()
    build("videomae", tmp_path)
    assert (logger.level, transformers_logging.is_progress_bar_enabled()) == before

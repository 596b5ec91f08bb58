"""Our modules have exactly the tensors of the published checkpoints, at full size.

On torch's meta device: names and shapes, no values.
"""

import math
from pathlib import Path

import pytest
import torch
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
    VideoMAEConfig,
    VideoMAEForPreTraining,
    Wav2Vec2Config,
    Wav2Vec2ForPreTraining,
    Wav2Vec2Model,
)

from dfprobe.encoders.families import auto_avsr, avhubert, braven, fsfm
from dfprobe.encoders.loading import checkpoint_format
from parity import published_tensors as published
from parity import stand_ins


def counted(shapes: published.Shapes) -> tuple[int, int]:
    """Number of tensors and of their elements."""
    return len(shapes), sum(math.prod(shape) for shape in shapes.values())


def shapes_of(module: torch.nn.Module) -> published.Shapes:
    return {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}


@pytest.fixture
def load(monkeypatch):
    """The loader of a family, given a file's names and shapes instead of a file."""

    def load_shapes(family, shapes, *args):
        tensors = {
            name: torch.empty(shape, device="meta") for name, shape in shapes.items()
        }
        monkeypatch.setattr(
            checkpoint_format, "read_tensors", lambda path, entry: tensors
        )
        return family.pretrained_model(Path("published"), *args)

    return load_shapes


# ---- Against the counts that are known of the files and of the official modules


@pytest.mark.parametrize(
    "shapes, tensors, elements",
    [
        (published.avhubert_encoder(published.AVHUBERT["base"]), 342, 102_629_908),
        (published.avhubert_encoder(published.AVHUBERT["large"]), 534, 324_632_596),
        (published.avhubert_pretrained(published.AVHUBERT["large"]), 538, 325_408_124),
        (published.avhubert_fine_tuned(published.AVHUBERT["large"]), 774, 477_341_821),
        (published.frontend("audio"), 120, 3_858_196),
        (published.frontend("video"), 120, 11_192_404),
        (published.auto_avsr_encoders("audio"), 604, 174_722_080),
        (published.auto_avsr_encoders("video"), 604, 182_056_288),
        (published.auto_avsr_encoders("audio_video"), 1217, 375_694_465),
        (published.auto_avsr("audio"), 767, 243_077_266),
        (published.auto_avsr("video"), 767, 250_411_474),
        (published.auto_avsr("audio_video"), 1380, 444_049_651),
        (published.fsfm_fine_tuned(published.FSFM["base"]), 152, 85_800_194),
        (published.fsfm_fine_tuned(published.FSFM["large"]), 296, 303_303_682),
        (published.clip_vision(), 392, 303_966_208),
        (published.videomae_encoder(), 364, 303_860_736),
        (published.xls_r_encoder(), 806, 2_159_259_648),
    ],
)
def test_the_lists_have_the_known_counts(shapes, tensors, elements):
    assert counted(shapes) == (tensors, elements)


@pytest.mark.parametrize(
    "size, stream, tensors, elements, whole",
    [
        ("base", "audio", 412, 45_133_088, 71_971_666),
        ("base", "video", 412, 52_467_296, 79_305_874),
        ("baseplus", "audio", 412, 96_441_376, 183_927_890),
        ("baseplus", "video", 412, 103_775_584, 191_262_098),
        ("large", "audio", 700, 332_008_236, 486_404_958),
        ("large", "video", 700, 339_342_444, 493_739_166),
    ],
)
def test_the_lists_of_braven_have_the_known_counts(
    size, stream, tensors, elements, whole
):
    sizes, layers = published.BRAVEN[size], published.BRAVEN_DECODER_LAYERS[size]
    assert counted(published.braven_encoder(stream, sizes)) == (tensors, elements)
    assert counted(published.braven_fine_tuned(stream, sizes, layers))[1] == whole


@pytest.mark.parametrize("size, tensors", [("small", 297), ("base", 297)])
def test_the_lists_of_fsfms_pretraining_have_the_known_counts(size, tensors):
    """Of which 148 are the encoder's; large has 441, of which 292 are."""
    assert len(published.fsfm_pretraining(published.FSFM[size])) == tensors
    assert len(published.fsfm_pretraining(published.FSFM["large"])) == 441


# ---- Our modules, by the loaders that users use


@pytest.mark.parametrize("size", published.AVHUBERT.values(), ids=published.AVHUBERT)
@pytest.mark.parametrize(
    "layout", [published.avhubert_pretrained, published.avhubert_fine_tuned]
)
def test_avhubert(load, size, layout):
    model = load(avhubert, layout(size), 64)
    assert shapes_of(model) == published.avhubert_encoder(size)
    assert model.encoder.layers[0].self_attn._heads == size.heads


@pytest.mark.parametrize("size", published.BRAVEN)
@pytest.mark.parametrize("stream", ["audio", "video"])
def test_braven(load, size, stream):
    sizes, layers = published.BRAVEN[size], published.BRAVEN_DECODER_LAYERS[size]
    expected = published.braven_encoder(stream, sizes)
    for file in (
        expected,  # only pre-trained
        published.braven_fine_tuned(stream, sizes, layers),
        published.braven_fine_tuned(stream, sizes, layers, decoder_width=256),
    ):
        assert shapes_of(load(braven, file, stream)) == expected


@pytest.mark.parametrize("stream", ["audio", "video", "audio_video"])
def test_auto_avsr(load, stream):
    model = load(auto_avsr, published.auto_avsr(stream), stream)
    assert shapes_of(model) == published.auto_avsr_encoders(stream)


@pytest.mark.parametrize("stream", ["audio", "video"])
def test_auto_avsr_of_the_branch_main(load, stream):
    file = published.auto_avsr_main(stream)
    parts = ("frontend.", "proj_encoder.", "encoder.")
    assert [len(published.without(part, file)) for part in parts] == [120, 2, 482]
    model = load(auto_avsr, file, stream)
    assert shapes_of(model) == published.auto_avsr_encoders(stream)


@pytest.mark.parametrize("size", published.FSFM.values(), ids=published.FSFM)
@pytest.mark.parametrize(
    "layout", [published.fsfm_fine_tuned, published.fsfm_pretraining]
)
def test_fsfm_with_mean_pooling(load, size, layout):
    model = load(fsfm, layout(size), size.heads, "mean")
    expected = published.fsfm_trunk(size) | published.norm("fc_norm", size.width)
    assert shapes_of(model) == expected
    assert model.sizes.image == 224


@pytest.mark.parametrize("size", published.FSFM.values(), ids=published.FSFM)
def test_fsfm_with_the_cls_token(load, size):
    model = load(fsfm, published.fsfm_pretraining(size), size.heads, "cls")
    expected = published.fsfm_trunk(size) | published.norm("norm", size.width)
    assert shapes_of(model) == expected


# ---- transformers' modules, from the configuration files of the hub


@pytest.mark.parametrize(
    "model_class, config_class, config, expected",
    [
        (
            CLIPVisionModelWithProjection,
            CLIPVisionConfig,
            stand_ins.CLIP_CONFIG["vision_config"],
            published.clip_vision(),
        ),
        (CLIPModel, CLIPConfig, stand_ins.CLIP_CONFIG, published.clip()),
        (
            VideoMAEForPreTraining,
            VideoMAEConfig,
            stand_ins.VIDEOMAE_CONFIG,
            published.videomae(),
        ),
        (
            Wav2Vec2Model,
            Wav2Vec2Config,
            stand_ins.XLS_R_CONFIG,
            published.xls_r_encoder(),
        ),
        (
            Wav2Vec2ForPreTraining,
            Wav2Vec2Config,
            stand_ins.XLS_R_CONFIG,
            published.xls_r(),
        ),
    ],
)
def test_hub_models(model_class, config_class, config, expected):
    """VideoMAEModel is the part `videomae` of the class for pre-training."""
    with torch.device("meta"):
        model = model_class(config_class.from_dict(config))
    assert shapes_of(model) == {
        published.loaded_name(name): shape
        for name, shape in expected.items()
        if not name.endswith("position_ids")  # a buffer of older versions
    }

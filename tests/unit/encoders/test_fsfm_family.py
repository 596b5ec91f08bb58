import argparse

import numpy as np
import pytest
import torch

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.families.fsfm import pretrained_model
from dfprobe.encoders.inputs.fsfm_pixels import (
    face_crop,
    face_square,
    normalised_pixels,
)
from dfprobe.encoders.networks.fsfm import FSFM, Sizes, initialise, sine_table
from dfprobe.encoders.windows import WHOLE
from dfprobe.errors import EncoderError
from dfprobe.settings import encoder_families
from dfprobe.settings.specs import EncoderSpec
from dfprobe.store.files import sha256_of

SIZES = Sizes(layers=2, width=24, ffn=40, heads=4, grid=3, patch=8)
HEADS = SIZES.heads
CHUNK = WHOLE.batch_rows  # frames that go through the model at a time
NO_FACE = np.full(4, np.nan, np.float32)
CLASSIFIER = {"head.weight": torch.ones(2, 24), "head.bias": torch.ones(2)}
# One tensor of each part that the official pre-training files have beside the encoder.
PRETRAINING = {
    name: torch.ones(1)
    for name in (
        "mask_token",
        "projector.projection_head.0.weight",
        "predictor.projection_head.3.bias",
        "rep_decoder_embed.weight",
        "rep_decoder_pos_embed",
        "rep_decoder_blocks.1.attn.qkv.weight",
        "rep_decoder_norm.bias",
        "rep_decoder_pred.weight",
        "decoder_embed.bias",
        "decoder_pos_embed",
        "decoder_blocks.7.mlp.fc2.weight",
        "decoder_norm.weight",
        "decoder_pred.bias",
    )
}


def drawn_tensors(pooling):
    """Tensors of a small model, none of them at a start value."""
    torch.manual_seed(0)
    return {
        name: torch.randn(tensor.shape) / max(tensor[0].numel(), 1) ** 0.5
        for name, tensor in FSFM(SIZES, pooling).state_dict().items()
    }


@pytest.fixture
def tuned():
    """A fine-tuned file's tensors."""
    return drawn_tensors("mean") | CLASSIFIER


@pytest.fixture
def started():
    """A pre-training file's tensors."""
    return drawn_tensors("cls") | PRETRAINING


def make_clip(frames=10, boxes=None):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (frames, 50, 60, 3), dtype=np.uint8)
    if boxes is None:
        boxes = np.tile(np.array([10, 5, 40, 36], np.float32), (frames, 1))
    return ClipInputs(
        "c",
        boxes=boxes,
        frames=lambda size: (pixels[i : i + size] for i in range(0, frames, size)),
    )


def save(path, tensors):
    """Write a file as the official code does, with all that it puts beside."""
    torch.save(
        {
            "model": tensors,
            "optimizer": {"state": {}, "param_groups": [{"lr": 0.1}]},
            "epoch": 400,
            "scaler": {"scale": 65536.0},
            "args": argparse.Namespace(model="fsfm_vit_base_patch16", lr=0.1),
        },
        path,
    )
    return path


def build(path, layer="last", **options):
    spec = EncoderSpec(
        *("under-test", "fsfm", "video"),
        weights=str(path),
        layer=layer,
        options={"heads": HEADS} | options,
    )
    return registry.build(spec, "cpu")


def test_a_fine_tuned_checkpoint(tmp_path, tuned):
    encoder = build(save(tmp_path / "tuned.pth", tuned))
    assert encoder.encode(make_clip(7)).shape == (7, 24)
    assert encoder.weights_hash == sha256_of(tmp_path / "tuned.pth")


def test_sizes_come_from_the_tensors(tmp_path, tuned):
    model = pretrained_model(save(tmp_path / "tuned.pth", tuned), HEADS, "mean")
    assert model.sizes == SIZES
    assert model.sizes.image == 24


def test_the_pretraining_file_with_mean_pooling_standardises_the_mean_token(
    tmp_path, started
):
    path = save(tmp_path / "started.pth", started)
    plain = torch.from_numpy(build(path, layer=2).encode(make_clip()))
    expected = torch.nn.functional.layer_norm(plain, (24,), eps=1e-6)
    rows = build(path).encode(make_clip())
    np.testing.assert_allclose(rows, expected.numpy(), rtol=0, atol=1e-5)


def test_the_pretraining_file_with_the_cls_token_uses_its_norm(tmp_path, started):
    path = save(tmp_path / "started.pth", started)
    plain = build(path, layer=2, pooling="cls").encode(make_clip())
    expected = torch.nn.functional.layer_norm(
        torch.from_numpy(plain), (24,), started["norm.weight"], started["norm.bias"]
    )
    rows = build(path, pooling="cls").encode(make_clip())
    np.testing.assert_allclose(rows, expected.numpy(), rtol=0, atol=1e-4)
    assert not np.allclose(plain, build(path, layer=2).encode(make_clip()), atol=0.1)


def test_each_pooling_wants_its_own_norm(tmp_path, tuned):
    path = save(tmp_path / "tuned.pth", tuned)
    with pytest.raises(
        EncoderError, match=r"2 missing: norm\.bias, .*2 unexpected: fc_norm\.bias"
    ):
        build(path, pooling="cls")
    path = save(tmp_path / "tuned_cls.pth", drawn_tensors("cls") | CLASSIFIER)
    assert build(path, pooling="cls").dim == 24
    with pytest.raises(EncoderError, match=r"2 missing: fc_norm\.bias, "):
        build(path)


def test_faulty_tensors_are_named(tmp_path, tuned):
    del tuned["blocks.1.norm2.bias"]
    faults = {"decoder_norm.bias": torch.zeros(1), "fc_norm.bias": torch.zeros(23)}
    with pytest.raises(
        EncoderError,
        match=r"faulty\.pth.*1 missing: blocks\.1\.norm2\.bias; 1 unexpected: decoder_"
        r"norm\.bias; 1 of the wrong shape: fc_norm\.bias \(23,\) instead of \(24,\)",
    ):
        build(save(tmp_path / "faulty.pth", tuned | faults))


def test_unknown_tensors_of_a_pretraining_file_are_named(tmp_path, started):
    stray = {"decoder_blocks_new.weight": torch.zeros(1)}
    with pytest.raises(EncoderError, match=r"1 unexpected: decoder_blocks_new\.weight"):
        build(save(tmp_path / "x.pth", started | stray))


@pytest.mark.parametrize(
    "tensors, message",
    [
        ({"conv1.weight": torch.zeros(2)}, "is not an FSFM: .*patch_embed.*conv1"),
        ({"pos_embed": torch.zeros(1, 9, 24)}, "pos_embed has 9 positions"),
        ({"pos_embed": torch.zeros(1, 0, 24)}, "pos_embed has 0 positions"),
    ],
)
def test_other_models_are_refused(tmp_path, tuned, tensors, message):
    rest = tuned if "pos_embed" in tensors else {}
    with pytest.raises(EncoderError, match=message):
        build(save(tmp_path / "other.pth", rest | tensors))


def test_heads_must_divide_the_width(tmp_path, tuned):
    with pytest.raises(
        EncoderError, match=r"width 24 is not a multiple .*heads \(16\)"
    ):
        build(save(tmp_path / "x.pth", tuned), heads=16)


def test_the_default_number_of_heads_is_refused_where_it_is_wrong():
    default = encoder_families.family_options("fsfm").model_fields["heads"].default
    official = {384: 12, 768: 12, 1024: 16, 1280: 16}  # width of S, B, L, H
    for width, heads in official.items():
        assert default == heads or width % default


@pytest.mark.parametrize(
    "options, message",
    [
        ({"width": 36, "heads": 6}, None),
        ({"width": 30, "heads": 6}, "'x': the width 30 is not a multiple of 4"),
        ({"image_size": 100}, "'x': the image_size 100 is not a multiple of 16"),
        ({"width": 100}, "'x': the width 100 is not a multiple of the option heads"),
    ],
)
def test_random_sizes(options, message):
    spec = EncoderSpec("x", "fsfm", "video", options=options)
    if message is None:
        assert registry.build(spec, "cpu").encode(make_clip()).shape == (10, 36)
    else:
        with pytest.raises(EncoderError, match=message):
            registry.build(spec, "cpu")


def test_the_sine_table():
    table = sine_table(grid=14, width=8)
    assert table.shape == (1, 197, 8)
    assert not table[0, 0].any()
    # Row 3, column 5; frequencies 1 and 1 / 100.
    column = np.concatenate([np.sin([5, 0.05]), np.cos([5, 0.05])])
    row = np.concatenate([np.sin([3, 0.03]), np.cos([3, 0.03])])
    expected = np.concatenate([column, row])
    np.testing.assert_allclose(table[0, 1 + 3 * 14 + 5], expected, atol=1e-6)


def test_random_weights_are_those_before_pretraining():
    torch.manual_seed(0)
    sizes = Sizes(layers=1, width=96, ffn=384, heads=12, grid=2, patch=16)
    model = FSFM(sizes, "mean")
    initialise(model)
    assert torch.equal(model.pos_embed, sine_table(2, 96))
    for weight, ins, outs in (
        (model.blocks[0].mlp.fc1.weight, 96, 384),
        (model.patch_embed.proj.weight, 3 * 16 * 16, 96),
    ):
        limit = (6 / (ins + outs)) ** 0.5
        assert 0.99 * limit < weight.abs().max() <= limit


# Worked out by hand: a box, the size of the frame, left, top and side of the square.
@pytest.mark.parametrize(
    "box, width, height, square",
    [
        # side int(117.0), centre (105, 95), half 58
        ([60, 50, 150, 140], 224, 224, (47, 37, 117)),
        # the longer side counts: int(1.3 * 80) = 104, centre (50, 60)
        ([30, 20, 70, 100], 300, 300, (0, 8, 104)),
        # left and top are clamped, the side is not: the face is off centre
        ([-12, -7, 77, 82], 224, 224, (0, 0, 115)),
        # side int(40.3), centre (-6, 30), half 20: only the left is clamped
        ([-21, 15, 10, 45], 100, 100, (0, 10, 40)),
        # odd sums round down: side int(14.3), centre (35, 40), half 7
        ([30, 35, 41, 46], 100, 100, (28, 33, 14)),
        # side int(39.0), centre (95, 55), half 19: the right edge leaves 100 - 76
        ([80, 40, 110, 70], 100, 100, (76, 36, 24)),
        # centre (55, 95): the bottom edge leaves 90 - 76
        ([40, 80, 70, 110], 100, 90, (36, 76, 14)),
    ],
)
def test_the_square_around_a_box(box, width, height, square):
    assert face_square(box, width, height) == square


def test_rows_and_columns_of_the_crop():
    frame = np.arange(50 * 60 * 3, dtype=np.uint32).reshape(50, 60, 3).astype(np.uint8)
    crop = face_crop(frame, np.array([30, 10, 40, 20], np.float32))
    # side 13, centre (35, 15), half 6
    np.testing.assert_array_equal(crop, frame[9:22, 29:42])


@pytest.mark.parametrize("box", [NO_FACE, np.array([90, 5, 99, 14], np.float32)])
def test_without_a_face_the_frame_stays_whole(box):
    frame = np.zeros((50, 60, 3), np.uint8)
    assert face_crop(frame, box) is frame


def test_pixels_of_flat_colour():
    image = np.full((30, 70, 3), (255, 0, 51), np.uint8)
    pixels = normalised_pixels([image, image], 16)
    assert pixels.shape == (2, 3, 16, 16)
    assert pixels.dtype == torch.float32
    expected = [(1 - 0.485) / 0.229, -0.456 / 0.224, (0.2 - 0.406) / 0.225]
    np.testing.assert_allclose(pixels[1, :, 8, 8], expected, rtol=1e-6)


def test_resizing_averages_over_the_source_pixels():
    """Without antialiasing a fine pattern would come out black or white."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, ::2] = 200
    grey = normalised_pixels([image], 16)[0, 0] * 0.229 + 0.485
    np.testing.assert_allclose(grey[:, 1:-1], 100 / 255, atol=0.01)


def test_every_frame_has_the_box_of_its_own_number(tmp_path, tuned):
    """Over the border of a chunk too; frames without a face are taken whole."""
    encoder = build(save(tmp_path / "x.pth", tuned))
    count = CHUNK + 3
    boxes = np.array([[5, 5, 20 + k % 20, 25] for k in range(count)], np.float32)
    boxes[[4, CHUNK + 1]] = np.nan
    rows = encoder.encode(make_clip(count, boxes))
    frames = np.concatenate(list(make_clip(count).frames(count)))
    for number in (
        0,
        3,
        4,
        CHUNK - 1,
        CHUNK,
        CHUNK + 1,
    ):
        image = frames[number]
        if number not in (4, CHUNK + 1):
            x, y, side = face_square(boxes[number].astype(int).tolist(), 60, 50)
            image = image[y : y + side, x : x + side]
        alone = ClipInputs(
            "alone", boxes=NO_FACE[None], frames=lambda size, i=image: iter([i[None]])
        )
        np.testing.assert_allclose(rows[[number]], encoder.encode(alone), atol=1e-4)


def test_the_shorter_of_frames_and_boxes_counts(tmp_path, tuned):
    encoder = build(save(tmp_path / "x.pth", tuned))
    boxes = make_clip(CHUNK).boxes
    assert len(encoder.encode(make_clip(CHUNK + 3, boxes))) == CHUNK
    assert len(encoder.encode(make_clip(5, boxes))) == 5

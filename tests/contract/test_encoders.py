"""What every encoder family must do, checked on every family and stream found."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.model_encoder import ModelEncoder, WholeClipEncoder
from dfprobe.encoders.windows import Limits
from dfprobe.errors import ClipError, EncoderError
from dfprobe.features.passes import Passes
from dfprobe.rates import SAMPLES_PER_FRAME, VIDEO_FPS, RowClock
from dfprobe.settings import encoder_families
from dfprobe.settings.specs import EncoderSpec
from dfprobe.status import Status

STREAMS = [
    (family, stream)
    for family in encoder_families.families()
    for stream in encoder_families.streams(family)
]
FRAMES = 40
LIMITS = Limits(batch_rows=32, window_s=40, overlap_s=4)
LONGEST_CHUNK_S = 16 / VIDEO_FPS  # an encoder may drop less than a chunk at the end


def chunked(frames: np.ndarray) -> Callable[[int], Iterator[np.ndarray]]:
    return lambda size: (
        frames[start : start + size] for start in range(0, len(frames), size)
    )


def make_clip(
    seed: int, frames: int = FRAMES, samples: int | None = None
) -> ClipInputs:
    """A clip of noise, with as much audio as video unless told otherwise."""
    rng = np.random.default_rng(seed)
    samples = SAMPLES_PER_FRAME * frames if samples is None else samples
    low = rng.uniform(20, 40, (frames, 1, 2))
    corner = rng.integers(10, 30, (frames, 2))
    boxes = np.concatenate([corner, corner + 50], axis=1).astype(np.float32)
    boxes[1::7] = np.nan  # frames without a face
    return ClipInputs(
        clip_id=f"clip-{seed}",
        waveform=0.1 * rng.standard_normal(samples).astype(np.float32),
        mouth=rng.integers(0, 256, (frames, 96, 96), dtype=np.uint8),
        landmarks=(low + rng.uniform(0, 40, (frames, 68, 2))).astype(np.float32),
        boxes=boxes,
        frames=chunked(rng.integers(0, 256, (frames, 100, 120, 3), dtype=np.uint8)),
    )


def build(family: str, stream: str, **fields) -> Encoder:
    """Build with random weights, or without any where the family has none."""
    weights = next(iter(encoder_families.weights(family)))
    spec = EncoderSpec("under-test", family, stream, weights, **fields)
    return registry.build(spec, "cpu")


def build_model(family: str, stream: str, **fields) -> ModelEncoder:
    """Build, where the family is a model; else skip the test."""
    if "none" in encoder_families.weights(family):
        pytest.skip("this family has no model")
    encoder = build(family, stream, **fields)
    assert isinstance(encoder, ModelEncoder)
    return encoder


def run_parts(encoder: ModelEncoder, clip: ClipInputs, precision: str, limits: Limits):
    """Rows of a clip as the extraction stage computes them."""
    passes = Passes(encoder, precision, limits)
    parts = [passes.launch([part]) for part in encoder.parts(clip, limits)]
    return np.concatenate([passes.finish(part)[0][0] for part in parts])


def off(rows: np.ndarray, expected: np.ndarray) -> float:
    """Largest difference, in parts of the largest value."""
    return float(np.abs(rows - expected).max() / np.abs(expected).max())


@pytest.fixture(params=STREAMS, ids=lambda names: "-".join(names))
def names(request: pytest.FixtureRequest) -> tuple[str, str]:
    return request.param


def test_rows_have_the_declared_shape_type_and_rate(names):
    encoder = build(*names)
    rows = encoder.encode(make_clip(1))
    seconds = FRAMES / VIDEO_FPS
    assert rows.dtype == np.float32
    assert rows.shape[1] == encoder.dim
    assert np.isfinite(rows).all()
    assert len(rows) <= math.ceil(seconds * encoder.rate_hz)
    assert len(rows) > (seconds - LONGEST_CHUNK_S) * encoder.rate_hz


def test_a_chunk_more_gives_a_chunk_of_rows_more(names):
    encoder = build(*names)
    short, long = (len(encoder.encode(make_clip(1, frames))) for frames in (32, 48))
    assert long - short == LONGEST_CHUNK_S * encoder.rate_hz


def test_it_describes_itself(names):
    family, stream = names
    encoder = build(family, stream)
    assert encoder_families.modality(family, stream) in {
        "audio",
        "visual",
        "audio-visual",
    }
    assert encoder.inputs
    assert encoder.inputs <= {"waveform", "mouth", "landmarks", "boxes", "frames"}
    assert encoder.rate_hz > 0
    assert encoder.first_row_s >= 0
    assert encoder.weights_hash


def test_the_modality_agrees_with_the_inputs(names):
    encoder = build(*names)
    reads = {"audio" if field == "waveform" else "visual" for field in encoder.inputs}
    assert encoder_families.modality(*names) == "-".join(sorted(reads))


def test_it_reads_only_its_declared_inputs(names):
    encoder, clip = build(*names), make_clip(1)
    only = ClipInputs(
        clip.clip_id, **{field: getattr(clip, field) for field in encoder.inputs}
    )
    np.testing.assert_array_equal(encoder.encode(only), encoder.encode(clip))


def test_two_builds_give_the_same_rows(names):
    first, second = (build(*names).encode(make_clip(1)) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_the_rows_follow_the_clip(names):
    encoder = build(*names)
    first, second = (encoder.encode(make_clip(seed)) for seed in (1, 2))
    assert np.abs(first - second).max() > 1e-3 * np.abs(first).max()


def test_the_seed_draws_the_weights(names):
    first, second = (build(*names, seed=seed) for seed in (1, 2))
    if first.weights_hash == "none":
        pytest.skip("a family without weights has nothing to draw")
    assert first.weights_hash != second.weights_hash
    clip = make_clip(1)
    assert not np.array_equal(first.encode(clip), second.encode(clip))


def test_the_order_of_the_clips_does_not_matter(names):
    encoder = build(*names)
    first = encoder.encode(make_clip(1))
    encoder.encode(make_clip(2, frames=20))
    np.testing.assert_array_equal(encoder.encode(make_clip(1)), first)


def test_the_input_is_left_as_it_was(names):
    clip, untouched = make_clip(1), make_clip(1)
    build(*names).encode(clip)
    for field in ("waveform", "mouth", "landmarks", "boxes"):
        np.testing.assert_array_equal(getattr(clip, field), getattr(untouched, field))


def test_building_leaves_the_random_state_alone(names):
    before = torch.random.get_rng_state()
    build(*names)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_modules_are_frozen(names):
    encoder = build(*names)
    for module in vars(encoder).values():
        if isinstance(module, torch.nn.Module):
            assert not any(part.training for part in module.modules())
            assert not any(weight.requires_grad for weight in module.parameters())


@pytest.mark.parametrize("frames, samples", [(0, 0), (0, 100)])
def test_a_clip_too_short_is_refused_by_name(names, frames, samples):
    with pytest.raises(ClipError, match="clip-1") as refusal:
        build(*names).encode(make_clip(1, frames, samples))
    assert refusal.value.status is Status.TOO_SHORT


def test_a_missing_input_is_refused_by_name(names):
    with pytest.raises(ClipError, match="clip-without") as refusal:
        build(*names).encode(ClipInputs("clip-without"))
    missing = {Status.NO_AUDIO, Status.NO_VIDEO, Status.NO_FACE}
    assert refusal.value.status in missing


def test_an_unknown_layer_is_refused(names):
    weights = next(iter(encoder_families.weights(names[0])))
    spec = EncoderSpec("deep", *names, weights=weights, layer=99)
    with pytest.raises(EncoderError, match=r"'deep'.*layer.*99"):
        registry.build(spec, "cpu")


def test_the_first_kind_of_weights_needs_no_file(names):
    kinds = list(encoder_families.weights(names[0]))
    assert kinds[0] in {"none", "random"}
    assert set(kinds) <= {"none", "random", "file", "hub"}


def test_options_are_described_and_have_defaults(names):
    for option, field in encoder_families.family_options(names[0]).model_fields.items():
        assert field.description and not field.is_required(), option


@pytest.mark.parametrize("frames", [1, 2, 7, 300])
def test_short_and_long_clips_give_rows(names, frames):
    encoder = build(*names)
    rows = encoder.encode(make_clip(1, frames))
    assert np.isfinite(rows).all()
    seconds = max(frames / VIDEO_FPS, LONGEST_CHUNK_S)
    assert 1 <= len(rows) <= seconds * encoder.rate_hz


def test_a_row_describes_its_own_time(names):
    """A clip that changes in one frame changes most in the rows around it."""
    if names[0] == "noise":
        pytest.skip("its rows describe nothing: that is what it is for")
    encoder = build(*names)
    clip, changed = make_clip(1), make_clip(1)
    frame = 21
    for field in ("mouth", "boxes"):
        getattr(changed, field)[frame] = getattr(make_clip(2), field)[frame]
    span = slice(SAMPLES_PER_FRAME * frame, SAMPLES_PER_FRAME * (frame + 1))
    changed.waveform[span] = 0
    frames = np.concatenate(list(clip.frames(FRAMES)))
    frames[frame] = 255 - frames[frame]
    changed = replace(changed, frames=chunked(frames))
    difference = np.abs(encoder.encode(changed) - encoder.encode(clip)).max(axis=1)
    row = RowClock(encoder.rate_hz, encoder.first_row_s).row_at(frame / VIDEO_FPS)
    # A convolution of five frames, or one over the edges of a window, may shift it.
    assert abs(int(difference.argmax()) - row) <= 2


def test_all_layers_are_the_single_ones_side_by_side(names):
    encoder, clip = build_model(*names, layer="all"), make_clip(1)
    assert encoder.layers >= 3
    width = encoder.dim // encoder.layers
    rows = encoder.encode(clip)
    assert rows.shape[1] == encoder.dim
    for layer in range(encoder.layers):
        single = build(*names, layer=layer)
        assert (single.dim, single.layers) == (width, 1)
        part = rows[:, layer * width : (layer + 1) * width]
        np.testing.assert_array_equal(part, single.encode(clip))
    with pytest.raises(EncoderError, match=f"0 to {encoder.layers - 1}"):
        build(*names, layer=encoder.layers)


def test_parts_are_the_single_pass_up_to_the_longest_window(names):
    encoder, clip = build_model(*names), make_clip(1)
    limits = Limits(batch_rows=32, window_s=FRAMES / VIDEO_FPS, overlap_s=0.4)
    rows = run_parts(encoder, clip, "float32", limits)
    np.testing.assert_array_equal(rows, encoder.encode(clip))


def test_longer_clips_are_encoded_in_windows(names):
    """Each window is what a clip of its own would be, but for normalisation."""
    encoder, clip = build_model(*names), make_clip(1, frames=100)
    limits = Limits(batch_rows=32, window_s=2, overlap_s=0.8)
    rows, whole = run_parts(encoder, clip, "float32", limits), encoder.encode(clip)
    assert rows.shape == whole.shape
    if not isinstance(encoder, WholeClipEncoder):
        np.testing.assert_allclose(rows, whole, rtol=0, atol=1e-5 * np.abs(whole).max())
        return
    parts = list(encoder.parts(clip, limits))
    assert [part.rows for part in parts] == [round(2 * encoder.rate_hz)] * len(parts)
    # A row sees other rows, yet must be nearer to its own one than to its neighbours.
    distance = np.linalg.norm(rows[:, None] - whole[None, :], axis=2)
    assert (distance.argmin(axis=1) == np.arange(len(rows))).mean() > 0.9


def test_the_order_in_a_batch_does_not_matter(names):
    encoder = build_model(*names)
    first, second = (
        next(iter(encoder.parts(make_clip(seed, 16), LIMITS))).tensors
        for seed in (1, 2)
    )

    def features(*clips):
        return encoder.features(
            **{name: torch.cat([clip[name] for clip in clips]) for name in first}
        )

    both, alone = features(first, second), features(first)
    half = len(alone)
    assert off(both[:half], alone) < 1e-5
    assert off(features(second, first)[half:], alone) < 1e-5


def test_no_gradient_is_kept(names):
    encoder = build_model(*names)
    part = next(iter(encoder.parts(make_clip(1), LIMITS)))
    with torch.enable_grad():
        assert not encoder.forward(**part.tensors).requires_grad


@pytest.mark.parametrize("precision, limit", [("float16", 0.01), ("bfloat16", 0.08)])
def test_half_precision_is_near_single_precision(names, precision, limit):
    encoder, clip = build_model(*names), make_clip(1)
    half = run_parts(encoder, clip, precision, LIMITS)
    assert half.dtype == np.float32
    assert 0 < off(half, encoder.encode(clip)) < limit


def test_tensors_of_another_shape_are_refused_by_name(names):
    encoder = build_model(*names)
    tensors = dict(next(iter(encoder.parts(make_clip(1), LIMITS))).tensors)
    name = next(iter(tensors))
    with pytest.raises(EncoderError, match=rf"takes {name} \(batch, .*given nothing"):
        encoder.features()
    with pytest.raises(EncoderError, match=rf"given.* {name} \(\d"):
        encoder.features(**tensors | {name: tensors[name][0]})

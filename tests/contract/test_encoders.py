"""What every encoder family must do, checked on every family and stream found."""

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from dfprobe.encoders import registry
from dfprobe.encoders.base import ClipInputs, Encoder, EncoderSpec
from dfprobe.errors import ClipError, EncoderError
from dfprobe.rates import SAMPLES_PER_FRAME, VIDEO_FPS
from dfprobe.status import Status

STREAMS = [
    (family, stream)
    for family in registry.families()
    for stream in registry.streams(family)
]
FRAMES = 40
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


def build(family: str, stream: str, seed: int = 0) -> Encoder:
    """Build with random weights, or without any where the family has none."""
    weights = next(iter(registry.weights(family)))
    spec = EncoderSpec("under-test", family, stream, weights, seed=seed)
    return registry.build(spec, "cpu")


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
    assert registry.modality(family, stream) in {"audio", "visual", "audio-visual"}
    assert encoder.inputs
    assert encoder.inputs <= {"waveform", "mouth", "landmarks", "boxes", "frames"}
    assert encoder.rate_hz > 0
    assert encoder.first_row_s >= 0
    assert encoder.weights_hash


def test_the_modality_agrees_with_the_inputs(names):
    encoder = build(*names)
    reads = {"audio" if field == "waveform" else "visual" for field in encoder.inputs}
    assert registry.modality(*names) == "-".join(sorted(reads))


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
    weights = next(iter(registry.weights(names[0])))
    spec = EncoderSpec("deep", *names, weights=weights, layer=99)
    with pytest.raises(EncoderError, match=r"'deep'.*layer.*99"):
        registry.build(spec, "cpu")


def test_the_first_kind_of_weights_needs_no_file(names):
    kinds = list(registry.weights(names[0]))
    assert kinds[0] in {"none", "random"}
    assert set(kinds) <= {"none", "random", "file", "hub"}


def test_options_are_described_and_have_defaults(names):
    for option, schema in registry.family_options(names[0]).items():
        assert {"type", "default", "description"} <= schema.keys(), option

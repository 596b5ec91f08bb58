import numpy as np
import pytest
import torch

from dfprobe.encoders.windows import Limits
from dfprobe.errors import EncoderError
from dfprobe.features.passes import Passes, batch_rows_on, precision_on
from unit.features.toy_encoders import ToyFrames, ToyWhole, pictures, sound

CPU, GPU = torch.device("cpu"), torch.device("cuda")
LIMITS = Limits(batch_rows=8, window_s=40, overlap_s=1)


def run(encoder, clip, precision="float32", limits=LIMITS):
    """Rows of a clip, part by part, and the notes."""
    passes = Passes(encoder, precision, limits)
    results = [
        passes.finish(passes.launch([part])) for part in encoder.parts(clip, limits)
    ]
    rows, notes = zip(*(result for some in results for result in some), strict=True)
    return np.concatenate(rows), notes


def test_what_auto_stands_for():
    assert precision_on(CPU, "auto") == "float32"
    assert precision_on(GPU, "auto") == "float16"
    assert precision_on(GPU, "bfloat16") == "bfloat16"
    assert batch_rows_on(CPU, None) < batch_rows_on(GPU, None)
    assert batch_rows_on(CPU, 7) == 7


def test_parts_of_a_clip_give_its_rows():
    for encoder, clip in ((ToyWhole(), sound(20)), (ToyFrames(), pictures(20))):
        rows, notes = run(encoder, clip)
        np.testing.assert_array_equal(rows, encoder.encode(clip))
        assert set(notes) == {""}


def test_frames_go_through_in_batches():
    encoder = ToyFrames()
    run(encoder, pictures(20))
    assert encoder.module.shapes == [(8, 1), (8, 1), (4, 1)]


def test_parts_of_equal_length_share_a_pass():
    encoder = ToyWhole()
    clips = [sound(5, seed) for seed in range(3)]
    parts = [part for clip in clips for part in encoder.parts(clip, LIMITS)]
    passes = Passes(encoder, "float32", LIMITS)
    results = passes.finish(passes.launch(parts))
    assert encoder.module.shapes == [(3, 5, 1)]
    for clip, (rows, _) in zip(clips, results, strict=True):
        np.testing.assert_array_equal(rows, encoder.encode(clip))


def test_a_batch_that_does_not_fit_is_done_in_halves(caplog):
    encoder, clip = ToyFrames(most=3), pictures(8)
    rows, notes = run(encoder, clip)
    np.testing.assert_array_equal(rows, ToyFrames().encode(clip))
    assert encoder.module.shapes == [
        (8, 1),
        (4, 1),
        (2, 1),
        (2, 1),
        (4, 1),
        *[(2, 1)] * 2,
    ]
    assert "out of memory with a batch of 8, done in halves" in notes[0]
    assert "out of memory with a batch of 4, done in halves" in caplog.text


def test_a_clip_that_does_not_fit_is_done_in_windows():
    encoder, clip = ToyWhole(most=60), sound(200)
    rows, notes = run(encoder, clip)
    np.testing.assert_array_equal(rows, ToyWhole().encode(clip))
    assert "out of memory with 200 rows, done in windows of half as many" in notes[0]
    assert max(length for _, length, _ in encoder.module.shapes[-2:]) <= 60


def test_clips_that_share_a_pass_are_parted_before_windows_are():
    encoder = ToyWhole(most=10)
    parts = [p for seed in (1, 2) for p in encoder.parts(sound(10, seed), LIMITS)]
    passes = Passes(encoder, "float32", LIMITS)
    results = passes.finish(passes.launch(parts))
    assert encoder.module.shapes == [(2, 10, 1), (1, 10, 1), (1, 10, 1)]
    for seed, (rows, _) in zip((1, 2), results, strict=True):
        np.testing.assert_array_equal(rows, ToyWhole().encode(sound(10, seed)))


@pytest.mark.parametrize(
    "encoder, clip", [(ToyFrames(0), pictures(2)), (ToyWhole(0), sound(99))]
)
def test_what_fits_in_no_way_ends_the_run_with_a_sentence(encoder, clip):
    with pytest.raises(
        EncoderError, match=r"does not fit into memory.*features\.device"
    ):
        run(encoder, clip)


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    encoder = ToyWhole()
    encoder.forward = lambda **_: torch.zeros(2) @ torch.zeros(3)
    with pytest.raises(RuntimeError, match="size"):
        run(encoder, sound(5))


def test_rows_that_overflow_in_half_precision_are_computed_in_float32():
    encoder, clip = ToyWhole(), sound(5)
    encoder.module = torch.nn.Linear(1, 1).requires_grad_(False)  # autocast acts on it
    encoder.module.weight.fill_(1e6)
    rows, notes = run(encoder, clip, "float16")
    np.testing.assert_array_equal(rows, encoder.encode(clip))
    assert np.isfinite(rows).all()
    assert notes == ("not finite in float16, computed in float32",)
    assert run(encoder, clip, "bfloat16")[1] == ("",)

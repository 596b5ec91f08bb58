import subprocess
import sys

import numpy as np
import pytest

from dfprobe.encoders.windows import Limits
from dfprobe.errors import ClipError
from dfprobe.features.encoding import encoded
from dfprobe.features.passes import Passes
from dfprobe.status import Status
from unit.features.toy_encoders import ToyFrames, ToyWhole, pictures, sound

LIMITS = Limits(batch_rows=8, window_s=40, overlap_s=1)


class Shared(Passes):
    """Clips share a pass as they do on a GPU."""

    shared_rows = 12


def run(encoder, clips, kind=Passes, limits=LIMITS, threads=2):
    """Encode clips; one that is an error cannot be read."""

    def read(row):
        if isinstance(row["clip"], ClipError):
            raise row["clip"]
        return row["clip"]

    passes = kind(encoder, "float32", limits)
    return list(encoded(encoder, passes, [{"clip": c} for c in clips], read, threads))


@pytest.mark.parametrize("kind", [Passes, Shared])
def test_each_clip_gets_its_own_rows(kind):
    clips = [sound(rows, seed) for seed, rows in enumerate((3, 3, 3, 3, 5, 6, 6, 90))]
    encoder = ToyWhole()
    results = run(encoder, clips, kind)
    assert [result.row["clip"] for result in results] == clips
    for clip, result in zip(clips, results, strict=True):
        np.testing.assert_array_equal(result.features, ToyWhole().encode(clip))
        assert (result.error, result.note) == (None, "")


def test_only_clips_of_equal_length_share_a_pass():
    encoder = ToyWhole()
    run(encoder, [sound(rows) for rows in (3, 3, 3, 3, 3, 5, 6, 6, 90)], Shared)
    batches = [(4, 3), (1, 3), (1, 5), (2, 6), (1, 90)]
    assert encoder.module.shapes == [(*batch, 1) for batch in batches]


def test_on_the_cpu_no_clip_shares_a_pass():
    encoder = ToyWhole()
    run(encoder, [sound(3)] * 3)
    assert encoder.module.shapes == [(1, 3, 1)] * 3


def test_a_long_clip_says_that_it_was_cut():
    limits = Limits(batch_rows=8, window_s=2, overlap_s=0.4)
    clip = sound(130)
    (result,) = run(ToyWhole(), [clip], limits=limits)
    np.testing.assert_array_equal(result.features, ToyWhole().encode(clip))
    assert result.note == "encoded in 3 windows of 50 rows"


@pytest.mark.parametrize("kind", [Passes, Shared])
def test_a_bad_clip_keeps_its_place(kind):
    bad = ClipError(Status.NO_AUDIO, "the file has no sound")
    results = run(ToyWhole(), [bad, sound(3), bad, sound(3), bad], kind)
    assert [result.error for result in results] == [bad, None, bad, None, bad]
    assert [len(result.features) for result in results] == [0, 3, 0, 3, 0]


def test_a_clip_that_breaks_off_has_no_rows():
    def frames(size):
        yield from pictures(9).frames(size)
        raise ClipError(Status.UNREADABLE, "the file breaks off")

    broken = pictures(9, "broken")
    object.__setattr__(broken, "frames", frames)
    first, second = run(ToyFrames(), [broken, pictures(4)])
    assert first.error.status is Status.UNREADABLE
    np.testing.assert_array_equal(second.features[:, 0], [0, 2, 4, 6])


def test_an_encoder_without_a_model():
    class Counter:
        dim = 1

        def encode(self, clip):
            return np.full((2, 1), len(clip.waveform), np.float32)

    clips = [sound(1), sound(2)]
    rows = [{"clip": clip} for clip in clips]
    results = list(encoded(Counter(), None, rows, lambda row: row["clip"], 1))
    assert [result.features[0, 0] for result in results] == [640, 1280]


def test_a_clip_is_given_out_before_the_last_one_is_read():
    read_so_far = []

    def read(row):
        read_so_far.append(row["number"])
        return sound(2)

    class Counter:
        dim = 1

        def encode(self, clip):
            return np.zeros((1, 1), np.float32)

    results = encoded(Counter(), None, [{"number": n} for n in range(50)], read, 1)
    next(results)
    assert len(read_so_far) < 10
    results.close()


def test_encoders_without_a_model_do_not_import_torch():
    code = (
        "import sys; import dfprobe.features.extract; from dfprobe.encoders.registry "
        "import load_encoder as load; load('residual', 'none'); "
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)

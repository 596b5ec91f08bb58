"""Leading silence is cut from all inputs of a clip; rows do not depend on it."""

from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest

from dfprobe import recipes
from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.features.extract import extract_features
from dfprobe.features.inputs import clip_inputs
from dfprobe.features.keys import encoder_key
from dfprobe.features.trimming import silent_frames, without_start
from dfprobe.media.crops import make_crops
from dfprobe.settings.specs import EncoderSpec
from dfprobe.settings.stage_specs.features import CropsSpec, FeaturesSpec, RowSettings
from dfprobe.status import Status
from dfprobe.store.crops import CropReader
from dfprobe.store.features import FeatureReader
from typed_specs import typed
from unit.features.settings import SETTINGS
from unit.media.media_files import numbered_frame, write_clip

TRIM = "leading_silence"
SPEECH = np.random.default_rng(0).uniform(0.1, 0.5, 16_000).astype(np.float32)
SILENCE = {"loud": 0, "short": 2 * 640, "long": 10 * 640, "between": 3000}  # samples
ENCODERS = {
    "lfcc": {"family": "lfcc", "stream": "audio", "weights": "none"},
    "avhubert": {
        "family": "avhubert",
        "stream": "audio",
        "options": {"trunk_width": 4, "layers": 1},
    },
}


@pytest.mark.parametrize(
    ("silence_s", "frames"),
    [(None, 0), (0.0, 0), (1 / 16_000, 1), (0.0399, 1), (0.04, 2), (0.4, 11)],
)
def test_frames_that_are_left_out(silence_s, frames):
    assert silent_frames(silence_s) == frames


@pytest.mark.parametrize("size", [1, 3, 4, 100])
def test_all_inputs_are_cut_at_the_same_time(size):
    numbers = np.arange(20)
    clip = ClipInputs(
        "c",
        waveform=numbers.repeat(640).astype(np.float32),
        mouth=numbers[:, None, None].astype(np.uint8),
        landmarks=numbers[:, None, None].astype(np.float32),
        boxes=numbers[:, None].astype(np.float32),
        frames=lambda size: (numbers[k : k + size] for k in range(0, 20, size)),
    )
    later = without_start(clip, 7)
    assert set(later.waveform[:640]) == {7.0} and later.waveform[-1] == 19
    for values in (later.mouth, later.landmarks, later.boxes):
        np.testing.assert_array_equal(values.ravel(), numbers[7:])
    chunks = list(later.frames(size))
    assert all(0 < len(chunk) <= size for chunk in chunks)
    np.testing.assert_array_equal(np.concatenate(chunks), numbers[7:])
    assert list(without_start(clip, 20).frames(size)) == []
    assert (clip.start_s, later.start_s) == (0.0, 7 / 25)


def test_inputs_that_were_not_asked_for_stay_away():
    assert without_start(ClipInputs("c"), 3) == ClipInputs("c", start_s=3 / 25)


class Shard:
    """Clips with the same speech after silences of several lengths."""

    def __init__(self, folder):
        sounds = {name: np.pad(SPEECH, (n, 0)) for name, n in SILENCE.items()}
        sounds["nothing"] = np.zeros(16_000, np.float32)
        for name, sound in sounds.items():
            frames = [numbered_frame(200)] * (len(sound) // 640)
            path = folder / f"{name}.mkv"
            write_clip(path, frames, sound=sound[None], codecs=("libx264", "pcm_f32le"))
        write_clip(folder / "mute.mkv", [numbered_frame(n) for n in range(5)])
        rows = [
            {"clip_id": n, "path": f"{folder / n}.mkv", "content_key": n, "shard": "0"}
            for n in sorted([*sounds, "mute"])
        ]
        self.folder, self.manifest = folder, folder / "manifest.parquet"
        pl.DataFrame(rows).write_parquet(self.manifest)
        self.h5, self.index = folder / "0.h5", folder / "0.parquet"
        spec = CropsSpec(detect_every=50, upsample=0, max_failed_share=1.0)
        make_crops(self.manifest, "0", spec, self.h5, self.index)

    def extract(self, encoder, **trim):
        out = self.folder / f"{encoder['family']}{len(trim)}.zarr.zip"
        named = {"name": "x", **encoder}
        spec = SETTINGS | {"dtype": "float32", "encoder": named} | trim
        extract_features(
            self.manifest, self.h5, self.index, "0", typed(FeaturesSpec, spec), out
        )
        return FeatureReader(out)


@pytest.fixture(scope="module")
def shard(tmp_path_factory):
    return Shard(tmp_path_factory.mktemp("shard"))


@pytest.mark.parametrize("name", ENCODERS)
def test_trimmed_rows_do_not_depend_on_the_silence(shard, name):
    with (
        shard.extract(ENCODERS[name]) as whole,
        shard.extract(ENCODERS[name], trim=TRIM) as trimmed,
    ):
        rows = {clip: trimmed.clip(clip) for clip in SILENCE}
        np.testing.assert_array_equal(rows["short"], rows["long"])
        assert len(whole.clip("short")) != len(whole.clip("long"))
        # Up to 40 ms of the speech are cut with the silence: here one frame.
        spec = EncoderSpec("x", **ENCODERS[name])
        cut = ClipInputs("c", waveform=SPEECH[640:])
        alone = registry.build(spec, "cpu").encode(cut)
        np.testing.assert_allclose(rows["long"], alone, atol=1e-5)
        # A clip that begins loud is as it was.
        np.testing.assert_array_equal(rows["loud"], whole.clip("loud"))


def test_the_index_says_when_row_0_of_a_trimmed_clip_is(shard):
    with shard.extract(ENCODERS["lfcc"], trim=TRIM) as trimmed:
        found = dict(trimmed.index.select("clip_id", "first_row_s").iter_rows())
        assert trimmed.attributes["first_row_s"] == 0.0
    frames = {"loud": 0, "short": 3, "between": 5, "long": 11}
    assert {name: found[name] for name in frames} == {
        name: count / 25 for name, count in frames.items()
    }
    with shard.extract(ENCODERS["lfcc"]) as whole:
        assert set(whole.index["first_row_s"]) == {0.0}


def test_a_clip_that_is_all_silence_is_too_short(shard):
    with shard.extract(ENCODERS["lfcc"], trim=TRIM) as trimmed:
        found = dict(trimmed.index.select("clip_id", "status").iter_rows())
    assert found["nothing"] == Status.TOO_SHORT
    assert found["mute"] == Status.NO_AUDIO


def test_frames_are_trimmed_by_the_sound_and_kept_without_one(shard):
    encoder = SimpleNamespace(inputs=frozenset({"frames", "boxes"}))
    with CropReader(shard.h5, shard.index) as crops:
        paths = dict(
            pl.read_parquet(shard.manifest, columns=["clip_id", "path"]).rows()
        )
        lengths = {}
        for row in crops.index.iter_rows(named=True):
            row["path"] = paths[row["clip_id"]]
            clip = clip_inputs(encoder, row, crops, TRIM)
            lengths[row["clip_id"]] = sum(len(chunk) for chunk in clip.frames(4))
            assert lengths[row["clip_id"]] == len(clip.boxes)
    assert lengths == {
        "between": 29 - 5,
        "long": 35 - 11,
        "loud": 25,
        "mute": 5,
        "nothing": 0,
        "short": 27 - 3,
    }


def settings(**trim):
    """Return the settings that change the numbers of rows."""
    numbers = ("dtype", "precision", "window_s", "overlap_s")
    return typed(RowSettings, {name: SETTINGS[name] for name in numbers} | trim)


def test_the_key_changes_for_trimmed_rows_only(monkeypatch):
    spec = EncoderSpec("x", "residual", "video", weights="none")
    encoder = registry.build(spec, "cpu")
    before = encoder_key(spec, encoder, settings())
    assert encoder_key(spec, encoder, settings(trim=None)) == before
    assert encoder_key(spec, encoder, settings(trim=TRIM)) != before

    # Where sound decides what is cut, its recipe belongs to the key of frames too.
    trimmed = encoder_key(spec, encoder, settings(trim=TRIM))
    numbers = recipes._declared
    monkeypatch.setattr(
        recipes, "_declared", lambda m: numbers(m) + m.endswith("media.audio")
    )
    assert encoder_key(spec, encoder, settings()) == before
    assert encoder_key(spec, encoder, settings(trim=TRIM)) != trimmed

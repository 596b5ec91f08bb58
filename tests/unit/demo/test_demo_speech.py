"""Drawn speech and its fakes: sound, leading silence, artefacts in their place."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from dfprobe.demo.film import record
from dfprobe.demo.plans import av_deepfake1m
from dfprobe.demo.plans.plan import AudioFake
from dfprobe.demo.plans.seeds import generator
from dfprobe.demo.sound.audio_fakes import add_artefacts, silence_start
from dfprobe.demo.sound.phonemes import sentence
from dfprobe.demo.sound.speech import HZ, improvise, invent_voice, mouth_at

SILENT = 0.0005  # threshold of the leading silence, as in the audit


def leading_silence_s(clip):
    loud = np.abs(clip.sound) > SILENT
    return np.argmax(loud) / clip.hz


def planned_silence_s(demo, path):
    truth = (demo.truth / path.relative_to(demo.root)).with_suffix(".npz")
    return float(np.load(truth, allow_pickle=False)["leading_silence_s"])


def test_leading_silence_survives_the_codec_and_reals_have_none(
    favc, av1m, avlips, clip_reader
):
    silent = 0
    for demo in (favc, av1m, avlips):
        for path in demo.root.rglob("*.mp4"):
            plan = planned_silence_s(demo, path)
            heard = leading_silence_s(clip_reader(path))
            assert plan == 0 or 0.120 <= plan <= 0.300
            if plan:
                silent += 1
                assert heard >= plan - 1 / 16_000
                assert heard == pytest.approx(plan, abs=0.012)
            else:
                assert heard < 0.002
    assert silent >= 3


def test_sound_lasts_as_long_as_the_picture(favc, clip_reader):
    for path in favc.root.rglob("*.mp4"):
        clip = clip_reader(path)
        tail = len(clip.sound) - round(len(clip.grey) / clip.fps * clip.hz)
        assert 0 <= tail < 1024  # the codec's padding, one AAC frame at most


def test_sentence_covers_its_length_and_ends_silent():
    timed = sentence(generator("s"), 3.2, 1.0)
    assert timed[0].start_s == 0 and timed[-1].end_s == 3.2
    assert all(a.end_s == b.start_s < b.end_s for a, b in pairwise(timed))
    assert timed[0].phoneme.name == timed[-1].phoneme.name == "_"


@pytest.mark.parametrize("gender", ["men", "women"])
def test_speech_has_pitch_level_and_a_mouth_that_closes(gender):
    voice = invent_voice(generator("v", gender), gender)
    speech = improvise(generator("t", gender), voice, 3.0)
    assert speech.samples.shape == (3 * HZ,)
    assert np.abs(speech.samples).max() < 1
    loud = speech.samples[np.abs(speech.samples) > 0.01]
    assert 0.04 < np.sqrt(np.mean(loud**2)) < 0.2
    spectrum = np.abs(np.fft.rfft(speech.samples * np.hanning(3 * HZ)))
    hz = np.fft.rfftfreq(3 * HZ, 1 / HZ)
    low = spectrum[(hz > 70) & (hz < 1000)].sum()
    assert low > 3 * spectrum[(hz > 4000) & (hz < 4930)].sum()
    mouth = mouth_at(speech.mouth, 75, 25, 0.0)
    assert mouth.shape == (75, 3)
    assert mouth[:, 0].min() < 0.08 and mouth[:, 0].max() > 0.55


def test_mouth_lag_shifts_the_track():
    track = np.repeat(np.linspace(0, 1, 600)[:, None], 3, axis=1)
    late = mouth_at(track, 50, 25, 0.08)
    assert np.allclose(late[10:], mouth_at(track, 50, 25, 0.0)[8:-2])


def test_mirror_image_is_where_the_low_tones_are_mirrored():
    tone = 0.3 * np.sin(2 * np.pi * 500 * np.arange(2 * HZ) / HZ)
    clean = AudioFake("same", "clone", "B", 0.0)
    levels = []
    for fake in (clean, replace(clean, strength=1.0)):
        out = add_artefacts(generator("a"), tone, fake)
        spectrum = np.abs(np.fft.rfft(out * np.hanning(len(out))))
        levels.append(spectrum[2 * 7500] / spectrum[2 * 500])
    assert levels[0] < 1e-4
    assert 10**-2.8 < levels[1] < 10**-2.2


def test_ripple_and_band_limit_of_family_a():
    noise = generator("n").standard_normal(2 * HZ) * 0.05
    out = add_artefacts(generator("a"), noise, AudioFake("same", "clone", "A", 1.0))
    power = np.abs(np.fft.rfft(out)) ** 2
    hz = np.fft.rfftfreq(len(out), 1 / HZ)
    assert power[hz > 7300].mean() < 1e-4 * power[(hz > 2000) & (hz < 5000)].mean()
    ripple = np.abs(np.fft.rfft(out**2))[[80 * 2, 70 * 2, 90 * 2]]
    assert ripple[0] > 3 * ripple[1:].max()


def test_silence_is_exact_and_copies():
    sound = generator("n").standard_normal(HZ).astype(np.float32)
    out = silence_start(sound, 0.06)
    assert not out[:960].any() and sound[:960].any()
    assert np.array_equal(out[960 + 320 :], sound[960 + 320 :])
    assert np.array_equal(silence_start(sound, 0.0), sound)


def test_local_fake_leaves_the_rest_of_the_sound_alone():
    source = av_deepfake1m.plan(5, {"train": 2, "val": 0, "test": 0})[1]
    sounds = record(source)
    changed = sounds.real != sounds.fake
    inside = np.zeros_like(changed)
    for first, end in source.segments:
        assert 0.3 <= (end - first) / 25 <= 0.85
        inside[first * 640 : end * 640] = True
    assert not changed[~inside].any()
    assert changed[inside].mean() > 0.95

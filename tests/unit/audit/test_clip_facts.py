"""What is read from one file, good or bad."""

import numpy as np
import pytest

from dfprobe.audit.facts import QUIETEST_DB, clip_facts
from unit.media.media_files import bursts, numbered_frame, write_clip

FRAMES = [numbered_frame(number) for number in range(30)]
LOSSLESS = ("libx264", "pcm_s16le")
TONE = 0.5 * np.sin(np.arange(32_000, dtype=np.float32))[None]


def test_the_facts_of_a_clip(tmp_path):
    path = write_clip(
        tmp_path / "clip.mkv", FRAMES, fps=30, sound=np.tile(TONE, (2, 1))
    )
    facts = clip_facts(path)
    assert facts["status"] == "ok"
    assert facts["container"] == "matroska,webm"
    assert (facts["video_codec"], facts["width"], facts["height"]) == ("h264", 128, 48)
    assert (facts["fps"], facts["frames"]) == (30.0, 30)
    assert facts["duration_s"] == pytest.approx(1.0, abs=0.01)
    assert (facts["audio_codec"], facts["sample_rate_hz"]) == ("aac", 16_000)
    assert facts["channels"] == 2
    assert facts["bytes"] == path.stat().st_size
    assert len(facts["sha256"]) == 64


def test_the_level_is_that_of_the_waveform(tmp_path):
    path = write_clip(tmp_path / "clip.mkv", FRAMES, sound=TONE, codecs=LOSSLESS)
    # A sine of amplitude 0.5: -6.02 dB, and 3.01 dB below that.
    assert clip_facts(path)["loudness_db"] == pytest.approx(-9.03, abs=0.01)


def test_silence_is_measured_from_either_end(tmp_path):
    sound = bursts(0.3, 0.5, rate=16_000, length_s=1.0)
    path = write_clip(tmp_path / "clip.mkv", FRAMES, sound=sound, codecs=LOSSLESS)
    facts = clip_facts(path)
    assert facts["leading_silence_s"] == pytest.approx(0.3, abs=1e-3)
    assert facts["trailing_silence_s"] == pytest.approx(0.496, abs=1e-3)


def test_digital_silence_has_the_lowest_level(tmp_path):
    sound = np.zeros((1, 16_000), np.float32)
    path = write_clip(tmp_path / "clip.mkv", FRAMES, sound=sound, codecs=LOSSLESS)
    facts = clip_facts(path)
    assert facts["loudness_db"] == QUIETEST_DB
    assert facts["leading_silence_s"] == facts["trailing_silence_s"] == 1.0


def test_a_clip_without_sound_keeps_the_facts_of_its_video(tmp_path):
    facts = clip_facts(write_clip(tmp_path / "clip.mp4", FRAMES))
    assert (facts["status"], facts["video_status"]) == ("no_audio", "ok")
    assert facts["audio_codec"] is None
    assert facts["loudness_db"] is None
    assert facts["frames"] == 30


def test_a_clip_without_video_keeps_the_facts_of_its_sound(tmp_path):
    facts = clip_facts(write_clip(tmp_path / "clip.mka", sound=TONE))
    assert (facts["status"], facts["audio_status"]) == ("no_video", "ok")
    assert facts["width"] is None
    assert facts["duration_s"] == pytest.approx(2.0, abs=0.1)


@pytest.mark.parametrize("content", [b"", b"this is no video\n" * 100])
def test_a_file_that_is_no_video_is_unreadable_but_has_a_size(tmp_path, content):
    path = tmp_path / "clip.mp4"
    path.write_bytes(content)
    facts = clip_facts(path)
    assert facts["status"] == "unreadable"
    assert "cannot be opened" in facts["detail"]
    assert facts["bytes"] == len(content)
    assert facts["container"] is None


def test_a_file_that_is_not_there_is_missing(tmp_path):
    facts = clip_facts(tmp_path / "clip.mp4")
    assert facts["status"] == "missing"
    assert facts["sha256"] is None

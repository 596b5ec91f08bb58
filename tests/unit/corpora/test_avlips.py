"""AVLips: labels by folder, numbers in both folders, a wav folder beside them."""

import pytest

from dfprobe.errors import ConfigError, DataError


@pytest.fixture
def lips(put):
    put("0_real/0.mp4", "0_real/3.mp4", "1_fake/0.mp4", "1_fake/1.MP4")
    put("wav/0_real/0.wav", "wav/1_fake/0.wav", "1_fake/Thumbs.db")


def test_all_clips_are_test_clips(lips, manifest):
    frame = manifest("avlips")
    facts = ("clip_id", "split", "label", "manipulation", "audio_fake", "video_fake")
    assert frame.select(facts).rows() == [
        ("0_real/0", "test", 0, "real", False, False),
        ("0_real/3", "test", 0, "real", False, False),
        ("1_fake/0", "test", 1, "lip_sync", False, True),
        ("1_fake/1", "test", 1, "lip_sync", False, True),
    ]
    assert frame["speaker"].null_count() == frame["source"].null_count() == 4


def test_no_fake_has_both_streams(lips, manifest):
    with pytest.raises(ConfigError, match="no fake of this corpus has both streams"):
        manifest("avlips", fakes="both")


def test_a_folder_is_absent(put, manifest):
    put("0_real/0.mp4")
    with pytest.raises(DataError, match="1_fake is absent"):
        manifest("avlips")


def test_a_list_of_another_corpus(lips, lists, manifest):
    with pytest.raises(DataError, match=r"0_real or 1_fake.*'real/0\.mp4'"):
        manifest("avlips", splits=lists(test="real/0.mp4,0\n"))

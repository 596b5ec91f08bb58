"""LAV-DF: flags a stream, fake periods, and dev as the validation split."""

import json

import pytest

from corpora_stand_ins import LAV_PERIODS
from dfprobe.errors import DataError


def one_entry(**changes):
    values = {
        "file": "train/000001.mp4",
        "fake_periods": LAV_PERIODS,
        "original": None,
        "modify_video": True,
        "modify_audio": False,
        "split": "train",
    }
    return json.dumps([values | changes])


def test_flags_become_label_streams_and_manipulation(stand_in, manifest):
    stand_in("lav_df")
    frame = manifest("lav_df")
    facts = ("split", "label", "manipulation", "audio_fake", "video_fake")
    assert sorted(frame.select(facts).rows()) == [
        ("test", 1, "both_modified", True, True),
        ("train", 0, "real", False, False),
        ("train", 1, "visual_modified", False, True),
        ("val", 1, "audio_modified", True, False),
    ]


def test_periods_belong_to_the_modified_streams(stand_in, manifest):
    stand_in("lav_df")
    frame = manifest("lav_df").filter(label=1).sort("clip_id")
    assert frame["clip_id"].to_list() == ["dev/000002", "test/000003", "train/000001"]
    assert frame["audio_fake_segments"].to_list() == [LAV_PERIODS, LAV_PERIODS, []]
    assert frame["video_fake_segments"].to_list() == [[], LAV_PERIODS, LAV_PERIODS]
    assert frame["source"].unique().to_list() == ["train/000000.mp4"]


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"split": "val"}, ["'split'", "train or dev or test", "'val'"]),
        ({"split": ["train"]}, ["'split'", "['train']"]),
        ({"file": None}, ["'file'", "a path"]),
        ({"original": 3}, ["'original'", "a path or null"]),
        ({"modify_audio": 1}, ["'modify_audio'", "true or false", "got 1"]),
        ({"fake_periods": None}, ["'fake_periods'", "[start_s, end_s]"]),
        ({"fake_periods": [[2, 1]]}, ["'fake_periods'", "start_s <= end_s"]),
        ({"file": "../x.mp4"}, ["inside the corpus folder"]),
    ],
)
def test_malformed_entries_are_refused(changes, parts, put, manifest):
    put("metadata.json", content=one_entry(**changes))
    with pytest.raises(DataError) as error:
        manifest("lav_df")
    assert all(part in str(error.value) for part in parts), error.value


def test_an_entry_that_is_no_object(put, manifest):
    put("metadata.json", content="[3]")
    with pytest.raises(DataError, match=r"entry 1.*an object.*3.*LAV-DF"):
        manifest("lav_df")


def test_no_metadata(put, manifest):
    put("train/000000.mp4")
    with pytest.raises(DataError, match=r"metadata\.min\.json or .*got neither"):
        manifest("lav_df")

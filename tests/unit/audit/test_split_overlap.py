"""What splits share, from manifests and from published lists."""

import polars as pl
import pytest

from dfprobe.audit.splits import balance, overlap

COLUMNS = ("clip_id", "split", "label", "manipulation", "speaker", "source")


def clips(*rows):
    kinds = dict.fromkeys(COLUMNS, pl.String) | {"label": pl.Int8}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def shared(table, key, split="test", other="train"):
    (row,) = table.filter(key=key, split=split, other=other).iter_rows(named=True)
    return row


def test_speakers_and_sources_of_the_test_that_occur_in_train():
    table = overlap(
        clips(
            ("a", "train", 0, "real", "anna", "1"),
            ("b", "train", 1, "swap", "ben", "2"),
            ("c", "test", 0, "real", "anna", "1"),
            ("d", "test", 1, "swap", "anna", "9"),
            ("e", "test", 1, "swap", "carl", "7"),
            ("f", "test", 1, "swap", None, None),
        ),
        "path_list",
    )
    assert shared(table, "speaker") == {
        "key": "speaker",
        "split": "test",
        "other": "train",
        "keys": 2,
        "keys_shared": 1,
        "clips": 3,
        "clips_shared": 2,
        "real_shared": 1,
        "fake_shared": 1,
    }
    assert shared(table, "source")["clips_shared"] == 1
    assert shared(table, "speaker", "train", "test")["keys_shared"] == 1


def test_a_key_that_no_clip_has_gives_no_rows():
    rows = [("a", "train", 0, "real", None, "1"), ("b", "test", 0, "real", None, "2")]
    assert set(overlap(clips(*rows), "path_list")["key"]) == {"source"}


def test_versions_of_one_clip_of_av_deepfake1m_are_siblings():
    table = overlap(
        clips(
            ("train/id1/yt/00001/real", "train", 0, "real", "id1", "id1/yt"),
            ("val/id1/yt/00001/fake_video_fake_audio", "test", 1, "b", "id1", "id1/yt"),
            ("val/id1/yt/00002/real", "test", 0, "real", "id1", "id1/yt"),
        ),
        "av_deepfake1m",
    )
    row = shared(table, "sibling")
    assert (row["keys"], row["keys_shared"], row["fake_shared"]) == (2, 1, 1)


def test_equal_numbers_of_avlips_are_siblings():
    table = overlap(
        clips(
            ("0_real/12", "train", 0, "real", None, None),
            ("1_fake/12", "val", 1, "lip_sync", None, None),
            ("1_fake/13", "val", 1, "lip_sync", None, None),
        ),
        "avlips",
    )
    assert shared(table, "sibling", "val")["clips_shared"] == 1


def test_every_identity_in_a_path_of_fakeavceleb_counts():
    real = "RealVideo-RealAudio/African/men/id00001/00012"
    fake = "FakeVideo-FakeAudio/African/men/id00002/00003_id00001_wavtolip"
    table = overlap(
        clips(
            (real, "train", 0, "real", "id00001", "id00001/00012"),
            (fake, "test", 1, "wav2lip", "id00002", "id00002/00003"),
        ),
        "fakeavceleb",
    )
    assert shared(table, "speaker")["keys_shared"] == 0
    row = shared(table, "named_identity")
    assert (row["keys"], row["keys_shared"], row["clips_shared"]) == (2, 1, 1)
    assert row["clips"] == 1


def test_balance_counts_by_split_class_and_manipulation():
    table = balance(
        clips(
            ("a", "test", 1, "swap", None, None),
            ("b", "test", 1, "sync", None, None),
            ("c", "test", 0, "real", None, None),
            ("d", "test", 0, "real", None, None),
            ("e", "train", None, "unknown", None, None),
        )
    )
    assert table.rows() == [
        ("train", "unknown", "unknown", 1, 1.0),
        ("test", "real", "real", 2, 0.5),
        ("test", "fake", "swap", 1, 0.25),
        ("test", "fake", "sync", 1, 0.25),
    ]
    assert table["share"].sum() == pytest.approx(2.0)

"""ExDDV: the quirks of section 11 of the data set notes, and its clicks."""

import json

import polars as pl
import pytest

from corpora_stand_ins import EXDDV_HEADER, EXDDV_ORIGINALS, FF, put_csv
from dfprobe.errors import DataError


def one_row(root, **changes):
    """Write a table of one row."""
    values = {
        "id": 0,
        "username": "Annotator1",
        "movie_name": "911_922.mp4",
        "text": "why",
        "dataset": "Farceforensics++",
        "manipulation": "FaceSwap",
        "click_locations": '{"5": {"x": 0.5, "y": 0.25}}',
        "difficulty": 1,
        "split": "test",
    } | changes
    header = ",".join(values)
    assert header.startswith(EXDDV_HEADER)
    put_csv(root / "ExDDV.csv", header, [values.values()])


def facts(frame, ending):
    return frame.row(by_predicate=pl.col("clip_id").str.ends_with(ending), named=True)


def test_clicks_are_sorted_and_moved_into_the_frame(stand_in, manifest):
    stand_in("exddv")
    clip = facts(manifest("exddv"), "901_M902")
    assert clip["clicks"] == [
        {"frame": 57, "x": 0.48, "y": 1.0},
        {"frame": 120, "x": 0.5, "y": 0.44},
    ]


def test_the_four_sets_and_their_methods(stand_in, manifest):
    stand_in("exddv")
    fakes = manifest("exddv").filter(pl.col("label") == 1)
    assert dict(fakes.select("clip_id", "manipulation").iter_rows()) == {
        "BioDeepAV/BioDeepAV/fake/videos/0f-1e": "BioDeepAV",
        "deeper-forensics/manipulated_videos/end_to_end/901_M902": "end_to_end",
        "dfdc/dfdc/dfdc_train_part_2/abcdefghij": "DFDC",
        f"{FF}/manipulated_sequences/Face2Face/c23/videos/911_922": "Face2Face",
        f"{FF}/manipulated_sequences/FaceSwap/c23/videos/911_922": "FaceSwap",
    }
    assert (fakes["content_key"] != "missing").all()
    assert fakes["video_fake"].all()
    assert fakes["audio_fake"].null_count() == fakes.height


def test_identity_is_the_original_or_the_actor_shown(stand_in, manifest):
    stand_in("exddv")
    frame = manifest("exddv")
    who = ("speaker", "source")
    swap = facts(frame, "FaceSwap/c23/videos/911_922")
    assert [swap[key] for key in who] == ["ff++/911", "ff++/911"]
    deeper = facts(frame, "901_M902")
    assert [deeper[key] for key in who] == ["M902", "ff++/901"]
    assert [facts(frame, "abcdefghij")[key] for key in who] == [None, None]
    assert [facts(frame, "youtube/c23/videos/911")[key] for key in who] == [
        "ff++/911",
        "ff++/911",
    ]


def test_a_video_listed_twice_is_taken_once(stand_in, manifest, caplog):
    stand_in("exddv")
    clip = facts(manifest("exddv"), "abcdefghij")
    assert [click["frame"] for click in clip["clicks"]] == [31]
    assert "1 rows name a video of an earlier row" in caplog.text
    assert "line 6" in caplog.text


def test_reals_of_a_list_take_its_splits(stand_in, manifest):
    stand_in("exddv listed reals")
    frame = manifest("exddv", options={"reals": "reals.csv"})
    reals = frame.filter(pl.col("label") == 0).select("clip_id", "split")
    assert reals.rows() == [
        (f"{EXDDV_ORIGINALS}/901", "test"),
        (f"{EXDDV_ORIGINALS}/911", "train"),
        (f"{EXDDV_ORIGINALS}/922", "val"),
    ]


def test_reals_on_disk_are_split_by_a_hash(put, manifest, root):
    one_row(root)
    put(*(f"{EXDDV_ORIGINALS}/{number:03d}.mp4" for number in range(1000)))
    reals = manifest("exddv").filter(pl.col("label") == 0)
    sizes = dict(reals["split"].value_counts().iter_rows())
    assert reals.height == 1000
    assert abs(sizes["train"] - 800) < 50
    assert abs(sizes["val"] - 100) < 40


def test_a_corpus_of_fakes_only_says_so(manifest, root, caplog):
    one_row(root)
    assert manifest("exddv")["label"].to_list() == [1]
    assert "this corpus has fakes only" in caplog.text


def test_the_authors_paths_are_used_where_the_table_has_them(manifest, root):
    one_row(root, full_path="elsewhere/911_922.mp4")
    assert manifest("exddv")["clip_id"].to_list() == ["elsewhere/911_922"]


def test_a_corrected_spelling_of_the_set(manifest, root):
    one_row(root, dataset="Faceforensics++")
    assert manifest("exddv")["manipulation"].to_list() == ["FaceSwap"]


def click(x, y, frame="5"):
    return json.dumps({frame: {"x": x, "y": y}})


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"dataset": "FF"}, ["'dataset'", "Deeperforensics", "'FF'"]),
        ({"split": "dev"}, ["'split'", "train or val or test", "'dev'"]),
        ({"movie_name": ""}, ["'movie_name'", "a name"]),
        ({"movie_name": "../x.mp4"}, ["'movie_name'", "without '/'"]),
        ({"manipulation": "../.."}, ["'manipulation'", "without '/'"]),
        ({"click_locations": ""}, ["'click_locations'", "an object such as"]),
        ({"click_locations": "[1]"}, ["'click_locations'", "[1]"]),
        ({"click_locations": '{"5": {"x": 1}}'}, ["'click_locations'"]),
        ({"click_locations": click(0.5, 1.2)}, ["'click_locations'", "in [0, 1]"]),
        ({"click_locations": click(float("nan"), 0)}, ["'click_locations'"]),
        ({"click_locations": click(0, 0, "a")}, ["'click_locations'"]),
        ({"click_locations": click(0, 0, "-1")}, ["'click_locations'"]),
        ({"click_locations": "[" * 100_000}, ["'click_locations'"]),
    ],
)
def test_malformed_rows_are_refused(changes, parts, manifest, root):
    one_row(root, **changes)
    with pytest.raises(DataError) as error:
        manifest("exddv")
    for part in ("ExDDV.csv", "line 2", *parts):
        assert part in str(error.value), str(error.value)[:500]


def test_a_manipulation_that_leaves_the_corpus(manifest, root):
    one_row(root, manipulation="..")
    with pytest.raises(DataError, match="inside the corpus folder"):
        manifest("exddv")

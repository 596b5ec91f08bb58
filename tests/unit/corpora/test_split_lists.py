"""Published lists: which clips stay, their splits, and what contradicts them."""

import polars as pl
import pytest

from corpora_stand_ins import favc_splits
from dfprobe.errors import ConfigError, DataError


@pytest.fixture
def lips(put):
    put("0_real/1.mp4", "0_real/2.mp4", "1_fake/1.mp4", "1_fake/2.mp4")


def test_listed_clips_stay_in_the_lists_splits(lips, lists, manifest, caplog):
    caplog.set_level("INFO", "dfprobe")
    splits = lists(
        train="0_real/1.mp4,0.0\n1_fake/1.mp4,1.0\n", test="1_fake/2.mp4,1\n"
    )
    frame = manifest("avlips", splits=splits).select("clip_id", "split", "label")
    assert frame.rows() == [
        ("0_real/1", "train", 0),
        ("1_fake/1", "train", 1),
        ("1_fake/2", "test", 1),
    ]
    assert "left out 1 clips in no published list" in caplog.text


def test_a_listed_clip_that_is_not_there_stays(lips, lists, manifest, caplog):
    splits = lists(test="1_fake/1.mp4,1\n1_fake/99.mp4,1\n")
    frame = manifest("avlips", splits=splits)
    row = frame.row(by_predicate=pl.col("clip_id") == "1_fake/99", named=True)
    assert row["content_key"] == "missing"
    assert (row["label"], row["split"], row["video_fake"]) == (1, "test", True)
    assert (row["audio_fake"], row["manipulation"]) == (False, "lip_sync")
    assert "1 listed clips are not described by the corpus" in caplog.text


def test_labels_that_disagree(lips, lists, manifest):
    splits = lists(test="0_real/1.mp4,1\n0_real/2.mp4,0\n1_fake/1.mp4,0\n")
    with pytest.raises(DataError, match="disagree") as error:
        manifest("avlips", splits=splits)
    assert "0_real/1.mp4" in str(error.value)
    assert "test_labels.csv, line 4: 0, not 1" in str(error.value)
    assert "0_real/2.mp4" not in str(error.value)


def test_a_clip_in_two_lists(lips, lists, manifest):
    splits = lists(train="0_real/1.mp4,0\n", test="0_real/1.mp4,0\n")
    with pytest.raises(
        DataError, match=r"test_labels\.csv, line 2.*train_labels\.csv, line 2"
    ):
        manifest("avlips", splits=splits)


def test_a_listed_path_that_leaves_the_corpus(put, lists, manifest):
    put("a.mp4")
    with pytest.raises(DataError, match="inside the corpus folder"):
        manifest("folder", splits=lists(test="../a.mp4,1\n"))


def test_lists_label_a_folder(put, lists, manifest):
    put("a.mp4", "b.mp4", "c.mp4")
    splits = lists(train="a.mp4,0\n", val="b.mp4,1\n", test="c.mp4,\n")
    frame = manifest("folder", splits=splits)
    assert frame.select("label", "split", "manipulation", "audio_fake").rows() == [
        (0, "train", "real", False),
        (1, "val", "unknown", None),
        (None, "test", "unknown", None),
    ]


def test_further_columns_are_not_read(put, lists, manifest, tmp_path):
    put("a.mp4")
    splits = lists(test="")
    text = "path,label,num_frames\na.mp4,0,187\n"
    (tmp_path / "splits/test_labels.csv").write_text(text)
    assert manifest("folder", splits=splits)["label"].item() == 0


def test_no_lists(put, manifest, tmp_path):
    put("a.mp4")
    with pytest.raises(DataError, match=r"train_labels\.csv.*splits: null"):
        manifest("folder", splits=str(tmp_path / "nowhere"))


def test_a_malformed_row(put, lists, manifest):
    put("a.mp4")
    with pytest.raises(DataError, match=r"val_labels\.csv, line 3, column 'label'"):
        manifest("folder", splits=lists(val="a.mp4,1\nb.mp4,x\n"))
    with pytest.raises(DataError, match=r"val_labels\.csv, line 2, column 'path'"):
        manifest("folder", splits=lists(val=",1\n"))


def test_a_layout_without_published_lists(put, lists, manifest):
    put("labels.csv", content="path,label\na.mp4,1\n")
    with pytest.raises(ConfigError, match=r"corpora\.mine\.splits.*path_list"):
        manifest("path_list", splits=lists(test="a.mp4,1\n"))


def test_lists_with_categories_label_by_category(stand_in, put_lists, manifest):
    stand_in("fakeavceleb")
    splits = put_lists(favc_splits())
    frame = manifest("fakeavceleb", splits=splits)
    assert frame.filter(pl.col("content_key") == "missing").height == 4
    kinds = frame.select(
        kind=pl.col("clip_id").str.split("/").list.first(), label="label"
    )
    assert set(kinds.rows()) == {
        ("RealVideo-RealAudio", 0),
        ("RealVideo-FakeAudio", 1),
        ("FakeVideo-RealAudio", 1),
        ("FakeVideo-FakeAudio", 1),
    }


def test_lists_with_categories_and_without_the_archive_name(
    stand_in, put_lists, manifest
):
    file = "RealVideo-RealAudio/African/men/id99001/00031.mp4"
    stand_in("fakeavceleb")
    text = f"source,category,full_path\nid99001,A,{file}\n"
    splits = put_lists({"test_split.csv": text})
    assert manifest("fakeavceleb", splits=splits)["label"].to_list() == [0]


def test_lists_with_categories_are_those_of_one_layout(put, put_lists, manifest):
    put("a/b.mp4")
    text = "source,category,full_path\nid1,A,a/b.mp4\n"
    splits = put_lists({"test_split.csv": text})
    with pytest.raises(DataError, match="header with path,label; got source,category"):
        manifest("folder", splits=splits)


def test_lists_of_reals_with_frame_numbers(stand_in, put_lists, manifest):
    stand_in("av_deepfake1m")
    rows = "id99003/AbCdEfGhI_k/00001/real.mp4,0,187\n"
    splits = put_lists({"train_metadata.csv": f"path,label,num_frames\n{rows}"})
    frame = manifest("av_deepfake1m", splits=splits)
    assert frame.select("split", "label", "speaker").rows() == [("train", 0, "id99003")]


def test_lists_as_windows_writes_them(put, put_lists, manifest):
    put("a b.mp4", "c.mp4")
    text = '\ufeffpath,label\r\n"a b.mp4",1.0\r\nc.mp4,0.0\r\n'
    frame = manifest("folder", splits=put_lists({"test_labels.csv": text}))
    assert frame.select("clip_id", "label").rows() == [("a b", 1), ("c", 0)]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("file,label\na.mp4,1\n", ["path,label", "file,label"]),
        ("path\na.mp4\n", ["line 1", "path,label", "got path"]),
        ("path,label,label\na.mp4,1,1\n", ["each column once"]),
        ("path,label\na.mp4,fake\n", ["line 2", "'label'", "'fake'"]),
        ("path,label\na.mp4,1\na.mp4,1\n", ["line 3", "once over all lists"]),
    ],
)
def test_malformed_lists_are_refused(text, parts, put, put_lists, manifest):
    put("a.mp4")
    with pytest.raises(DataError) as error:
        manifest("folder", splits=put_lists({"val_labels.csv": text}))
    for part in ("val_labels.csv", *parts):
        assert part in str(error.value), error.value


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("file,label\na.mp4,1\n", ["path,label", "full_path,category", "file,label"]),
        ("category,full_path\nE,a.mp4\n", ["line 2", "'category'", "C or D", "'E'"]),
        ("category,full_path\nA,\n", ["line 2", "'full_path'", "a path"]),
    ],
)
def test_malformed_lists_with_categories_are_refused(
    text, parts, stand_in, put_lists, manifest
):
    stand_in("fakeavceleb")
    with pytest.raises(DataError) as error:
        manifest("fakeavceleb", splits=put_lists({"val_split.csv": text}))
    for part in ("val_split.csv", *parts):
        assert part in str(error.value), error.value


def test_two_lists_of_one_split_are_refused(put, put_lists, manifest):
    put("a.mp4")
    text = "path,label\na.mp4,1\n"
    splits = put_lists({"val_labels.csv": text, "val_metadata.csv": text})
    with pytest.raises(DataError, match=r"val_labels\.csv and val_metadata\.csv"):
        manifest("folder", splits=splits)

"""Corpora that want to lead astray: names, links and tables made to do harm.

Every case ends in a clear error, or in a manifest that holds what is on disk.
"""

import json
import os
from pathlib import Path

import pytest

from corpora_stand_ins import SHELL_NAMES, av1m_entry, put_csv
from dfprobe.errors import DataError

LEAVING = ["../x.mp4", "/etc/x.mp4", "a/../../x.mp4", "..", "a/.."]


@pytest.fixture
def outside(root) -> Path:
    """Folder beside the corpus, with a video."""
    folder = root.parent / "other disk"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "a.mp4").write_bytes(b"video")
    return folder


def test_names_with_shell_characters_are_kept_as_they_are(stand_in, manifest):
    for layout in ("folder", "path_list"):
        root = stand_in(layout)
        frame = manifest(layout)
        files = {str(Path(path).relative_to(root)) for path in frame["path"]}
        assert set(SHELL_NAMES) <= files
        assert (frame["content_key"] != "missing").all()


@pytest.mark.parametrize("file", LEAVING)
def test_a_list_of_paths_that_leave_the_corpus(file, put, manifest, root):
    put("a/x.txt")
    put_csv(root / "labels.csv", "path,label", [(file, 1)])
    with pytest.raises(DataError, match="inside the corpus folder") as error:
        manifest("path_list")
    assert repr(file) in str(error.value)


@pytest.mark.parametrize("file", ["../../../x.mp4", "id1/../../x.mp4"])
def test_metadata_with_paths_that_leave_the_corpus(file, put, manifest):
    entry = av1m_entry("real", "id1/v/00001", file=file)
    put("train_metadata.json", content=json.dumps([entry]))
    with pytest.raises(DataError, match="inside the corpus folder"):
        manifest("av_deepfake1m")


def test_a_published_list_with_categories_that_leaves_the_corpus(
    stand_in, put_lists, manifest
):
    stand_in("fakeavceleb")
    file = "FakeAVCeleb/FakeVideo-FakeAudio/../../../a.mp4"
    text = f"category,full_path\nD,{file}\n"
    with pytest.raises(DataError, match="inside the corpus folder"):
        manifest("fakeavceleb", splits=put_lists({"test_split.csv": text}))


def test_a_name_with_a_null_byte(put, manifest):
    put("labels.csv", content="path,label\na\0.mp4,1\n")
    with pytest.raises(DataError, match=r"'a\\x00\.mp4'"):
        manifest("path_list")


def test_a_name_too_long_for_the_disk(put, manifest, root):
    put_csv(root / "labels.csv", "path,label", [("a" * 5000 + ".mp4", 1)])
    with pytest.raises(DataError, match="expected a file that can be read"):
        manifest("path_list")


def test_links_that_lead_out_are_refused_unless_they_may(outside, put, manifest, root):
    put("here.mp4")
    (root / "disk").symlink_to(outside)
    (root / "file.mp4").symlink_to(outside / "deep/a.mp4")
    with pytest.raises(DataError, match="links: anywhere"):
        manifest("folder")
    frame = manifest("folder", options={"links": "anywhere"})
    assert frame["clip_id"].to_list() == ["disk/deep/a", "file", "here"]
    assert (frame["content_key"] != "missing").all()


def test_a_folder_outside_is_not_even_looked_through(outside, put, manifest, root):
    put("here.mp4")
    (outside / "deep/a.mp4").unlink()
    (root / "disk").symlink_to(outside)
    with pytest.raises(DataError, match="inside the corpus folder"):
        manifest("folder")


def test_a_listed_file_behind_a_link_that_may_lead_out(outside, put, manifest, root):
    (root / "disk").symlink_to(outside)
    put("labels.csv", content="path,label\ndisk/deep/a.mp4,1\n")
    frame = manifest("path_list", options={"links": "anywhere"})
    assert frame["content_key"].item() != "missing"


def test_paths_that_leave_stay_refused_where_links_may(outside, put, manifest):
    put("labels.csv", content="path,label\n../other disk/deep/a.mp4,1\n")
    with pytest.raises(DataError, match="inside the corpus folder"):
        manifest("path_list", options={"links": "anywhere"})


def test_links_in_circles_end(outside, put, manifest, root):
    put("here.mp4")
    (root / "self.mp4").symlink_to("self.mp4")
    (root / "up").symlink_to(root.parent)
    (root / "disk").symlink_to(outside)
    (root / "again").symlink_to(outside)
    (outside / "back").symlink_to(root)
    (outside / "round").symlink_to(outside)
    with pytest.raises(DataError, match=r"'self\.mp4'.*symbolic links"):
        manifest("folder", options={"links": "anywhere"})
    (root / "self.mp4").unlink()
    frame = manifest("folder", options={"links": "anywhere"})
    assert frame.height == 2  # here, and the one outside through either link


def test_special_files_are_no_videos(put, manifest, root):
    put("here.mp4")
    os.mkfifo(root / "pipe.mp4")
    frame = manifest("folder")
    keys = dict(frame.select("clip_id", "content_key").iter_rows())
    assert keys["pipe"] == "missing" != keys["here"]


def test_a_folder_in_the_place_of_a_table(put, manifest, root):
    (root / "labels.csv").mkdir()
    with pytest.raises(DataError, match=r"labels\.csv: expected a CSV file"):
        manifest("path_list")


def test_a_folder_in_the_place_of_metadata(put, manifest, root):
    (root / "train_metadata.json").mkdir()
    with pytest.raises(DataError, match=r"train_metadata\.json: expected JSON"):
        manifest("av_deepfake1m")


REAL = json.dumps(av1m_entry("real", "id1/v/00001"))
OTHER = json.dumps(av1m_entry("real", "id1/v/00002"))


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 100_000, f"[{REAL}, {OTHER[:50]}", f"[{REAL} {OTHER}]"),
        *(f"[{REAL}] []", '"text', "", "[1e999, -]"),
    ],
    ids=["nested", "cut", "no comma", "two lists", "no list", "empty", "no number"],
)
def test_broken_json_is_refused(text, put, manifest):
    put("train_metadata.json", content=text)
    with pytest.raises(DataError, match=r"train_metadata\.json"):
        manifest("av_deepfake1m")


def test_broken_json_beside_a_clip_is_refused(put, manifest):
    put("train_metadata/id1/v/00001/real.json", content="[" * 100_000)
    with pytest.raises(DataError, match=r"real\.json: expected JSON"):
        manifest("av_deepfake1m")


def test_a_clip_listed_twice_in_the_metadata(put, manifest):
    entries = [av1m_entry("real", "id1/v/00001")] * 2
    put("train_metadata.json", content=json.dumps(entries))
    with pytest.raises(DataError, match="each clip id"):
        manifest("av_deepfake1m")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("path,label\na.mp4,1\na.mp4,1\n", ["a.mp4 and a.mp4"]),
        ("path,label\na.mp4,1\na.mp4,0\n", ["a.mp4 and a.mp4"]),
        ("path,path,label\na.mp4,b.mp4,1\n", ["line 1", "each column once"]),
        ("path\na.mp4\n", ["line 1", "path, label"]),
        ("path,label\na.mp4\n", ["line 2", "2 cells"]),
        ("path,label\na.mp4,REAL\n", ["line 2", "'label'", "'REAL'"]),
        ('path,label\n"a.mp4,1\n', ["line 2", "quotes in pairs"]),
        ("path\tlabel\na.mp4\t1\n", ["line 1", "path, label"]),
    ],
)
def test_malformed_tables_are_refused(text, parts, put, manifest):
    put("a.mp4")
    put("labels.csv", content=text)
    with pytest.raises(DataError) as error:
        manifest("path_list")
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize("encoding", ["utf-16", "latin-1"])
def test_a_table_in_another_encoding(encoding, manifest, root):
    (root / "labels.csv").write_text("path,label\nä.mp4,1\n", encoding=encoding)
    with pytest.raises(DataError, match="UTF-8"):
        manifest("path_list")


def test_a_table_as_a_spreadsheet_saves_it(put, manifest, root):
    put("ä b.mp4", "c.mp4")
    text = '\ufeff"path","label"\r\n"ä b.mp4","1"\r\n\r\n"c.mp4","0.0"\r\n'
    (root / "labels.csv").write_bytes(text.encode())
    frame = manifest("path_list")
    assert frame.select("clip_id", "label").rows() == [("c", 0), ("ä b", 1)]

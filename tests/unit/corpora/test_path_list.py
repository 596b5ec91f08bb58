"""CSV files of path and label, with and without the optional columns."""

import pytest

from dfprobe.errors import DataError


def test_only_path_and_label(put, manifest):
    put("labels.csv", content="path,label\na.mp4,0.0\nb.mp4,1\nc.mp4,\n")
    frame = manifest("path_list")
    facts = ("label", "split", "manipulation", "audio_fake", "video_fake", "speaker")
    assert frame.select(facts).rows() == [
        (0, "test", "real", False, False, None),
        (1, "test", "unknown", None, None, None),
        (None, "test", "unknown", None, None, None),
    ]


def test_all_columns(put, manifest):
    header = "source,label,path,speaker,manipulation,split,note\n"
    put("x/my.csv", content=f"{header}s1,1,a.mp4,anna,swap,train,-\n,0,b.mp4,,,val,-\n")
    frame = manifest("path_list", options={"files": ["x/my.csv"], "split": "train"})
    assert frame.select("source", "speaker", "manipulation", "split").rows() == [
        ("s1", "anna", "swap", "train"),
        (None, None, "real", "val"),
    ]


def test_several_files_and_another_split(put, manifest):
    put("1.csv", content="path,label\na.mp4,0\n")
    put("2.csv", content="path,label,split\nb.mp4,1,test\n")
    frame = manifest("path_list", options={"files": ["1.csv", "2.csv"], "split": "val"})
    assert frame.select("clip_id", "split").rows() == [("a", "val"), ("b", "test")]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("path,label\na.mp4,yes\n", ["line 2", "'label'", "'yes'"]),
        ("path,label\n,1\n", ["line 2", "'path'"]),
        ("path,label,split\na,1,dev\n", ["line 2", "'split'", "'dev'"]),
        ("path,label,manipulation\na,0,swap\n", ["line 2", "'manipulation'", "'swap'"]),
        ("path,label,manipulation\na,1,real\n", ["line 2", "'manipulation'", "'real'"]),
        ("file,label\na,1\n", ["line 1", "path, label", "file,label"]),
    ],
)
def test_malformed(text, parts, put, manifest):
    put("labels.csv", content=text)
    with pytest.raises(DataError) as error:
        manifest("path_list")
    assert "labels.csv" in str(error.value)
    assert all(part in str(error.value) for part in parts), error.value


def test_absent_file(manifest):
    with pytest.raises(DataError, match=r"labels\.csv.*absent"):
        manifest("path_list")

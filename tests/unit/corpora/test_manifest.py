"""What make_manifest does for every layout, seen through the two simplest."""

import hashlib
import json
import os
import time
from pathlib import Path

import polars as pl
import pytest

from dfprobe.clip_ids import clip_id_of, shard_of
from dfprobe.corpora.clip import plain_clip
from dfprobe.corpora.layouts import folder
from dfprobe.corpora.manifest import SCHEMA
from dfprobe.errors import ConfigError, DataError

ODD_NAMES = [
    "-starts with dash.mp4",
    'two  spaces/o\'hara "x".mp4',
    "semi;colon,comma.mp4",
    "видео/日本語.webm",
    "dots.in.name.mp4",
    "[a]*?.mp4",
]


def test_columns_and_order(put, manifest, root):
    put("b.mp4", "a/c.mp4", "B.mp4")
    frame = manifest("folder")
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame["clip_id"].to_list() == ["B", "a/c", "b"]
    assert frame["path"].to_list() == [
        f"{root}/{name}" for name in ("B.mp4", "a/c.mp4", "b.mp4")
    ]


def test_blocks_make_the_same_table(put, manifest, monkeypatch):
    put(*(f"{number}.mp4" for number in range(5)))
    expected = manifest("folder", shards=3)
    monkeypatch.setattr("dfprobe.corpora.manifest._BLOCK", 2)
    assert manifest("folder", shards=3).equals(expected)


def test_relative_root_stays_relative(put, manifest, root, monkeypatch):
    put("a.mp4")
    monkeypatch.chdir(root.parent)
    frame = manifest("folder", root="corpus/")
    assert frame["path"].to_list() == ["corpus/a.mp4"]


def test_same_corpus_gives_same_bytes(put, manifest, tmp_path):
    put(*(f"{i}.mp4" for i in range(50)))
    manifest("folder", shards=3)
    first = (tmp_path / "manifest.parquet").read_bytes()
    manifest("folder", shards=3)
    assert (tmp_path / "manifest.parquet").read_bytes() == first


@pytest.mark.parametrize("layout", ["folder", "path_list"])
def test_odd_names(layout, put, manifest):
    put(*ODD_NAMES)
    rows = [f'"{name.replace(chr(34), chr(34) * 2)}",1' for name in ODD_NAMES]
    put("labels.csv", content="\n".join(["path,label", *rows, ""]))
    frame = manifest(layout)
    assert frame["clip_id"].to_list() == sorted(map(clip_id_of, ODD_NAMES))
    assert (frame["content_key"] != "missing").all()
    assert all(Path(path).is_file() for path in frame["path"])


def test_clip_id_keeps_inner_dots():
    assert clip_id_of("a.b/c.d.mp4") == "a.b/c.d"


def test_shards_are_stable_and_balanced():
    ids = [f"clip{i}" for i in range(4000)]
    shards = [shard_of(clip_id, 4) for clip_id in ids]
    assert (
        shard_of("clip0", 4)
        == f"{int(hashlib.sha256(b'clip0').hexdigest()[:16], 16) % 4:03d}"
    )
    assert all(900 < shards.count(f"00{k}") < 1100 for k in range(4))


def test_an_added_clip_moves_no_other(put, manifest):
    put(*(f"{i}.mp4" for i in range(30)))
    before = manifest("folder", shards=5)
    put("a-new.mp4")
    after = manifest("folder", shards=5)
    assert after.filter(pl.col("clip_id") != "a-new").equals(before)
    assert after.height == 31


def test_stat_key_follows_size_and_time(put, manifest, root):
    put("a.mp4", "b.mp4")
    before = manifest("folder")["content_key"].to_list()
    state = (root / "a.mp4").stat()
    assert before[0] == f"{state.st_size}-{state.st_mtime_ns}"
    os.utime(root / "a.mp4", ns=(1, 123_456_789))
    after = manifest("folder")["content_key"].to_list()
    assert after == [f"{state.st_size}-123456789", before[1]]


def test_hash_key_follows_content_only(put, manifest, root):
    put("a.mp4")
    before = manifest("folder", content_key="hash")["content_key"].item()
    assert before == hashlib.sha256(b"video").hexdigest()
    os.utime(root / "a.mp4", ns=(1, 1))
    assert manifest("folder", content_key="hash")["content_key"].item() == before


def test_named_but_absent_clips_stay(put, manifest, caplog):
    put("here.mp4", "a-folder.mp4/x.txt", "file.mp4")
    rows = "here.mp4,0\ngone.mp4,1\na-folder.mp4,1\nfile.mp4/inside.mp4,1\n"
    put("labels.csv", content=f"path,label\n{rows}")
    frame = manifest("path_list")
    absent = frame.filter(pl.col("content_key") == "missing")["clip_id"].to_list()
    assert absent == ["a-folder", "file.mp4/inside", "gone"]
    assert "3 of 4 clips are not on disk" in caplog.text


def test_absent_corpus(manifest, root):
    with pytest.raises(DataError) as error:
        manifest("folder", root=str(root / "nowhere"))
    for part in ("'mine'", "folder", "nowhere", "corpora.mine.root"):
        assert part in str(error.value)


def test_empty_corpus(manifest):
    with pytest.raises(DataError, match=r"'mine'.*got none"):
        manifest("folder")


def test_unknown_layout(manifest):
    with pytest.raises(ConfigError) as error:
        manifest("fakeavcelebs")
    assert "Did you mean 'fakeavceleb'" in str(error.value)
    assert "avlips" in str(error.value)


@pytest.mark.parametrize("name", ["base", "manifest", "demo", "demo.make", "os"])
def test_a_module_that_is_no_layout(name, manifest):
    with pytest.raises(ConfigError, match="no corpus layout"):
        manifest(name)


def test_unknown_option(manifest):
    with pytest.raises(
        ConfigError, match=r"'folder', options\.deep: unknown key .* Known keys: links"
    ):
        manifest("folder", options={"deep": True})


@pytest.mark.parametrize(
    "file", ["../x.mp4", "/etc/x.mp4", "a/../../x.mp4", "a/../b.mp4"]
)
def test_a_path_that_leaves_the_corpus(file, put, manifest):
    put("labels.csv", content=f"path,label\n{file},1\n")
    with pytest.raises(DataError, match="inside the corpus folder") as error:
        manifest("path_list")
    assert repr(file) in str(error.value)


@pytest.mark.parametrize("file", ["./a.mp4", "a//b.mp4", "a/./b.mp4"])
def test_a_path_that_is_not_plain(file, put, manifest):
    put("labels.csv", content=f"path,label\n{file},1\n")
    with pytest.raises(DataError, match=r"without '\.' and empty parts"):
        manifest("path_list")


def test_dots_in_a_name_do_not_leave_the_corpus(put, manifest):
    put("a..b.mp4", "..c/d.mp4")
    assert manifest("folder")["clip_id"].to_list() == ["..c/d", "a..b"]


def test_a_linked_file_that_leaves_the_corpus(put, manifest, root):
    outside = root.parent / "outside.mp4"
    outside.write_bytes(b"x")
    (root / "link.mp4").symlink_to(outside)
    with pytest.raises(DataError) as error:
        manifest("folder")
    assert "'link.mp4'" in str(error.value)
    assert str(outside) in str(error.value)


@pytest.mark.parametrize("layout", ["folder", "path_list"])
def test_a_linked_folder_that_leaves_the_corpus(layout, put, manifest, root):
    outside = root.parent / "corpus-two"  # begins like the corpus folder
    outside.mkdir()
    (outside / "a.mp4").write_bytes(b"x")
    (root / "link").symlink_to(outside)
    put("labels.csv", content="path,label\nlink/a.mp4,1\n")
    with pytest.raises(DataError, match="inside the corpus folder"):
        manifest(layout)


def test_links_inside_the_corpus_and_a_linked_root(put, manifest, root):
    put("real/a.mp4")
    (root / "again.mp4").symlink_to("real/a.mp4")
    (root / "folder").symlink_to("real")
    (root / "broken.mp4").symlink_to("real/gone.mp4")
    linked_root = root.parent / "linked"
    linked_root.symlink_to(root)
    frame = manifest("folder", root=str(linked_root))
    keys = dict(frame.select("clip_id", "content_key").iter_rows())
    assert list(keys) == ["again", "broken", "real/a"]
    assert keys["again"] == keys["real/a"] != "missing"
    assert keys["broken"] == "missing"


def test_a_name_that_is_no_text(manifest, root):
    Path(os.fsdecode(os.fsencode(root) + b"/\xff.mp4")).write_bytes(b"x")
    with pytest.raises(DataError, match="UTF-8"):
        manifest("folder")


@pytest.mark.parametrize("files", [("a.mp4", "a.webm"), ("a.mp4", "a.MP4")])
def test_files_that_share_an_id(files, put, manifest):
    put(*files)
    with pytest.raises(DataError) as error:
        manifest("folder")
    assert all(file in str(error.value) for file in files)


def test_a_clip_named_twice(put, manifest):
    put("labels.csv", content="path,label\na.mp4,1\na.mp4,1\n")
    with pytest.raises(DataError, match=r"a\.mp4 and a\.mp4"):
        manifest("path_list")


def test_nothing_is_written_on_an_error(put, manifest, tmp_path):
    put("a.mp4", "a.webm")
    with pytest.raises(DataError):
        manifest("folder")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["corpus"]


def test_hundred_thousand_clips_take_seconds(put, manifest):
    fake = [[1.16, 1.72], [4.6, 5.0]]
    entries = [
        {
            "file": f"id{i % 1600:05d}/v{i // 8}/{i:05d}/{name}.mp4",
            "modify_type": kind,
            "fake_segments": segments,
            "audio_fake_segments": segments,
            "visual_fake_segments": segments,
        }
        for i in range(50_000)
        for name, kind, segments in (
            ("real", "real", []),
            ("fake_video_fake_audio", "both_modified", fake),
        )
    ]
    put("train_metadata.json", content=json.dumps(entries))
    begin = time.process_time()
    frame = manifest("av_deepfake1m", shards=100)
    assert time.process_time() - begin < 20  # about 2 s; quadratic work takes minutes
    assert frame.height == 100_000


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"split": "dev"}, "split train, val, test"),
        ({"label": 2}, "label 0, 1 or null"),
        ({"label": 0}, "manipulation 'real' for reals only"),
        ({"manipulation": "real"}, "manipulation 'real' for reals only"),
        ({"manipulation": None}, "a value in every column"),
    ],
)
def test_a_layout_that_breaks_the_contract(changes, told, put, manifest, monkeypatch):
    put("a.mp4")
    clip = plain_clip("a.mp4", "test", 1)._replace(**changes)
    monkeypatch.setattr(folder, "scan", lambda root, options: [clip])
    with pytest.raises(DataError, match=told) as error:
        manifest("folder")
    assert "layout folder" in str(error.value)

"""What holds for every corpus layout in the package, also for one added tomorrow.

A new layout needs a function in ``CORPORA`` that writes a small stand-in corpus with
at least one clip on disk and one that is not labelled real.
"""

import json
from pathlib import Path

import jsonschema
import polars as pl
import pytest

from dfprobe.corpora import layouts
from dfprobe.corpora.base import SPLITS, Clip
from dfprobe.corpora.manifest import SCHEMA, make_manifest


def _put(root: Path, *files: str, content: str = "video") -> None:
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")


def _fakeavceleb(root: Path) -> None:
    header = "source,target1,target2,method,category,type,race,gender,path,\n"
    row = "id1,-,-,{0},{1},{2},Asian (East),men,00001.mp4,FakeAVCeleb/{2}/{3}\n"
    rows = ""
    for method, category, kind in (
        ("real", "A", "RealVideo-RealAudio"),
        ("wav2lip", "D", "FakeVideo-FakeAudio"),
    ):
        rows += row.format(method, category, kind, "Asian (East)/men/id1")
        _put(root, f"{kind}/Asian (East)/men/id1/00001.mp4")
    _put(root, "meta_data.csv", content=header + rows)


def _av_deepfake1m(root: Path) -> None:
    entries = [
        {
            "file": f"id1/-v/00001/{name}.mp4",
            "modify_type": kind,
            "fake_segments": segments,
            "audio_fake_segments": segments,
            "visual_fake_segments": segments,
        }
        for name, kind, segments in (
            ("real", "real", []),
            ("fake_video_fake_audio", "both_modified", [[0.5, 1.16]]),
        )
    ]
    _put(root, "train_metadata.json", "val_metadata.json", content=json.dumps(entries))
    _put(root, *(f"{part}/{e['file']}" for part in ("train", "val") for e in entries))


def _avlips(root: Path) -> None:
    _put(root, "0_real/1.mp4", "1_fake/1.mp4")


def _deepfake_eval_2024(root: Path) -> None:
    table = (
        "Filename,Date,Video Ground Truth,Audio Ground Truth,Public Comments,"
        "Finetuning Set\n-a.mp4,2024-05-02,Fake,Unknown,,train\n"
        "b.mp4,x,Real,Real,,test\n"
    )
    _put(root, "video-metadata-publish.csv", content=table)
    _put(root, "video-data/-a.mp4", "video-data/b.mp4")


def _path_list(root: Path) -> None:
    _put(root, "labels.csv", content="path,label\na.mp4,0\nb.mp4,1\n")
    _put(root, "a.mp4", "b.mp4")


def _folder(root: Path) -> None:
    _put(root, "a.mp4", "b/c.webm")


CORPORA = {
    "fakeavceleb": _fakeavceleb,
    "av_deepfake1m": _av_deepfake1m,
    "avlips": _avlips,
    "deepfake_eval_2024": _deepfake_eval_2024,
    "path_list": _path_list,
    "folder": _folder,
}

pytestmark = pytest.mark.parametrize("layout", layouts.layouts())


def _root(layout: str, tmp_path: Path) -> Path:
    assert layout in CORPORA, f"add a stand-in corpus of layout {layout} to CORPORA"
    root = tmp_path / layout
    root.mkdir()
    CORPORA[layout](root)
    return root


def _manifest(layout: str, root: Path, out: Path, **changes: object) -> pl.DataFrame:
    spec: dict[str, object] = {
        "layout": layout,
        "root": str(root),
        "splits": None,
        "fakes": "any",
        "shards": 2,
        "content_key": "stat",
        "options": {},
    }
    make_manifest("mine", spec | changes, out)
    return pl.read_parquet(out)


def test_options_are_described_and_their_defaults_valid(layout):
    for name, option in layouts.layout_options(layout).items():
        assert option["description"], name
        jsonschema.validate(option["default"], option)


def test_scan_gives_clips(layout, tmp_path):
    root = _root(layout, tmp_path)
    module = layouts.load_layout(layout)
    clips = module.scan(root, layouts.complete_options(layout, {}))
    assert clips and all(type(clip) is Clip for clip in clips)
    assert any((root / clip.file).is_file() for clip in clips)


def test_manifest(layout, tmp_path):
    frame = _manifest(layout, _root(layout, tmp_path), tmp_path / "m.parquet")
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame["clip_id"].is_sorted() and frame["clip_id"].is_unique().all()
    assert frame["split"].is_in(SPLITS).all()
    assert frame["shard"].is_in(["000", "001"]).all()
    real = frame["label"] == 0
    assert (frame["manipulation"] == "real").equals(real.fill_null(False))
    for clip_id, path in frame.select("clip_id", "path").iter_rows():
        assert Path(path).is_file()
        assert path.startswith(f"{tmp_path}/{layout}/{clip_id}.")
    for stream in ("audio", "video"):
        untouched = frame.filter(~pl.col(f"{stream}_fake").fill_null(True))
        assert (untouched[f"{stream}_fake_segments"].list.len() == 0).all()


def test_manifest_is_the_same_twice(layout, tmp_path):
    root = _root(layout, tmp_path)
    _manifest(layout, root, tmp_path / "1.parquet", content_key="hash")
    _manifest(layout, root, tmp_path / "2.parquet", content_key="hash")
    first, second = (tmp_path / f"{i}.parquet" for i in (1, 2))
    assert first.read_bytes() == second.read_bytes()


def test_a_vanished_clip_stays_in_the_manifest_or_was_never_named(layout, tmp_path):
    root = _root(layout, tmp_path)
    before = _manifest(layout, root, tmp_path / "m.parquet")
    Path(before["path"][0]).unlink()
    after = _manifest(layout, root, tmp_path / "m.parquet")
    lost = before.filter(~pl.col("clip_id").is_in(after["clip_id"].to_list()))
    missing = after.filter(pl.col("content_key") == "missing")
    assert lost.height + missing.height == 1
    described = layout not in ("avlips", "folder")  # these have no metadata
    assert missing.height == int(described)


def test_listed_reads_the_paths_that_scan_gives(layout, tmp_path):
    module = layouts.load_layout(layout)
    if not hasattr(module, "listed"):
        pytest.skip("no lists are published for this layout")
    if layout == "av_deepfake1m":
        pytest.skip("its lists are relative to the folders of its parts")
    root = _root(layout, tmp_path)
    for clip in module.scan(root, layouts.complete_options(layout, {})):
        named = module.listed(clip.split, clip.file, clip.label)
        assert clip.file in [candidate.file for candidate in named]
        assert {candidate.label for candidate in named} == {clip.label}

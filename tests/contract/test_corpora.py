"""What holds for every corpus layout in the package, also for one added tomorrow.

A new layout needs an entry in ``corpora_stand_ins.CORPORA`` that writes a small
stand-in corpus with at least one clip on disk.
"""

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from corpora_stand_ins import CORPORA, put_text, real_media, some_bytes
from dfprobe.corpora.clip import SPLITS, Clip, load_layout
from dfprobe.corpora.manifest import SCHEMA, make_manifest, told_clips
from dfprobe.media.clip import crop_clip
from dfprobe.media.faces import FaceFinder
from dfprobe.settings.corpus_layouts import (
    complete_options,
    keys_in_path,
    layout_options,
    layouts,
    tells,
)
from dfprobe.settings.stage_specs.corpora import ManifestSpec
from dfprobe.status import Status
from typed_specs import typed

every_corpus = pytest.mark.parametrize("name", list(CORPORA))
every_listed_corpus = pytest.mark.parametrize(
    "name", [name for name, corpus in CORPORA.items() if corpus.lists]
)
NO_FACE = FaceFinder(
    lambda frame: [],
    lambda frame, box: np.zeros((68, 2)),
    lambda frame, box: [],
)


def _root(name: str, tmp_path: Path) -> Path:
    root = tmp_path / "corpus"
    CORPORA[name].write(root, some_bytes)
    return root


def _lists(name: str, tmp_path: Path) -> str:
    for file, text in CORPORA[name].lists.items():
        put_text(tmp_path / "splits" / file, text)
    return str(tmp_path / "splits")


def _manifest(name: str, root: Path, out: Path, **changes: object) -> pl.DataFrame:
    spec: dict[str, object] = {
        "layout": CORPORA[name].layout,
        "root": str(root),
        "splits": None,
        "fakes": "any",
        "shards": 2,
        "content_key": "stat",
        "options": CORPORA[name].options,
    }
    make_manifest("mine", typed(ManifestSpec, spec | changes), out)
    return pl.read_parquet(out)


def _scan(name: str, root: Path) -> list[Clip]:
    layout, options = CORPORA[name].layout, CORPORA[name].options
    module = load_layout(layout)
    return module.scan(root, complete_options(layout, options))


@pytest.mark.parametrize("layout", layouts())
def test_every_layout_has_a_stand_in(layout):
    assert layout in {corpus.layout for corpus in CORPORA.values()}


@pytest.mark.parametrize("layout", layouts())
def test_options_are_described_and_their_defaults_valid(layout):
    for name, option in layout_options(layout).model_fields.items():
        assert option.description, name
    assert (
        complete_options(layout, {}).keys()
        == layout_options(layout).model_fields.keys()
    )


@every_corpus
def test_scan_gives_clips(name, tmp_path):
    root = _root(name, tmp_path)
    clips = _scan(name, root)
    assert clips and all(type(clip) is Clip for clip in clips)
    absent = [clip for clip in clips if not (root / clip.file).is_file()]
    assert len(absent) == CORPORA[name].absent < len(clips)


@every_corpus
def test_manifest(name, tmp_path):
    frame = _manifest(name, _root(name, tmp_path), tmp_path / "m.parquet")
    assert frame.schema == pl.Schema(SCHEMA)
    assert frame["clip_id"].is_sorted() and frame["clip_id"].is_unique().all()
    assert frame["split"].is_in(SPLITS).all()
    assert frame["shard"].is_in(["000", "001"]).all()
    real = frame["label"] == 0
    assert (frame["manipulation"] == "real").equals(real.fill_null(False))
    for clip_id, path, key in frame.select(
        "clip_id", "path", "content_key"
    ).iter_rows():
        assert Path(path).is_file() == (key != "missing")
        assert path.startswith(f"{tmp_path}/corpus/{clip_id}.")


@pytest.mark.parametrize("layout", layouts())
def test_a_layout_tells_what_it_declares(layout, tmp_path):
    """What it tells without declaring it, no manifest has: that is refused."""
    told = set()
    for name, corpus in CORPORA.items():
        if corpus.layout == layout:
            folder = tmp_path / name
            frame = _manifest(name, _root(name, folder), folder / "m.parquet")
            told |= {what for what, clips in told_clips(frame).items() if clips}
    assert told == set(tells(layout))


@pytest.mark.parametrize("layout", layouts())
def test_declared_keys_are_found_in_every_path(layout, tmp_path):
    [name, *_] = [n for n, corpus in CORPORA.items() if corpus.layout == layout]
    frame = _manifest(name, _root(name, tmp_path), tmp_path / "m.parquet")
    for pattern in keys_in_path(layout).values():
        found = [re.findall(pattern, clip_id) for clip_id in frame["clip_id"]]
        assert all(found)
        assert all(isinstance(key, str) and key for keys in found for key in keys)


@every_corpus
def test_only_what_is_fake_has_segments_and_clicks(name, tmp_path):
    frame = _manifest(name, _root(name, tmp_path), tmp_path / "m.parquet")
    for stream in ("audio", "video"):
        untouched = frame.filter(~pl.col(f"{stream}_fake").fill_null(True))
        assert (untouched[f"{stream}_fake_segments"].list.len() == 0).all()
    clicked = frame.filter(pl.col("clicks").list.len() > 0)
    assert (clicked["label"] == 1).all()
    assert clicked.is_empty() == (CORPORA[name].layout != "exddv")


@every_corpus
def test_manifest_is_the_same_twice(name, tmp_path):
    root = _root(name, tmp_path)
    _manifest(name, root, tmp_path / "1.parquet", content_key="hash")
    _manifest(name, root, tmp_path / "2.parquet", content_key="hash")
    first, second = (tmp_path / f"{i}.parquet" for i in (1, 2))
    assert first.read_bytes() == second.read_bytes()


@every_corpus
def test_a_vanished_clip_stays_in_the_manifest_or_was_never_named(name, tmp_path):
    root = _root(name, tmp_path)
    before = _manifest(name, root, tmp_path / "m.parquet")
    there = before.filter(pl.col("content_key") != "missing")
    Path(there["path"][0]).unlink()
    after = _manifest(name, root, tmp_path / "m.parquet")
    missing = (after["content_key"] == "missing").sum() - CORPORA[name].absent
    assert before.height - after.height + missing == 1
    undescribed = ("avlips", "folder", "voxceleb2")  # have no metadata
    assert missing == int(CORPORA[name].layout not in undescribed)


@every_listed_corpus
def test_published_lists_name_clips_of_the_corpus(name, tmp_path):
    root, splits = _root(name, tmp_path), _lists(name, tmp_path)
    frame = _manifest(name, root, tmp_path / "m.parquet", splits=splits)
    rows = {
        file.split("_")[0]: text.splitlines()[1:]
        for file, text in CORPORA[name].lists.items()
    }
    for split, lines in rows.items():
        assert (frame["split"] == split).sum() == len(lines)
    assert frame.height == sum(map(len, rows.values()))
    described = {clip.file for clip in _scan(name, root)}
    files = {str(Path(path).relative_to(root)) for path in frame["path"]}
    assert files <= described


@every_corpus
def test_every_clip_ends_as_ok_or_as_a_named_status(name, tmp_path):
    root = tmp_path / "corpus"
    CORPORA[name].write(root, real_media)
    frame = _manifest(name, root, tmp_path / "m.parquet")
    for path, key in frame.select("path", "content_key").iter_rows():
        if key == "missing":
            continue
        row, _ = crop_clip(Path(path), NO_FACE, 5)
        whole = (Status.OK, Status.NO_VIDEO, Status.NO_AUDIO)
        cut = "D1w2E3r4" in path
        allowed = (Status.UNREADABLE,) if cut else whole
        assert row["video_status"] in allowed, path
        assert row["audio_status"] in allowed, path

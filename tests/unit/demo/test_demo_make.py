"""Demo corpora on disk: native layouts, pairs, resume, clean-up, same bytes."""

import csv
import json
import logging
from dataclasses import replace

import numpy as np
import pytest

from dfprobe.corpora.manifest import make_manifest
from dfprobe.demo import film, make
from dfprobe.demo.make import make_demo, planner
from dfprobe.demo.plans import deepfake_eval_2024
from dfprobe.demo.plans.plan import Recording
from dfprobe.errors import ConfigError, DataError
from dfprobe.settings.corpora import Demo, Sources
from dfprobe.settings.stage_specs.corpora import ManifestSpec
from dfprobe.store.listing import changes_since, listing_text

SIZES = {
    "fakeavceleb": {"train": 12, "val": 4, "test": 8},
    "av_deepfake1m": {"train": 12, "val": 4, "test": 8},
    "avlips": {"train": 0, "val": 0, "test": 8},
    "deepfake_eval_2024": {"train": 0, "val": 0, "test": 44},
}
METHODS = {
    "A": {"real"},
    "B": {"rtvc"},
    "C": {"wav2lip", "faceswap"},
    "D": {"wav2lip", "faceswap-wav2lip"},
}


def read_rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.reader(file))


def manifest_of(demo, layout, tmp_path, splits, fakes):
    pl = pytest.importorskip("polars")
    spec = ManifestSpec(
        layout=layout,
        root=str(demo.root),
        splits=str(demo.splits) if splits else None,
        fakes=fakes,
        shards=1,
        content_key="stat",
        options={},
    )
    make_manifest("demo", spec, tmp_path / "manifest.parquet")
    return pl.read_parquet(tmp_path / "manifest.parquet")


def test_fakeavceleb_layout(favc, tmp_path):
    rows = read_rows(favc.root / "meta_data.csv")
    assert ",".join(rows[0]) == (
        "source,target1,target2,method,category,type,race,gender,path,"
    )
    assert {row[4] for row in rows[1:]} == set("ABCD")
    for row in rows[1:]:
        folder = row[9].removeprefix("FakeAVCeleb/")
        assert folder == "/".join([row[5], row[6], row[7], row[0]])
        assert (favc.root / folder / row[8]).is_file()
        assert row[3] in METHODS[row[4]]
    assert any("(" in row[6] for row in rows[1:])
    listed = read_rows(favc.splits / "test_labels.csv")
    assert listed[0] == ["path", "label"]
    assert [row[1] for row in listed[1:]] == ["0.0", "1.0"] * 2
    assert not any(" " in row[0] or "(" in row[0] for row in listed)
    table = manifest_of(favc, "fakeavceleb", tmp_path, True, "both")
    assert table["label"].to_list().count(0) == table["label"].to_list().count(1) == 3
    assert "missing" not in table["content_key"].to_list()


def test_av_deepfake1m_layout(av1m, tmp_path):
    lists = {}
    for folder in ("train", "val"):
        lists[folder] = json.loads((av1m.root / f"{folder}_metadata.json").read_text())
        for entry in lists[folder]:
            file = entry["file"]
            sidecar = av1m.root / f"{folder}_metadata" / file.replace(".mp4", ".json")
            assert json.loads(sidecar.read_text()) == entry
            assert (av1m.root / folder / file).is_file()
    names = {entry["file"].rsplit("/")[-1] for entry in lists["train"]}
    assert names == {
        "real.mp4",
        "fake_video_fake_audio.mp4",
        "fake_video_real_audio.mp4",
        "real_video_fake_audio.mp4",
    }
    for entry in lists["train"]:
        assert bool(entry["fake_segments"]) == (entry["modify_type"] != "real")
        truth = av1m.truth / "train" / entry["file"].replace(".mp4", ".npz")
        boxes = np.load(truth, allow_pickle=False)["boxes"]
        changed = np.flatnonzero(~np.isnan(boxes[:, 0]))
        meant = np.zeros(entry["video_frames"], dtype=bool)
        for start, end in entry["visual_fake_segments"]:
            meant[round(start * 25) : round(end * 25)] = True
        assert np.array_equal(changed, np.flatnonzero(meant))
    test = read_rows(av1m.splits / "test_labels.csv")
    assert all((av1m.root / "val" / row[0]).is_file() for row in test[1:])
    assert [row[1] for row in test[1:]] == ["0", "1"]
    table = manifest_of(av1m, "av_deepfake1m", tmp_path, True, "both")
    assert table.height == 4


def test_avlips_layout_and_its_untouched_sound(avlips, clip_reader, tmp_path):
    fakes = sorted((avlips.root / "1_fake").glob("*.mp4"))
    assert len(fakes) == 2
    for fake in fakes:
        pair = clip_reader(fake), clip_reader(avlips.root / "0_real" / fake.name)
        assert np.array_equal(pair[0].sound, pair[1].sound)
        assert not np.array_equal(pair[0].grey, pair[1].grey)
        waves = [
            avlips.root / "wav" / kind / f"{fake.stem}.wav"
            for kind in ("0_real", "1_fake")
        ]
        assert waves[0].read_bytes() == waves[1].read_bytes()
    table = manifest_of(avlips, "avlips", tmp_path, False, "any")
    assert sorted(table["label"].to_list()) == [0, 0, 1, 1]


def test_listing_names_every_file_with_its_size(favc):
    base = favc.root.parent
    lines = favc.listing.read_text(encoding="utf-8").splitlines()
    rows = [line.split("\t") for line in lines]
    folders = (favc.root, base / "splits", base / "truth")
    on_disk = {p for folder in folders for p in folder.rglob("*") if p.is_file()}
    assert [row[2] for row in rows] == sorted(row[2] for row in rows)
    assert {base / row[2] for row in rows} == on_disk
    assert all((base / row[2]).stat().st_size == int(row[0]) for row in rows)


def test_what_a_user_changes_by_hand_is_noticed(tmp_path):
    folder, listing = tmp_path / "favc", tmp_path / "favc.tsv"
    folder.mkdir()
    for name in ("a.mp4", "b.mp4", "labels.csv"):
        (folder / name).write_text(name)
    assert changes_since(listing, folder) == ""  # not generated yet
    listing.write_text(listing_text(folder, folder.iterdir()))
    (folder / ".record.json").write_text("the generator's own")
    assert changes_since(listing, folder) == ""
    (folder / "labels.csv").write_text("LABELS.csv")
    assert "labels.csv" in changes_since(listing, folder)
    (folder / "labels.csv").write_text("labels.csv")
    (folder / "c.mp4").write_text("new")
    assert "c.mp4" in changes_since(listing, folder)
    (folder / "c.mp4").unlink()
    (folder / "a.mp4").unlink()
    assert "a.mp4" in changes_since(listing, folder)


@pytest.mark.parametrize("layout", ["fakeavceleb", "av_deepfake1m"])
def test_identities_are_disjoint_and_every_source_is_a_pair(layout):
    plans = planner(layout).plan(5, SIZES[layout])
    persons, ids = {}, {}
    for source in plans:
        kinds = {(clip.audio_fake, clip.video_fake) for clip in source.clips}
        assert {(False, False), (True, True)} <= kinds
        assert (len(kinds) == 4) == (source.number % 4 == 0)
        persons.setdefault(source.split, set()).add(source.person)
        folder = next(p for p in source.clips[0].path.split("/") if p.startswith("id"))
        ids.setdefault(source.split, set()).add(folder)
    for groups in (persons, ids):
        assert len(set.union(*groups.values())) == sum(map(len, groups.values()))


@pytest.mark.parametrize(
    ("layout", "share"), [("fakeavceleb", 0.5), ("av_deepfake1m", 0.8)]
)
def test_share_of_fakes_with_leading_silence(layout, share):
    plans = planner(layout).plan(1, {"train": 400, "val": 0, "test": 0})
    clips = [clip for source in plans for clip in source.clips]
    assert not any(clip.silence_s for clip in clips if not clip.audio_fake)
    fakes = [clip.silence_s > 0 for clip in clips if clip.audio_fake]
    assert np.mean(fakes) == pytest.approx(share, abs=0.07)


def test_more_sources_do_not_change_the_first_ones():
    for layout, sizes in SIZES.items():
        few = planner(layout).plan(5, {split: n // 2 for split, n in sizes.items()})
        many = {source.name: source for source in planner(layout).plan(5, sizes)}
        assert all(many[source.name] == source for source in few)
        assert planner(layout).plan(6, sizes)[0] != many["test/000"]


def test_wild_corpus_is_mixed():
    plans = deepfake_eval_2024.plan(5, SIZES["deepfake_eval_2024"])
    recordings = [source.recording for source in plans]
    assert len({r.size for r in recordings}) == 5
    assert len({r.fps for r in recordings}) == 4
    assert {r.audio_hz for r in recordings} == {16_000, 22_050, 44_100, 48_000}
    assert {r.channels for r in recordings} == {1, 2}
    names = [source.clips[0].path.removeprefix("video-data/") for source in plans]
    assert {len(name) for name in names} == {31}
    assert any(name.startswith("-") for name in names)
    assert sum(not source.sound for source in plans) == 3
    assert [s.people for s in plans].count(0) == [s.people for s in plans].count(2) == 2


def test_wild_labels(tmp_path):
    plans = deepfake_eval_2024.plan(5, SIZES["deepfake_eval_2024"])
    texts = deepfake_eval_2024.lists(tmp_path, plans)
    (path,) = texts
    assert path == tmp_path / "video-metadata-publish.csv"
    rows = list(csv.reader(texts[path].splitlines(keepends=True)))
    truth = [row[2] for row in rows[1:]]
    assert set(truth) == {"Real", "Fake", "Unknown"}
    assert 0.4 < truth.count("Fake") / (44 - truth.count("Unknown")) < 0.6
    assert all(row[3] == "Unknown" for row in rows[1:] if row[2] == "Unknown")
    assert {row[5] for row in rows[1:]} == {"test"}
    comments = "".join(row[4] for row in rows)
    assert "," in comments or ";" in comments
    assert '"' in comments and "\n" in comments


@pytest.mark.parametrize(
    ("number", "faces", "sound"), [(3, 1, False), (8, 0, True), (13, 2, True)]
)
def test_wild_clips_without_sound_or_face_or_with_two(
    number, faces, sound, tmp_path, clip_reader
):
    dlib = pytest.importorskip("dlib")
    source = deepfake_eval_2024.plan(5, {"train": 0, "val": 0, "test": 14})[number]
    source = replace(source, recording=replace(source.recording, frames=40))
    film.make_source(source, tmp_path, tmp_path / "truth")
    clip = clip_reader(tmp_path / source.clips[0].path)
    assert (clip.sound is not None) == sound
    assert clip.grey.shape == (40, *source.recording.size[::-1])
    assert clip.fps == pytest.approx(float(source.recording.fps))
    detect = dlib.get_frontal_face_detector()
    counts = [len(detect(frame, 0)) for frame in clip.grey[::8]]
    assert counts == [faces] * 5


@pytest.fixture
def tiny(monkeypatch):
    """Corpora of short, small clips, and the names of the sources that were made."""
    made = []
    inner = film.make_source

    def short(source, root, truth):
        made.append(source.name)
        recording = Recording(frames=30, size=(96, 96))
        return inner(replace(source, recording=recording), root, truth)

    monkeypatch.setattr(make, "make_source", short)
    return made


def spec_of(test):
    return Demo(seed=3, sources=Sources(test=test))


def bytes_of(folder):
    return {p: p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_second_run_makes_nothing_and_a_lost_file_comes_back(tmp_path, tiny):
    root, listing = tmp_path / "AVLips", tmp_path / "listing.tsv"
    make_demo("avlips", root, spec_of(2), listing)
    before = bytes_of(tmp_path)
    stamps = {path: path.stat().st_mtime_ns for path in bytes_of(root)}
    make_demo("avlips", root, spec_of(2), listing)
    assert tiny == ["test/000", "test/001"]
    assert {path: path.stat().st_mtime_ns for path in bytes_of(root)} == stamps
    next((root / "1_fake").iterdir()).unlink()
    make_demo("avlips", root, spec_of(2), listing)
    assert len(tiny) == 3
    assert bytes_of(tmp_path) == before


def test_an_interrupted_run_goes_on(tmp_path, tiny, monkeypatch):
    root, listing = tmp_path / "AVLips", tmp_path / "listing.tsv"
    short = make.make_source

    def stop(source, *places):
        if source.number == 1:
            (root / source.clips[0].path).write_bytes(b"half a clip")
            raise KeyboardInterrupt
        return short(source, *places)

    monkeypatch.setattr(make, "make_source", stop)
    with pytest.raises(KeyboardInterrupt):
        make_demo("avlips", root, spec_of(3), listing)
    assert not listing.exists()
    monkeypatch.setattr(make, "make_source", short)
    make_demo("avlips", root, spec_of(3), listing)
    assert tiny == ["test/000", "test/001", "test/002"]
    assert min(path.stat().st_size for path in root.rglob("*.mp4")) > 100


def test_smaller_spec_removes_its_own_files_only(tmp_path, tiny):
    root, listing = tmp_path / "AVLips", tmp_path / "listing.tsv"
    make_demo("avlips", root, spec_of(2), listing)
    clips = sorted((root / "0_real").iterdir(), key=lambda path: int(path.stem))
    own = root / "0_real" / "999.mp4"
    own.write_bytes(b"a user's clip")
    changed = root / "1_fake" / clips[1].name
    changed.write_bytes(b"replaced by a user")
    make_demo("avlips", root, spec_of(1), listing)
    assert own.exists() and changed.exists() and clips[0].exists()
    assert not clips[1].exists()
    assert not (tmp_path / "truth" / "0_real" / f"{clips[1].stem}.npz").exists()
    assert "999" not in listing.read_text(encoding="utf-8")


def test_a_users_file_is_never_overwritten(tmp_path, tiny):
    root = tmp_path / "AVLips"
    first = planner("avlips").plan(3, {"train": 0, "val": 0, "test": 1})[0]
    place = root / first.clips[0].path
    place.parent.mkdir(parents=True)
    place.write_bytes(b"a user's clip")
    with pytest.raises(DataError, match="did not write"):
        make_demo("avlips", root, spec_of(1), tmp_path / "listing.tsv")
    assert place.read_bytes() == b"a user's clip"


def test_progress_counts_sources(tmp_path, tiny, caplog):
    with caplog.at_level(logging.INFO, logger="dfprobe"):
        make_demo("avlips", tmp_path / "avl" / "AVLips", spec_of(1), tmp_path / "l.tsv")
    assert "demo avl: 1/1 sources" in caplog.text


@pytest.mark.parametrize(
    ("layout", "sources", "message"),
    [
        ("vox", {"test": 1}, "expected a layout of"),
        ("avlips", {"train": 1, "test": 1}, "no splits"),
    ],
)
def test_bad_specs_are_refused(tmp_path, layout, sources, message):
    spec = Demo(seed=1, sources=Sources(**sources))
    with pytest.raises(ConfigError, match=message):
        make_demo(layout, tmp_path / "x", spec, tmp_path / "listing.tsv")
    assert not (tmp_path / "x").exists()

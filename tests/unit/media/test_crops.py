import json
import logging
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from media_files import bursts, face_frame, numbered_frame, write_clip

from dfprobe import recipes
from dfprobe.errors import ClipError, DataError
from dfprobe.media import clip as clip_module
from dfprobe.media import crop_processes, crops
from dfprobe.media.clip import GreyFrames, crop_clip, crop_in_pieces
from dfprobe.media.crops import crops_key, make_crops
from dfprobe.media.faces import FaceFinder, dlib_finder
from dfprobe.media.video import frames_at_25fps, video_info
from dfprobe.settings.stage_specs.features import CropsSpec
from dfprobe.status import Status
from dfprobe.store.crops import INDEX_SCHEMA, CropReader
from dfprobe.store.files import kept

SPEC = CropsSpec(detect_every=5, upsample=0, max_failed_share=1.0)
SOUND = bursts(0.1, rate=16_000, length_s=0.4)


def find_box(frame):
    return [(10, 10, 60, 60)] if frame.std() > 30 else []


def fake_points(frame, box):
    return np.arange(136, dtype=np.float32).reshape(68, 2) % 61


FAKE_FINDER = FaceFinder(find_box, fake_points, lambda frame, box: find_box(frame))


@pytest.fixture(autouse=True)
def finder(monkeypatch):
    monkeypatch.setattr(crop_processes, "dlib_finder", lambda upsample: FAKE_FINDER)


class Shard:
    """A corpus of one shard in a folder, and its crops."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest = folder / "manifest.parquet"
        self.h5 = folder / "crops" / "demo" / "000.h5"
        self.index = self.h5.with_suffix(".parquet")
        self.journal = self.h5.with_name("000.h5.journal")
        self.keys: dict[str, str] = {}

    def add(self, clip_id: str, count: int = 10, key: str = "k1") -> None:
        frames = [numbered_frame(200 - n) for n in range(count)]
        write_clip(self.path(clip_id), frames, sound=SOUND)
        self.keys[clip_id] = key

    def path(self, clip_id: str) -> Path:
        return self.folder / f"{clip_id}.mp4"

    def make(self, threads: int = 1, **changes) -> pl.DataFrame:
        rows = [
            {"clip_id": i, "path": str(self.path(i)), "content_key": k, "shard": s}
            for i, k, s in [*((i, k, "000") for i, k in self.keys.items()), ALIEN]
        ]
        pl.DataFrame(rows).sort("clip_id").write_parquet(self.manifest)
        self.delete_outputs()  # as Snakemake does before a job
        spec = SPEC.model_copy(update=changes)
        make_crops(self.manifest, "000", spec, self.h5, self.index, threads)
        return pl.read_parquet(self.index)

    def delete_outputs(self) -> None:
        self.h5.unlink(missing_ok=True)
        self.index.unlink(missing_ok=True)

    def forget(self) -> None:
        """Delete the outputs and what is kept of them."""
        self.delete_outputs()
        kept(self.h5).unlink()
        kept(self.index).unlink()

    def contents(self) -> dict[str, dict[str, list]]:
        with CropReader(self.h5, self.index) as reader:
            ids = reader.index["clip_id"]
            return {
                i: {name: a.tolist() for name, a in reader.arrays(i).items()}
                for i in ids
            }


ALIEN = ("of another shard", "k", "001")


@pytest.fixture
def shard(tmp_path):
    shard = Shard(tmp_path)
    for clip_id in ("a", "b", "c"):
        shard.add(clip_id)
    return shard


@pytest.fixture
def computed(monkeypatch):
    """Names of the clips that are really computed."""
    names: list[str] = []

    def noting(path, *arguments):
        names.append(path.stem)
        return crop_in_pieces(path, *arguments)

    monkeypatch.setattr(crop_processes, "crop_in_pieces", noting)
    return names


def test_all_that_is_stored_of_a_clip(shard):
    table = shard.make()
    assert dict(table.schema) == INDEX_SCHEMA
    row = table.row(1, named=True)
    assert (row["clip_id"], row["status"], row["detail"]) == ("b", "ok", "")
    assert (row["frames"], row["source_fps"], row["duration_s"]) == (10, 25.0, 0.4)
    assert (row["detected_share"], row["audio_offset_s"]) == (1.0, 0.0)
    assert row["leading_silence_s"] == pytest.approx(0.1, abs=0.01)
    assert row["crops_key"] == crops_key(SPEC)
    with CropReader(shard.h5, shard.index) as reader:
        assert reader.index.equals(table)
        assert reader.waveform("b").shape == (row["samples"],)
        assert reader.waveform("b").dtype == np.float32
        assert (reader.mouth("b").shape, reader.mouth("b").dtype) == (
            (10, 96, 96),
            np.uint8,
        )
        assert reader.landmarks("b").shape == (10, 68, 2)
        assert reader.landmarks("b").dtype == np.float32
        assert reader.boxes("b")[3].tolist() == [10, 10, 60, 60]
        with pytest.raises(DataError, match="no clip 'x'"):
            reader.waveform("x")
    assert not shard.journal.exists()


def test_each_failure_has_its_own_status(shard):
    write_clip(shard.path("mute"), [numbered_frame(9)] * 3)
    write_clip(shard.path("sound only"), sound=SOUND)
    write_clip(
        shard.path("no face"), [np.zeros((48, 48, 3), np.uint8)] * 3, sound=SOUND
    )
    shard.path("empty").write_bytes(b"")
    shard.path("text").write_text("no video")
    whole = shard.path("a").read_bytes()
    shard.path("cut").write_bytes(whole[: whole.index(b"moov")])
    names = ["mute", "sound only", "no face", "empty", "text", "cut", "gone"]
    shard.keys |= dict.fromkeys(names, "k1")
    rows = {row["clip_id"]: row for row in shard.make().to_dicts()}
    statuses = {
        name: [rows[name][f"{part}_status"] for part in ("video", "audio", "face")]
        for name in names
    }
    assert statuses == {
        "mute": ["ok", "no_audio", "ok"],
        "sound only": ["no_video", "ok", "no_video"],
        "no face": ["ok", "ok", "no_face"],
        "empty": ["unreadable"] * 3,
        "text": ["unreadable"] * 3,
        "cut": ["unreadable"] * 3,
        "gone": ["missing"] * 3,
    }
    assert [rows[name]["status"] for name in names] == [
        "no_audio",
        "no_video",
        "no_face",
        *["unreadable"] * 3,
        "missing",
    ]
    assert all(rows[name]["detail"] for name in names)
    assert [rows[name]["row"] for name in ("empty", "text", "cut", "gone")] == [
        None
    ] * 4
    assert rows["no face"]["detected_share"] == 0
    with CropReader(shard.h5, shard.index) as reader:
        assert reader.mouth("mute").shape == (3, 96, 96)
        assert reader.waveform("sound only").size > 6000
        assert np.isnan(reader.landmarks("no face")).all()
        for read, name, status in [
            (reader.mouth, "no face", Status.NO_FACE),
            (reader.waveform, "mute", Status.NO_AUDIO),
            (reader.landmarks, "gone", Status.MISSING),
        ]:
            with pytest.raises(ClipError) as refused:
                read(name)
            assert refused.value.status is status


def test_any_clip_name(shard, computed):
    names = ["two words", 'it\'s "q"; $(x)', "клип/视频", "-x", "a" * 200]
    (shard.folder / "клип").mkdir()
    for name in names:
        shard.add(name, count=2)
    table = shard.make()
    assert table["clip_id"].to_list() == sorted([*names, "a", "b", "c"])
    assert (table["status"] == "ok").all()
    with CropReader(shard.h5, shard.index) as reader:
        assert all(reader.mouth(name).shape == (2, 96, 96) for name in names)


def test_nothing_changed_touches_the_files_only(shard, computed):
    shard.make()
    files = (shard.h5, shard.index)
    before = [file.read_bytes() for file in files]
    inodes = [file.stat().st_ino for file in files]
    for file in files:
        os.utime(file, (1, 1))
    computed.clear()
    shard.make(max_failed_share=0.0)
    assert computed == []
    assert [file.read_bytes() for file in files] == before
    assert [file.stat().st_ino for file in files] == inodes
    assert all(file.stat().st_mtime > 1 for file in files)


def test_only_changed_clips_are_computed(shard, computed, caplog):
    shard.make()
    before = shard.contents()
    del shard.keys["a"]
    shard.add("b", count=6, key="k2")
    shard.add("0 first")
    shard.keys["gone"] = "missing"
    computed.clear()
    with caplog.at_level(logging.INFO, "dfprobe"):
        table = shard.make()
    assert computed == ["0 first", "b", "gone"]
    assert table["clip_id"].to_list() == ["0 first", "b", "c", "gone"]
    assert table["row"].to_list() == [0, 1, 2, None]
    after = shard.contents()
    assert after["c"] == before["c"]
    assert len(after["b"]["mouth"]) == 6
    assert (
        "crops demo/000: 3 computed, 0 resumed, 1 kept, 1 removed, failed: 1 missing"
    ) in caplog.messages


def test_removed_clip_leaves_the_files(shard, computed):
    shard.make()
    del shard.keys["a"]
    computed.clear()
    assert shard.make()["clip_id"].to_list() == ["b", "c"]
    assert computed == []
    assert list(shard.contents()) == ["b", "c"]


def test_another_key_computes_all_anew(shard, computed):
    shard.make()
    computed.clear()
    shard.make(detect_every=1)
    assert computed == ["a", "b", "c"]


def test_key_holds_what_changes_the_numbers(monkeypatch):
    key = crops_key(SPEC)
    assert crops_key(SPEC.model_copy(update={"max_failed_share": 0.5})) == key
    assert crops_key(SPEC.model_copy(update={"upsample": 1})) != key
    monkeypatch.setattr(recipes, "crops", lambda: {"audio": 2})
    assert crops_key(SPEC) != key


def test_same_clips_give_the_same_index_bytes(shard, tmp_path):
    shard.make()
    first = shard.index.read_bytes(), shard.contents()
    shard.forget()
    shard.make()
    assert (shard.index.read_bytes(), shard.contents()) == first


def test_too_many_failures_lose_no_work(shard, computed):
    shard.keys["gone"] = "missing"
    with pytest.raises(DataError, match=r"(?s)1 of 4 clips.*gone: missing\. there is"):
        shard.make(max_failed_share=0.2)
    assert not shard.h5.exists()
    computed.clear()
    assert shard.make(max_failed_share=0.25).height == 4
    assert computed == []
    with pytest.raises(DataError, match="1 of 4 clips"):
        shard.make(max_failed_share=0.2)  # also when there is nothing to compute
    assert shard.make(max_failed_share=0.25).height == 4
    assert computed == []


@pytest.fixture
def real_faces(shard, monkeypatch):
    """Look for faces with dlib, in four clips that show one and one that does not."""
    monkeypatch.setattr(crop_processes, "dlib_finder", dlib_finder)
    for n in range(4):
        frames = [face_frame(4 * n + k, 5 + n) for k in range(12)]
        write_clip(shard.path(f"face{n}"), frames, sound=SOUND)
        shard.keys[f"face{n}"] = f"key of face{n}"
    return shard


def test_processes_change_no_result(real_faces):
    table = real_faces.make()
    expected = real_faces.h5.read_bytes()
    assert table["detected_share"].sum() == 4
    real_faces.forget()
    assert real_faces.make(threads=3).equals(table)
    assert real_faces.h5.read_bytes() == expected


def test_a_process_that_was_killed_is_named_and_no_work_is_lost(
    real_faces, monkeypatch
):
    real_faces.make()
    expected = real_faces.h5.read_bytes()
    real_faces.forget()
    finish, noted = crops._ClipRecord.finish, []

    def kill_after_two(record, row):
        finish(record, row)
        noted.append(row)
        if len(noted) == 2:
            for process in multiprocessing.active_children():
                process.kill()

    monkeypatch.setattr(crops._ClipRecord, "finish", kill_after_two)
    with pytest.raises(
        DataError, match=r"mp4: the process .* ended with code -9 .*run"
    ):
        real_faces.make(threads=2)
    assert len(noted) >= 2
    assert multiprocessing.active_children() == []
    real_faces.make(threads=2)
    assert real_faces.h5.read_bytes() == expected


def test_an_error_while_cropping_ends_the_run(shard, monkeypatch):
    def fail(*arguments):
        raise MemoryError("no room")

    monkeypatch.setattr(crop_processes, "crop_in_pieces", fail)
    with pytest.raises(MemoryError, match="no room"):
        shard.make()


def test_killed_run_goes_on_where_it_was(shard, computed, caplog):
    shard.make()
    expected = shard.contents()
    shard.forget()
    code = (
        "import os, signal, sys\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import test_crops\n"
        "from pathlib import Path\n"
        "crops, clips = test_crops.crops, []\n"
        "crop_processes = test_crops.crop_processes\n"
        "def crop_until_killed(path, *arguments):\n"
        "    clips.append(path)\n"
        "    if len(clips) == 3:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return test_crops.crop_in_pieces(path, *arguments)\n"
        "crop_processes.crop_in_pieces = crop_until_killed\n"
        "crop_processes.dlib_finder = lambda upsample: test_crops.FAKE_FINDER\n"
        "manifest, h5 = Path(sys.argv[2]), Path(sys.argv[3])\n"
        "index = h5.with_suffix('.parquet')\n"
        "crops.make_crops(manifest, '000', test_crops.SPEC, h5, index)\n"
    )
    folder = str(Path(__file__).parent)
    command = [sys.executable, "-c", code, folder, str(shard.manifest), str(shard.h5)]
    assert subprocess.run(command, check=False).returncode == -9
    assert shard.journal.exists()
    assert not shard.h5.exists()

    computed.clear()
    with caplog.at_level(logging.INFO, "dfprobe"):
        shard.make()
    assert computed == ["c"]
    assert shard.contents() == expected
    assert "1 computed, 2 resumed, 0 kept" in caplog.text


def test_files_that_do_not_belong_together_are_made_anew(shard, computed, caplog):
    shard.make()
    old_index = shard.index.read_bytes()
    shard.add("d")
    shard.make()
    shard.index.write_bytes(old_index)  # a kill between the two renames
    with pytest.raises(DataError, match="is not the index that was written with"):
        CropReader(shard.h5, shard.index)
    computed.clear()
    assert shard.make().height == 4
    assert computed == ["a", "b", "c", "d"]
    assert "is not the index" in caplog.text


@pytest.mark.parametrize("damaged", ["h5", "index"])
def test_damaged_output_is_made_anew(shard, computed, damaged):
    shard.make()
    path = getattr(shard, damaged)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="cannot be read"):
        CropReader(shard.h5, shard.index)
    computed.clear()
    shard.make()
    assert computed == ["a", "b", "c"]


def test_empty_shard(shard):
    shard.keys.clear()
    assert shard.make().height == 0


def test_file_says_how_it_was_made(shard):
    shard.make()
    with CropReader(shard.h5, shard.index) as reader:
        attributes = dict(reader._file.attrs)
    assert attributes["crops_key"] == crops_key(SPEC)
    assert (attributes["detect_every"], attributes["upsample"]) == (5, 0)
    assert "dlib" in json.loads(attributes["versions"])


@pytest.mark.parametrize("kept_bytes", [2**20, 12 * 48 * 128 - 1, 0])
def test_grey_frames_can_be_read_twice(tmp_path, monkeypatch, kept_bytes):
    monkeypatch.setattr(clip_module, "_KEPT_BYTES", kept_bytes)
    path = write_clip(tmp_path / "x.mp4", [numbered_frame(n) for n in range(12)])
    frames = GreyFrames(path, video_info(path))
    first, second = np.stack(list(frames)), np.stack(list(frames))
    assert np.array_equal(first, second)
    rgb = np.concatenate(list(frames_at_25fps(path, 5))).astype(float)
    assert np.abs(first - rgb @ [0.299, 0.587, 0.114]).max() <= 0.51


def test_drawn_face_from_file_to_patches(tmp_path):
    frames = [face_frame(n // 3, 5 + n % 4) for n in range(20)]
    path = write_clip(tmp_path / "x.mp4", frames, sound=SOUND)
    row, arrays = crop_clip(path, dlib_finder(upsample=0), every=5)
    assert row["status"] == Status.OK
    assert row["detected_share"] == 1.0
    mouth = arrays["landmarks"][:, 48:68].mean(axis=1)
    drawn = np.array([[100 + n // 3, 140] for n in range(20)])
    assert np.abs(mouth - drawn).max() < 8
    assert arrays["mouth"].shape == (20, 96, 96)
    assert arrays["mouth"][:, 40:56, 40:56].mean() < arrays["mouth"].mean()


def test_a_long_clip_is_stored_in_parts(shard, monkeypatch):
    shard.add("a", count=40)
    shard.make()
    whole = shard.contents()
    shard.forget()
    monkeypatch.setattr(clip_module, "_PIECE_BYTES", 7 * 96 * 96)
    monkeypatch.setattr(crops, "_RECORD_BYTES", 15 * 96 * 96)
    shard.make()
    assert shard.contents() == whole
    del shard.keys["b"]
    shard.make()  # copied from the file of the last run
    assert shard.contents() == {name: whole[name] for name in ("a", "c")}


def test_crops_are_handed_over_in_small_pieces(tmp_path, monkeypatch):
    frames = [numbered_frame(200 - n) for n in range(20)]
    path = write_clip(tmp_path / "x.mp4", frames, sound=SOUND)
    monkeypatch.setattr(clip_module, "_PIECE_BYTES", 9216)
    sizes: dict[str, list[int]] = {}
    crop_in_pieces(
        path,
        FAKE_FINDER,
        5,
        lambda name, rows: sizes.setdefault(name, []).append(rows.nbytes),
    )
    assert sizes["mouth"] == [9216] * 20
    assert max(map(max, sizes.values())) <= 9216
    assert set(sizes) == {"mouth", "landmarks", "boxes", "waveform"}


def test_whole_arrays_are_the_pieces_put_together(tmp_path, monkeypatch):
    frames = [numbered_frame(200 - n) for n in range(20)]
    path = write_clip(tmp_path / "x.mp4", frames, sound=SOUND)
    row, whole = crop_clip(path, FAKE_FINDER, 5)
    monkeypatch.setattr(clip_module, "_PIECE_BYTES", 7 * 96 * 96)
    again, joined = crop_clip(path, FAKE_FINDER, 5)
    assert again == row
    assert {name: a.tolist() for name, a in joined.items()} == {
        name: a.tolist() for name, a in whole.items()
    }


def test_a_flipped_byte_is_noticed(shard):
    shard.make()
    with CropReader(shard.h5, shard.index) as reader:
        pixels = reader.mouth("b").tobytes()
    content = bytearray(shard.h5.read_bytes())
    content[content.find(pixels)] ^= 1
    shard.h5.write_bytes(bytes(content))
    with pytest.raises(DataError, match="checksum"):
        shard.contents()


def test_the_damaged_clip_alone_is_made_anew(shard, computed):
    shard.make()
    whole = shard.h5.read_bytes()
    with CropReader(shard.h5, shard.index) as reader:
        pixels = reader.mouth("a").tobytes()
    content = bytearray(whole)
    content[content.find(pixels)] ^= 1
    shard.h5.write_bytes(bytes(content))  # in place: the kept file is the same one
    shard.h5.unlink()
    computed.clear()
    shard.make()
    assert computed == ["a"]
    assert shard.h5.read_bytes() == whole


def spoilt(path, start, end, content=bytes):
    """Replace a part of a file, given in shares of its length."""
    whole = bytearray(path.read_bytes())
    first, last = (int(share * len(whole)) for share in (start, end))
    whole[first:last] = content(last - first)
    path.write_bytes(bytes(whole))
    return path


def losses(path):
    row, _ = crop_clip(path, FAKE_FINDER, 5)
    assert row["status"] == Status.OK
    return row["detail"].split("; ") if row["detail"] else []


NOISE = np.random.default_rng(0).uniform(-0.3, 0.3, (1, 38_400)).astype(np.float32)


@pytest.fixture
def long_clip(tmp_path):
    def write(name, options=None, codecs=("libx264", "aac")):
        frames = [numbered_frame(200 - n) for n in range(60)]
        return write_clip(
            tmp_path / name, frames, sound=NOISE, options=options, codecs=codecs
        )

    return write


@pytest.mark.parametrize("name", ["x.mp4", "x.mkv", "x.ts", "x.avi"])
def test_nothing_is_lost_of_an_intact_clip(long_clip, name):
    assert losses(long_clip(name)) == []


def test_the_lost_end_of_a_cut_mp4_is_stated(long_clip):
    path = long_clip("x.mp4", options={"movflags": "faststart"})
    said = losses(spoilt(path, 0.7, 1.0, lambda size: b""))
    assert said == [
        "41 of 60 frames can be decoded",
        "the video breaks off 0.76 s before its stated end",
        "1 of 26 packets of the sound cannot be decoded",
        "the sound breaks off 0.86 s before its stated end",
    ]


def test_the_lost_end_of_a_cut_mkv_is_stated(long_clip):
    said = losses(spoilt(long_clip("x.mkv"), 0.7, 1.0, lambda size: b""))
    assert [sentence.rpartition(" breaks off ")[0] for sentence in said] == [
        "the video",
        "the sound",
    ]


def test_the_lost_middle_is_stated(long_clip):
    said = losses(spoilt(long_clip("x.mp4"), 0.3, 0.7))
    assert len(said) == 4
    frames, gap, packets, silence = said
    assert 20 < int(frames.split()[0]) < 50
    assert frames.endswith("of 60 frames can be decoded")
    assert gap.startswith("the video has no frame for ")
    assert 5 < int(packets.split()[0]) < 30
    assert packets.endswith("of 39 packets of the sound cannot be decoded")
    assert silence.endswith("s of the sound are lost, with silence in their place")
    assert 0.3 < float(silence.split()[0]) < 1.4


def test_losses_are_stated_beside_a_failure(long_clip):
    path = spoilt(long_clip("x.mp4"), 0.3, 0.7)
    nobody = FaceFinder(lambda frame: [], fake_points, lambda frame, box: [])
    row, _ = crop_clip(path, nobody, 5)
    assert row["status"] == Status.NO_FACE
    assert "no face is found" in row["detail"]
    assert "of 60 frames can be decoded" in row["detail"]

"""Damaged and odd files through the crops stage: each has its status, none ends it."""

import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from odd_media import KINDS, write_odd_media

from dfprobe.status import Status
from dfprobe.store.crops import CropReader

COUNT = 200
CHILD = Path(__file__).with_name("crop_odd_media.py")


class Cropped:
    """The files, and what the crops stage made of them in a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.files = write_odd_media(folder / "media", COUNT, seed=1)
        manifest, self.h5 = folder / "manifest.parquet", folder / "000.h5"
        rows = [
            {"clip_id": f.path.stem, "path": str(f.path), "content_key": "k"}
            for f in self.files
        ]
        pl.DataFrame(rows).with_columns(shard=pl.lit("000")).write_parquet(manifest)
        command = [sys.executable, "-W", "error", CHILD, manifest, self.h5]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
        *self.seen, last = run.stdout.split("\n")[:-1]
        assert run.returncode == 0, f"{last} ended the run: {run.stderr}"
        self.peak_mb = int(last)
        self.index = pl.read_parquet(self.h5.with_suffix(".parquet"))
        self.rows = {row["clip_id"]: row for row in self.index.to_dicts()}

    def pairs(self):
        return [(file, self.rows[file.path.stem]) for file in self.files]


@pytest.fixture(scope="module")
def cropped(tmp_path_factory):
    return Cropped(tmp_path_factory.mktemp("odd"))


def test_there_are_many_kinds(cropped):
    assert len(KINDS) >= 100
    assert {file.name for file in cropped.files} == set(KINDS)


def test_each_file_is_accounted_for(cropped):
    ids = sorted(file.path.stem for file in cropped.files)
    assert cropped.index["clip_id"].to_list() == ids
    assert len(cropped.seen) == COUNT


def test_each_file_ends_with_a_status_of_its_kind(cropped):
    wrong = [
        (file.path.name, row["video_status"], row["audio_status"], row["detail"])
        for file, row in cropped.pairs()
        if row["video_status"] not in file.kind.video
        or row["audio_status"] not in file.kind.audio
    ]
    assert wrong == []


def test_faces_are_had_wherever_there_are_frames(cropped):
    for file, row in cropped.pairs():
        if row["video_status"] != Status.OK:
            assert row["face_status"] == row["video_status"], file.path.name
        elif file.kind.intact and file.name != "black":
            assert row["face_status"] == Status.OK, file.path.name


def test_nothing_is_said_of_intact_files(cropped):
    said = [
        (file.path.name, row["detail"])
        for file, row in cropped.pairs()
        if file.kind.intact and row["status"] == Status.OK and row["detail"]
    ]
    assert said == []


def test_what_failed_is_said(cropped):
    assert all(row["detail"] for row in cropped.rows.values() if row["status"] != "ok")


def test_the_stored_arrays_are_those_of_the_index(cropped):
    with CropReader(cropped.h5, cropped.h5.with_suffix(".parquet")) as reader:
        for clip_id, row in cropped.rows.items():
            arrays = reader.arrays(clip_id)
            assert ("waveform" in arrays) == (row["audio_status"] == Status.OK)
            assert ("landmarks" in arrays) == (row["video_status"] == Status.OK)
            assert ("mouth" in arrays) == (row["face_status"] == Status.OK)
            if "mouth" in arrays:
                assert len(arrays["mouth"]) == row["frames"]


def test_peak_memory(cropped):
    assert cropped.peak_mb < 1000


def test_the_same_seed_gives_the_same_files(tmp_path, cropped):
    again = write_odd_media(tmp_path, 30, seed=1)
    for file, first in zip(again, cropped.files, strict=False):
        assert file.path.read_bytes() == first.path.read_bytes(), file.path.name

"""What becomes of the processes that crop clips."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from media_files import face_frame, write_clip

from dfprobe.media.crop_processes import clip_cropper

PATIENCE_S = 60
MARK = "DFPROBE_TEST_OF_PROCESSES"
KILLED_AT_WORK = """
import os, signal, sys
from pathlib import Path
from dfprobe.media.crop_processes import clip_cropper

def kill_this_process(name, rows):
    os.kill(os.getpid(), signal.SIGKILL)

with clip_cropper(0, 1, 2) as crop:
    crop(Path(sys.argv[1]), kill_this_process)
"""


def test_they_end_with_the_process_that_started_them(tmp_path):
    clip = tmp_path / "a.mp4"
    write_clip(clip, [face_frame(number) for number in range(12)])
    command = [sys.executable, "-c", KILLED_AT_WORK, str(clip)]
    env = os.environ | {MARK: str(tmp_path)}
    assert subprocess.run(command, env=env, check=False).returncode == -9
    until = time.monotonic() + PATIENCE_S
    while left := processes_of(tmp_path):
        assert time.monotonic() < until, left
        time.sleep(0.1)


def test_a_clip_that_could_not_be_written_leaves_nothing_to_the_next(tmp_path):
    paths = [tmp_path / f"{frames}.mp4" for frames in (12, 8)]
    for path in paths:
        write_clip(path, [face_frame(number) for number in range(int(path.stem))])

    def full(name, rows):
        raise OSError("no space left")

    with clip_cropper(0, 1, 2) as crop:
        for _ in range(2):  # on both processes
            with pytest.raises(OSError, match="no space left"):
                crop(paths[0], full)
        rows = [crop(paths[1], lambda name, rows: None) for _ in range(2)]
    assert [row["frames"] for row in rows] == [8, 8]


def processes_of(folder: Path) -> list[str]:
    mark = f"{MARK}={folder}".encode()
    entries = [entry for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [entry.name for entry in entries if mark in environment_of(entry)]


def environment_of(process: Path) -> bytes:
    try:
        return (process / "environ").read_bytes()
    except OSError:  # it has ended, or is another user's
        return b""

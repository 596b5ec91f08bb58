import errno
import os
import platform
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from dfprobe.errors import StorageError
from dfprobe.store.files import keep, kept, reserve, restore, write_whole
from dfprobe.store.journal import Journal


def append(journal: Journal, number: int) -> None:
    values = np.full((number + 1, 3), number, np.float16)
    journal.append({"clip_id": f"clip {number}", "rows": number + 1}, {"x": values})


def journal_with(path, *numbers: int, key: str = "key") -> list[str]:
    """Append clips and return the ids that the journal then holds."""
    with Journal(path, key) as journal:
        for number in numbers:
            append(journal, number)
        return list(journal.rows)


def test_journal_gives_back_what_was_appended(tmp_path):
    journal_with(tmp_path / "j", 0, 1)
    with Journal(tmp_path / "j", "key") as again:
        assert list(again.rows) == ["clip 0", "clip 1"]
        assert again.rows["clip 1"]["rows"] == 2
        assert again.arrays("clip 1")["x"].tolist() == [[1.0] * 3] * 2


@pytest.mark.parametrize("cut", [1, 7, 60])
def test_journal_drops_a_record_cut_short_by_a_kill(tmp_path, cut):
    path = tmp_path / "j"
    journal_with(path, 0, 1)
    path.write_bytes(path.read_bytes()[:-cut])
    assert journal_with(path) == ["clip 0"]
    journal_with(path, 2)
    assert journal_with(path) == ["clip 0", "clip 2"]


def test_journal_drops_a_record_with_a_flipped_byte(tmp_path):
    path = tmp_path / "j"
    journal_with(path, 0)
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    assert journal_with(path) == []


def test_journal_of_another_key_is_discarded(tmp_path):
    journal_with(tmp_path / "j", 0, key="old")
    assert journal_with(tmp_path / "j", key="new") == []


def test_write_whole_leaves_the_old_file_when_the_writer_fails(tmp_path):
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(ValueError, match="stop"), write_whole(path) as draft:
        draft.write_text("half")
        raise ValueError("stop")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_kept_product_comes_back_after_it_was_deleted(tmp_path):
    path = tmp_path / "000.zarr.zip"
    path.write_text("first")
    keep(path)
    path.unlink()
    restore(path)
    assert path.read_text() == "first"

    with write_whole(path) as draft:
        draft.write_text("second")
    assert kept(path).read_text() == "first"
    keep(path)
    assert kept(path).read_text() == "second"


def test_what_a_killed_writer_left_is_removed_and_what_others_write_is_not(tmp_path):
    host = platform.node()
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = tmp_path / f".a.zip.{host}.{dead.pid}.draft"
    others = [
        tmp_path / f".a.zip.{host}.{os.getppid()}.draft",
        tmp_path / f".a.zip.not-{host}.{dead.pid}.draft",
        tmp_path / ".a.zip.kept",
    ]
    for path in [left, *others]:
        path.touch()
    with write_whole(tmp_path / "b.csv") as draft:
        draft.touch()
    assert sorted(tmp_path.iterdir()) == sorted([*others, tmp_path / "b.csv"])


class OwnError(Exception):
    """As libraries raise it that write files in C or Rust."""


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
        OSError(errno.EFBIG, os.strerror(errno.EFBIG)),
        OwnError(f"cannot write: {os.strerror(errno.ENOSPC)} (os error 28)"),
    ],
)
def test_a_full_disk_is_named_with_what_to_do(tmp_path, error):
    path = tmp_path / "table.csv"
    message = rf"{path} cannot be written: the disk is full.*Make room and run"
    with pytest.raises(StorageError, match=message), write_whole(path):
        raise error
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_takes_no_clip_from_the_journal(tmp_path):
    path = tmp_path / "j"
    journal_with(path, 0)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Journal(path, "key") as journal:
        resource.setrlimit(
            resource.RLIMIT_FSIZE, (path.stat().st_size + 100, limits[1])
        )
        try:
            with pytest.raises(StorageError, match=rf"{path}.*disk is full"):
                append(journal, 1)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert journal_with(path) == ["clip 0"]
    journal_with(path, 2)
    assert journal_with(path) == ["clip 0", "clip 2"]


HOLDS_A_JOURNAL = """
import sys, time
from pathlib import Path
from dfprobe.store.journal import Journal
with Journal(Path(sys.argv[1]), "key") as journal:
    journal.append({"clip_id": "theirs"}, {})
    print("open", flush=True)
    sys.stdin.readline()
    if sys.argv[2] == "discard":
        journal.discard()
"""


@pytest.mark.parametrize(
    ("end", "found"), [("close", ["theirs"]), ("kill", ["theirs"]), ("discard", [])]
)
def test_a_job_waits_for_one_that_outlived_its_run(tmp_path, caplog, end, found):
    path = tmp_path / "j"
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDS_A_JOURNAL, str(path), end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with other:
        assert other.stdout.readline() == b"open\n"
        with ThreadPoolExecutor() as pool:
            ours = pool.submit(journal_with, path)
            with pytest.raises(TimeoutError):
                ours.result(timeout=0.2)
            assert "another process is at work" in caplog.text
            if end == "kill":
                other.kill()
            else:
                other.stdin.write(b"\n")
                other.stdin.flush()
            assert ours.result(timeout=30) == found
    assert path.exists()


def test_room_is_reserved_or_the_lack_of_it_told_at_once(tmp_path):
    path = tmp_path / "file"
    reserve(path, 10_000)
    assert path.stat().st_size == 10_000
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (9_999, limits[1]))
    try:
        with pytest.raises(StorageError, match="disk is full"), write_whole(path) as p:
            reserve(p, 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == ["file"]

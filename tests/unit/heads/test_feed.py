import errno
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from toy_features import DIM, write_features

from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.data import feed as module
from dfprobe.heads.data.clips import StoreSet
from dfprobe.heads.data.feed import MB, ClipFeed, buffer_budget
from dfprobe.store import features as store_module
from dfprobe.store.features import FeatureReader

LARGEST = 9  # rows
ROW_BYTES = DIM * 2
CLIP_BYTES = LARGEST * ROW_BYTES
EVERYTHING = 1000 * ROW_BYTES
READ_AT_HAND = module._read_at_hand


@pytest.fixture
def rows():
    """Twelve clips; one has no row."""
    rng = np.random.default_rng(0)
    counts = [LARGEST, 1, 4, 0, 7, LARGEST, 3, 8, 2, 5, 6, LARGEST]
    return {
        f"clip {number:02d}": rng.standard_normal((count, DIM)).astype(np.float16)
        for number, count in enumerate(counts)
    }


@pytest.fixture
def paths(rows, tmp_path, monkeypatch):
    """The clips in three stores, whose chunks are so small that clips cross them."""
    monkeypatch.setattr(store_module, "CHUNK_BYTES", 4 * ROW_BYTES)
    names = list(rows)
    return [
        write_features(
            tmp_path / f"00{shard}.zarr.zip", {n: rows[n] for n in names[shard::3]}
        )
        for shard in range(3)
    ]


@pytest.fixture
def stores(paths):
    with StoreSet(paths) as stores:
        yield stores


def visited(feed, names):
    return [rows.copy() for rows in feed.visit(names)]


def assert_gives(feed, names, rows):
    for found, name in zip(visited(feed, names), names, strict=True):
        assert found.dtype == rows[name].dtype
        np.testing.assert_array_equal(found, rows[name])


def open_files():
    return sorted(Path("/proc/self/fd").iterdir())


def from_disk(monkeypatch, share):
    """Let only a share of each read be at hand; list what is named ahead."""
    named = []

    def read_part(target, handle, offset):
        return READ_AT_HAND(target[: int(share * len(target))], handle, offset)

    monkeypatch.setattr(module, "_read_at_hand", read_part)
    monkeypatch.setattr(
        os, "posix_fadvise", lambda handle, start, size, advice: named.append(size)
    )
    return named


@pytest.mark.parametrize("share_at_hand", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("memory", [CLIP_BYTES, 3 * CLIP_BYTES, EVERYTHING])
def test_every_order_gives_the_stored_rows_whatever_the_memory(
    stores, rows, memory, share_at_hand, monkeypatch
):
    from_disk(monkeypatch, share_at_hand)
    feed = ClipFeed(stores, memory)
    for seed in range(3):
        names = np.random.default_rng(seed).permutation(list(rows)).tolist()
        assert_gives(feed, names, rows)


def test_rows_cannot_be_written_to(stores):
    (rows,) = ClipFeed(stores, EVERYTHING).visit(["clip 00"])
    assert not rows.flags.writeable


def test_a_small_corpus_is_read_once(stores, rows, paths):
    feed = ClipFeed(stores, EVERYTHING)
    visited(feed, list(rows))
    for path in paths:
        path.unlink()
    assert_gives(feed, list(rows)[::-1], rows)


def test_the_clips_read_first_stay_in_memory(stores, rows, paths):
    feed = ClipFeed(stores, 3 * CLIP_BYTES)  # two of the largest and room for others
    visited(feed, list(rows)[::-1])
    for path in paths:
        path.unlink()
    assert_gives(feed, ["clip 11", "clip 10", "clip 08"], rows)
    with pytest.raises(DataError, match="at clip clip 00"):
        visited(feed, ["clip 11", "clip 00"])


def test_a_clip_that_does_not_fit_is_refused_before_any_is_given(stores, paths):
    feed = ClipFeed(stores, CLIP_BYTES - ROW_BYTES)
    with pytest.raises(DataError, match=r"training\.memory_mb by 1 or more") as caught:
        next(feed.visit(["clip 01", "clip 05"]))
    assert f"Clip clip 05 in {paths[2]} takes 0.0 MB" in str(caught.value)
    assert len(visited(feed, ["clip 01", "clip 07"])) == 2  # these fit


def test_stores_without_a_row_give_nothing(tmp_path):
    empty = write_features(tmp_path / "000.zarr.zip", {}, {"a": "no_face"})
    with StoreSet([empty]) as stores:
        (rows,) = visited(ClipFeed(stores, EVERYTHING), ["a"])
    assert rows.shape == (0, DIM)


def test_a_store_that_became_shorter_is_named(stores, paths, rows):
    feed = ClipFeed(stores, CLIP_BYTES)  # after which no checksum tells
    os.truncate(paths[1], 1000)
    message = rf"{paths[1]} cannot be read at clip .*too early.*delete this file"
    with pytest.raises(DataError, match=message):
        visited(feed, list(rows))


def test_a_damaged_store_is_noticed_before_its_rows_are_used(stores, paths, rows):
    content = bytearray(paths[1].read_bytes())
    with FeatureReader(paths[1]) as reader:
        clip_id = next(name for name in reader.index["clip_id"] if len(rows[name]))
        ((start, _), *_) = reader.spans(clip_id)
    content[start] ^= 1
    paths[1].write_bytes(bytes(content))
    with pytest.raises(DataError, match=rf"{paths[1]}.*damaged.*Delete it"):
        ClipFeed(stores, EVERYTHING)


def test_a_failing_disk_is_named(stores, paths, monkeypatch):
    def fail(*arguments):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    message = rf"{paths[0]} .*clip 00 .*Input/output error.*Check the disk"
    with pytest.raises(DataError, match=message):
        visited(ClipFeed(stores, CLIP_BYTES), ["clip 00"])


def test_reads_that_come_in_parts_are_put_together(stores, rows, monkeypatch):
    read = os.preadv
    monkeypatch.setattr(
        os,
        "preadv",
        lambda handle, buffers, *rest: read(handle, [buffers[0][:7]], *rest),
    )
    assert_gives(ClipFeed(stores, CLIP_BYTES), list(rows), rows)


def test_the_next_clips_are_named_where_reads_wait(stores, rows, monkeypatch):
    named = from_disk(monkeypatch, 0.0)
    names = list(rows)
    visit = ClipFeed(stores, CLIP_BYTES).visit(names)
    next(visit)
    following = sum(len(rows[name]) for name in names[1:])
    assert sum(named) == following * ROW_BYTES
    assert len(list(visit)) == len(names) - 1
    assert sum(named) == following * ROW_BYTES  # each once


def test_no_more_is_named_ahead_than_the_bound(stores, rows, monkeypatch):
    named = from_disk(monkeypatch, 0.0)
    monkeypatch.setattr(module, "_AHEAD_BYTES", CLIP_BYTES)
    names = list(rows)
    for position, _ in enumerate(ClipFeed(stores, CLIP_BYTES).visit(names)):
        read = sum(len(rows[name]) for name in names[1 : position + 1])
        assert sum(named) < read * ROW_BYTES + 2 * CLIP_BYTES


def test_large_clips_are_named_in_parts(stores, rows, monkeypatch):
    named = from_disk(monkeypatch, 0.0)
    monkeypatch.setattr(module, "_REQUEST_BYTES", ROW_BYTES)
    visited(ClipFeed(stores, CLIP_BYTES), list(rows))
    assert set(named) == {ROW_BYTES}
    assert len(named) == sum(map(len, rows.values())) - len(rows["clip 00"])


def test_clips_that_stay_are_not_named(stores, rows, monkeypatch):
    named = from_disk(monkeypatch, 0.0)
    feed = ClipFeed(stores, 3 * CLIP_BYTES)
    visited(feed, ["clip 11", "clip 00"])
    named.clear()
    visited(feed, ["clip 05", "clip 11", "clip 07", "clip 00"])
    assert sum(named) == len(rows["clip 07"]) * ROW_BYTES


def test_a_store_that_is_gone_is_named_at_its_clip(stores, rows, paths, monkeypatch):
    from_disk(monkeypatch, 0.0)
    visit = ClipFeed(stores, CLIP_BYTES).visit(list(rows))
    paths[1].unlink()
    next(visit)
    with pytest.raises(DataError, match=rf"{paths[1]} cannot be read .*No such"):
        next(visit)


def test_nothing_is_named_while_all_is_at_hand(stores, rows, monkeypatch):
    named = from_disk(monkeypatch, 1.0)
    visited(ClipFeed(stores, CLIP_BYTES), list(rows))
    assert named == []


def test_naming_ends_when_reads_no_longer_wait(stores, rows, monkeypatch):
    from_disk(monkeypatch, 0.0)
    monkeypatch.setattr(module, "_AHEAD_BYTES", 1)
    monkeypatch.setattr(module, "_ASK_BYTES", CLIP_BYTES)
    visit = ClipFeed(stores, CLIP_BYTES).visit(list(rows))
    next(visit)
    named_later = from_disk(monkeypatch, 1.0)
    assert len(list(visit)) == len(rows) - 1
    assert 0 < sum(named_later) < 2 * CLIP_BYTES


def test_more_stores_than_files_may_be_open(stores, rows, monkeypatch):
    monkeypatch.setattr(module, "_MAX_OPEN", 2)
    from_disk(monkeypatch, 0.5)
    before = len(open_files())
    names = list(rows)
    for name, found in zip(
        names, ClipFeed(stores, CLIP_BYTES).visit(names), strict=True
    ):
        assert len(open_files()) <= before + 2
        np.testing.assert_array_equal(found, rows[name])


@pytest.mark.parametrize("end", ["early", "whole", "error"])
def test_no_file_stays_open_after_a_visit(stores, rows, paths, end):
    feed = ClipFeed(stores, CLIP_BYTES)
    before = open_files()
    if end == "error":
        paths[1].unlink()
        with pytest.raises(DataError):
            visited(feed, list(rows))
    else:
        visit = feed.visit(list(rows))
        next(visit)
        assert len(open_files()) > len(before)
        visit.close() if end == "early" else list(visit)
    assert open_files() == before


def test_the_budget_is_what_the_process_leaves(monkeypatch):
    monkeypatch.setattr(module, "_resident_bytes", lambda: 300 * MB)
    assert buffer_budget(1000) == (1000 - 300 - 256) * MB


def test_the_memory_of_this_process_is_known(monkeypatch):
    assert 20 * MB < module._resident_bytes() < 100_000 * MB
    monkeypatch.setattr(module, "Path", lambda path: Path("no such file"))
    assert 20 * MB < module._resident_bytes() < 100_000 * MB


def test_a_limit_below_what_the_process_takes_is_refused(monkeypatch):
    monkeypatch.setattr(module, "_resident_bytes", lambda: 300 * MB)
    with pytest.raises(ConfigError, match=r"memory_mb is 600.*Set it to 620 or more"):
        buffer_budget(600)


VISIT = """
import sys
from pathlib import Path
from peak_memory import peak_mb
from dfprobe.heads.data import feed
from dfprobe.heads.data.clips import StoreSet

feed._ARITHMETIC_MB = 24  # there is next to none here
with StoreSet([Path(sys.argv[1])]) as stores:
    clips = feed.ClipFeed(stores, feed.buffer_budget(int(sys.argv[2])))
    names = stores.index["clip_id"].to_list()
    sums = [sum(int(rows[-1, -1]) for rows in clips.visit(names)) for _ in range(2)]
print(peak_mb(), *sums)
"""


def test_memory_stays_below_the_limit_for_a_store_many_times_larger(tmp_path):
    clip = np.ones((80_000, DIM), np.float16)  # 3.7 MB
    names = [f"{number:03d}" for number in range(250)]
    store = write_features(tmp_path / "000.zarr.zip", dict.fromkeys(names, clip))
    limit_mb = 240  # the process without features takes up to 140
    assert store.stat().st_size > 3 * limit_mb * MB
    command = [sys.executable, "-c", VISIT, str(store), str(limit_mb)]
    tools = Path(__file__).parents[1] / "media"  # of the tests, for `peak_memory`
    output = subprocess.check_output(command, text=True, cwd=tools)
    peak_mb, *sums = map(int, output.split())
    assert sums == [250, 250]
    assert peak_mb < limit_mb

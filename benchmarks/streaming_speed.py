"""Speed and peak memory of training on features that do not fit the memory limit.

Feature stores of invented rows (1024 x float16, 150 to 300 a clip) are written. A child
process then trains the linear probe for some epochs in shuffled order through
`dfprobe.heads.data.feed.ClipFeed`, once with the files on disk only at the start of
each and once with them in the system's page cache. The first epoch is shown by itself:
it also waits for the system to find the memory. Beside it stand the speeds that bound
it: reading the same files in order into one small buffer, from disk and from the page
cache, and the probe's arithmetic over rows that are in memory.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import polars as pl

from dfprobe.heads.data.clips import StoreSet
from dfprobe.heads.data.feed import ClipFeed, buffer_budget
from dfprobe.heads.kinds import linear_kernel
from dfprobe.store.features import write_store

DIM = 1024
ROWS = (150, 300)
SHARDS = 8
BUFFER_BYTES = 2**19  # stays in the processor's cache
EPOCHS = 4
RESIDENT_ROWS = 125_000  # 256 MB: does not stay there


def write_stores(folder: Path, gigabytes: float) -> list[Path]:
    """Write the features, clip by clip."""
    rng = np.random.default_rng(0)
    values = rng.standard_normal((8 * ROWS[1], DIM)).astype(np.float16)
    count = round(1e9 * gigabytes / (np.mean(ROWS) * values[0].nbytes) / SHARDS)
    paths = []
    for shard in range(SHARDS):
        lengths = rng.integers(ROWS[0], ROWS[1] + 1, count)
        starts = rng.integers(0, len(values) - ROWS[1], count)
        clips = (values[a : a + n] for a, n in zip(starts, lengths, strict=True))
        index = pl.DataFrame(
            {
                "clip_id": [f"{shard:03d}/{clip:06d}" for clip in range(count)],
                "status": "ok",
                "detail": "",
                "rows": lengths,
                "first_row_s": 0.0,
                "content_key": "",
                "crops_key": "",
            }
        )
        path = folder / f"{shard:03d}.zarr.zip"
        write_store(path, index, clips, DIM, "float16", {"encoder_key": "benchmark"})
        paths.append(path)
    return paths


def drop_from_cache(paths: list[Path]) -> None:
    """Have the system forget what it holds of the files."""
    for path in paths:
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def read_in_order(paths: list[Path]) -> float:
    """GB/s of reading the files from first to last byte."""
    buffer = bytearray(BUFFER_BYTES)
    start = time.perf_counter()
    for path in paths:
        with path.open("rb", buffering=0) as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while file.readinto(buffer):
                pass
    seconds = time.perf_counter() - start
    return sum(path.stat().st_size for path in paths) / seconds / 1e9


def train(clips: Iterator[np.ndarray]) -> float:
    """GB/s of one epoch of the linear probe; every second clip is called fake."""
    params = np.zeros((1, DIM + 1), np.float32)
    moments, rates = np.zeros((2, 1, DIM + 1), np.float32), np.array([1e-3])
    size = 0
    start = time.perf_counter()
    for step, rows in enumerate(clips, 1):
        bits = linear_kernel.stored_bits(rows)
        label = step % 2
        linear_kernel.train_step(bits, label, params, moments, step, rates, 1.0)
        size += rows.nbytes
    return size / (time.perf_counter() - start) / 1e9


def compile_kernels() -> None:
    """Compile the probe's arithmetic or load what was compiled."""
    train(iter([np.ones((1, DIM), np.float16)]))


def train_resident() -> float:
    """GB/s of the same epoch over rows in memory."""
    rng = np.random.default_rng(0)
    rows = np.resize(rng.standard_normal((1000, DIM)), (RESIDENT_ROWS, DIM))
    rows = rows.astype(np.float16)
    length = sum(ROWS) // 2
    return train(rows[s : s + length] for s in range(0, RESIDENT_ROWS, length))


def train_streamed(paths: list[Path], memory_mb: int, from_disk: bool) -> None:
    """Train in this process; print GB/s of two epochs and the peak memory in MB.

    The second of the two is the median of all epochs but the first.
    """
    compile_kernels()
    speeds = []
    with StoreSet(paths) as stores:
        feed = ClipFeed(stores, buffer_budget(memory_mb))
        for epoch in range(EPOCHS):
            if from_disk:
                drop_from_cache(paths)
            rng = np.random.default_rng(epoch)
            order = rng.permutation(stores.index["clip_id"]).tolist()
            speeds.append(train(feed.visit(order)))
    print(speeds[0], statistics.median(speeds[1:]), peak_mb())


def peak_mb() -> float:
    """Most memory that was resident so far; a child's ``ru_maxrss`` is not its own."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


def in_a_child(paths: list[Path], memory_mb: int, kept: str) -> list[float]:
    """Run `train_streamed` in a process of its own, whose memory is measured."""
    command = [sys.executable, __file__, "--memory-mb", str(memory_mb)]
    command += ["--kept", kept, "--train", *map(str, paths)]
    output = subprocess.check_output(command, text=True)
    return [float(number) for number in output.split()]


def measure(paths: list[Path], memory_mb: int, rounds: int) -> dict[str, list[float]]:
    """Measure all speeds in turn, several times."""
    compile_kernels()
    found: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        found.setdefault(name, []).append(value)
        print(f"{name}: {value:.2f}", file=sys.stderr)

    for _ in range(rounds):
        note("arithmetic", train_resident())
        for kept in ("disk", "page cache"):
            if kept == "disk":
                drop_from_cache(paths)
            else:
                read_in_order(paths)  # into the cache
            note(f"{kept}, in order", read_in_order(paths))
            first, later, peak = in_a_child(paths, memory_mb, kept)
            note(f"{kept}, first epoch", first)
            note(f"{kept}, epoch", later)
            note(f"{kept}, peak MB", peak)
    return found


def main() -> None:
    """Parse the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, help="where the stores are put")
    parser.add_argument("--gigabytes", type=float, default=8)
    parser.add_argument("--memory-mb", type=int, default=1000, help="the limit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--train", type=Path, nargs="+", help=argparse.SUPPRESS)
    parser.add_argument("--kept", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.train:
        from_disk = arguments.kept == "disk"
        train_streamed(arguments.train, arguments.memory_mb, from_disk)
        return
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        paths = write_stores(Path(folder), arguments.gigabytes)
        found = measure(paths, arguments.memory_mb, arguments.rounds)
    print(
        "| features in | read in order | arithmetic | first epoch | epoch | of bound "
        "| peak MB |"
    )
    print("| :-- | --: | --: | --: | --: | --: | --: |")
    for kept in ("disk", "page cache"):
        speeds = [found[f"{kept}, in order"], found["arithmetic"]]
        epochs, peaks = found[f"{kept}, epoch"], found[f"{kept}, peak MB"]
        shares = [e / min(bounds) for e, *bounds in zip(epochs, *speeds, strict=True)]
        firsts = found[f"{kept}, first epoch"]
        measured = [*speeds, firsts, epochs]
        read, arithmetic, first, epoch = map(statistics.median, measured)
        print(
            f"| {kept} | {read:.2f} GB/s | {arithmetic:.2f} GB/s | {first:.2f} GB/s "
            f"| {epoch:.2f} GB/s | {100 * statistics.median(shares):.0f} % "
            f"| {max(peaks):.0f} of {arguments.memory_mb} |"
        )


if __name__ == "__main__":
    main()

"""The feature store against one .npz file a clip: seconds, files and bytes.

Clips of invented rows (150 to 300 x 1024, float16) are written in both forms and read
back whole, clip by clip in random order, in turn. All is in the system's page cache, so
that the disk does not enter.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.store.features import FeatureReader, write_store

DIM = 1024
ROWS = (150, 300)
Clips = dict[str, np.ndarray]


class Cost(NamedTuple):
    """What a task took, in seconds: on the clock, and of processors."""

    wall: float
    cpu: float


def invented(count: int) -> Clips:
    rng = np.random.default_rng(0)
    values = rng.standard_normal((8 * ROWS[1], DIM)).astype(np.float16)
    lengths = rng.integers(ROWS[0], ROWS[1] + 1, count)
    starts = rng.integers(0, len(values) - ROWS[1], count)
    return {
        f"{number:06d}": values[start : start + length]
        for number, (start, length) in enumerate(zip(starts, lengths, strict=True))
    }


def write_ours(folder: Path, clips: Clips) -> None:
    index = pl.DataFrame(
        {
            "clip_id": list(clips),
            "status": "ok",
            "detail": "",
            "rows": [len(rows) for rows in clips.values()],
            "first_row_s": 0.0,
            "content_key": "",
            "crops_key": "",
        }
    )
    path = folder / "000.zarr.zip"
    write_store(path, index, clips.values(), DIM, "float16", {"encoder_key": "none"})


def write_npz(folder: Path, clips: Clips) -> None:
    for clip_id, rows in clips.items():
        np.savez(folder / f"{clip_id}.npz", audio=rows)


def read_ours(folder: Path, order: list[str]) -> int:
    with FeatureReader(folder / "000.zarr.zip") as store:
        return sum(np.array(store.clip(clip_id)).nbytes for clip_id in order)


def read_npz(folder: Path, order: list[str]) -> int:
    size = 0
    for clip_id in order:
        with np.load(folder / f"{clip_id}.npz") as file:
            size += file["audio"].nbytes
    return size


def cost(task: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    task()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def measured(clips: Clips, rounds: int) -> dict[str, list[str]]:
    """Cells of each form."""
    forms = {
        "one store": (write_ours, read_ours),
        "one .npz a clip": (write_npz, read_npz),
    }
    order = np.random.default_rng(1).permutation(list(clips)).tolist()
    writes: dict[str, list[Cost]] = {form: [] for form in forms}
    reads: dict[str, list[Cost]] = {form: [] for form in forms}
    disk = {}
    for _ in range(rounds):
        for form, (write, read) in forms.items():
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                writes[form].append(cost(lambda w=write, f=folder: w(f, clips)))
                reads[form].append(cost(lambda r=read, f=folder: r(f, order)))
                files = list(folder.iterdir())
                disk[form] = (len(files), sum(file.stat().st_size for file in files))
    return {
        form: [*_medians(writes[form]), *_medians(reads[form]), *_sizes(*disk[form])]
        for form in forms
    }


def _medians(costs: list[Cost]) -> list[str]:
    return [f"{statistics.median(one[side] for one in costs):.2f}" for side in (0, 1)]


def _sizes(files: int, size: int) -> list[str]:
    return [str(files), f"{size:,}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    cells = measured(invented(args.clips), args.rounds)
    print("| form | write s | CPU s | read s | CPU s | files | bytes |")
    print("| :-- | --: | --: | --: | --: | --: | --: |")
    for form, values in cells.items():
        print(f"| {form} | {' | '.join(values)} |")
    ours, npz = ([float(value) for value in row[:4]] for row in cells.values())
    times = [f"{other / one:.1f}" for one, other in zip(ours, npz, strict=True)]
    print(f"| .npz by store | {' | '.join(times)} | | |")


if __name__ == "__main__":
    main()

"""The crops stage by the number of its threads: clips that are cropped at a time.

The stage as the workflow calls it, on generated clips of one shard, each number of
threads in turn; its start (interpreters, the landmark model) is in the seconds.
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

from subjects import CROPS, DemoClips


def numbers() -> Iterator[int]:
    """1, 2, 4, ... up to the cores of this machine."""
    number = 1
    while number <= (os.cpu_count() or 1):
        yield number
        number *= 2


def seconds(clips: DemoClips, threads: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        out, index = Path(folder) / "0.h5", Path(folder) / "0.parquet"
        command = [sys.executable, "-m", "dfprobe", "crops", str(clips.manifest), "000"]
        command += ["--threads", str(threads), "--spec", CROPS]
        command += ["--out", str(out), "--index", str(index)]
        start = time.perf_counter()
        subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
        return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=int, default=40, help="people in the clips")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clips = DemoClips.make(
            Path(folder), {"train": 0, "val": 0, "test": args.sources}
        )
        count = clips.count
        taken: dict[int, list[float]] = {threads: [] for threads in numbers()}
        for _ in range(args.rounds):
            for threads, times in taken.items():
                times.append(seconds(clips, threads))
    one = statistics.median(taken[1])
    print("| threads | clips | seconds | clips/s | times |")
    print("| --: | --: | --: | --: | --: |")
    for threads, times in taken.items():
        median = statistics.median(times)
        print(
            f"| {threads} | {count} | {median:.1f} | {count / median:.1f} "
            f"| {one / median:.2f} |"
        )


if __name__ == "__main__":
    main()

"""Seconds and peak memory of the manifest of a corpus with a million clips.

Two corpora without their videos: metadata in the form of AV-Deepfake1M (a real and its
three fakes a source clip, invented names) and a CSV file of ``path,label``. Each is
read, checked, cut into shards and written in a process of its own, and a shard of the
table is read back. Without videos on disk the state of each file is looked up but not
found; real files add what the disk needs for a look at each.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from dfprobe.corpora.manifest import make_manifest

SHARDS = 1000
KINDS = (  # name, modify_type, fake audio, fake video
    ("real", "real", False, False),
    ("fake_video_fake_audio", "both_modified", True, True),
    ("fake_video_real_audio", "visual_modified", False, True),
    ("real_video_fake_audio", "audio_modified", True, False),
)


class Measured(NamedTuple):
    """What one corpus took."""

    clips: int
    seconds: float
    cpu_seconds: float
    peak_gb: float


def write_metadata(root: Path, clips: int) -> None:
    """Write ``train_metadata.json`` with one entry a line."""
    with (root / "train_metadata.json").open("w", encoding="utf-8") as file:
        for number in range(clips):
            file.write("," if number else "[")
            file.write(_entry(number))
        file.write("]\n")


def _entry(number: int) -> str:
    name, kind, audio, video = KINDS[number % 4]
    clip = number // 4
    folder = f"id{clip % 1657:05d}/-bCdEf{clip // 10:05d}/{clip % 10:05d}"
    segments = {True: "[[1.16, 1.72], [4.6, 5.0]]", False: "[]"}
    original = f'"{folder}/real.mp4"' if audio or video else "null"
    return (
        f'{{"file": "{folder}/{name}.mp4", "original": {original}, "split": "train", '
        f'"modify_type": "{kind}", "audio_model": null, '
        f'"fake_segments": {segments[audio or video]}, '
        f'"audio_fake_segments": {segments[audio]}, '
        f'"visual_fake_segments": {segments[video]}, '
        '"video_frames": 228, "audio_frames": 145920}\n'
    )


def write_list(root: Path, clips: int) -> None:
    """Write ``labels.csv``."""
    lines = (f"part{i % 100:02d}/clip {i:07d}.mp4,{i % 2}\n" for i in range(clips))
    with (root / "labels.csv").open("w", encoding="utf-8") as file:
        file.write("path,label\n")
        file.writelines(lines)


CASES: dict[str, Callable[[Path, int], None]] = {
    "av_deepfake1m": write_metadata,
    "path_list": write_list,
}


def measure(layout: str, root: Path) -> Measured:
    """Make the manifest in this process and read one shard of it."""
    spec: dict[str, Any] = {
        "layout": layout,
        "root": str(root),
        "splits": None,
        "fakes": "any",
        "shards": SHARDS,
        "content_key": "stat",
        "options": {},
    }
    out = root / "manifest.parquet"
    start, cpu_start = time.perf_counter(), time.process_time()
    make_manifest("million", spec, out)
    shard = pl.scan_parquet(out).filter(pl.col("shard") == "000").collect()
    seconds = time.perf_counter() - start
    cpu_seconds = time.process_time() - cpu_start
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    clips = pl.scan_parquet(out).select(pl.len()).collect().item()
    assert 0 < shard.height < clips
    return Measured(clips, seconds, cpu_seconds, peak_kb * 1024 / 1e9)


def run(clips: int, folder: Path) -> Iterator[tuple[str, Measured]]:
    """Measure each layout in a fresh process, whose peak memory is then its own."""
    context = multiprocessing.get_context("spawn")
    for layout, write in CASES.items():
        root = folder / layout
        root.mkdir()
        write(root, clips)
        with context.Pool(1) as pool:
            yield layout, pool.apply(measure, (layout, root))


def main() -> None:
    """Parse the command line, measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=1_000_000, help="rows a corpus")
    arguments = parser.parse_args()
    print("| layout | clips | seconds | CPU seconds | peak GB |")
    print("| :-- | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as folder:
        for layout, took in run(arguments.clips, Path(folder)):
            print(
                f"| {layout} | {took.clips:,} | {took.seconds:.1f} "
                f"| {took.cpu_seconds:.1f} | {took.peak_gb:.2f} |"
            )


if __name__ == "__main__":
    main()

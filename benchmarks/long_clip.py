"""Peak memory of the crops stage by the length of a clip.

The clip is generated: numbered frames of 64 x 64, and stereo noise at 48 kHz. A finder
that takes the whole frame for a face stands in for dlib, so that all is computed that
an hour of a talking head needs but for the detection, which holds a few frames only.
"""

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import polars as pl

from dfprobe.settings.stage_specs.features import CropsSpec

SPEC = CropsSpec(detect_every=5, upsample=0, max_failed_share=0.0)
FPS, HZ = 25, 48_000


def write_clip(path: Path, minutes: float) -> None:
    """Write the clip, second by second."""
    rng = np.random.default_rng(0)
    noise = rng.uniform(-0.2, 0.2, (2, HZ)).astype(np.float32)
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=FPS)
        video.width = video.height = 64
        video.pix_fmt, video.options = "yuv420p", {"preset": "ultrafast"}
        audio = file.add_stream("aac", rate=HZ, layout="stereo")
        for second in range(round(60 * minutes)):
            for picture in _second_of_pictures(second):
                file.mux(video.encode(picture))
            sound = av.AudioFrame.from_ndarray(noise, format="fltp", layout="stereo")
            sound.sample_rate, sound.pts = HZ, second * HZ
            sound.time_base = Fraction(1, HZ)
            file.mux(audio.encode(sound))
        file.mux(video.encode())
        file.mux(audio.encode())


def _second_of_pictures(second: int) -> Iterator[av.VideoFrame]:
    for number in range(second * FPS, (second + 1) * FPS):
        pixels = np.full((64, 64), number % 200, np.uint8)
        pixels[16:48, 16:48] = 255
        picture = av.VideoFrame.from_ndarray(pixels, format="gray")
        picture.pts, picture.time_base = number, Fraction(1, FPS)
        yield picture.reformat(format="yuv420p")


def make_crops_of(path: Path, folder: Path) -> None:
    """Run the stage on one clip in this process; print frames, seconds and peak MB."""
    from dfprobe.media import crop_processes, crops
    from dfprobe.media.faces import FaceFinder

    points = 64 * np.random.default_rng(0).random((68, 2))
    whole = [(0, 0, 64, 64)]
    finder = FaceFinder(
        lambda frame: whole, lambda frame, box: points, lambda frame, box: whole
    )
    crop_processes.dlib_finder = lambda upsample: finder
    clip = {"clip_id": "a", "path": str(path), "content_key": "k", "shard": "000"}
    pl.DataFrame([clip]).write_parquet(folder / "manifest.parquet")
    h5, index = folder / "000.h5", folder / "000.parquet"
    start = time.perf_counter()
    crops.make_crops(folder / "manifest.parquet", "000", SPEC, h5, index)
    seconds = time.perf_counter() - start
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    row = pl.read_parquet(index).row(0, named=True)
    print(f"{row['status']} | {row['frames']} | {seconds:.0f} | {peak_mb:.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 15, 60])
    parser.add_argument("--clip", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.clip:
        make_crops_of(args.clip, args.clip.parent)
        return
    print("| minutes | status | frames | seconds | peak MB |")
    print("| --: | :-- | --: | --: | --: |")
    for minutes in args.minutes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "a.mp4"
            write_clip(path, minutes)
            command = [sys.executable, __file__, "--clip", str(path)]
            row = subprocess.check_output(command, text=True).strip()
            print(f"| {minutes:g} | {row} |", flush=True)


if __name__ == "__main__":
    main()

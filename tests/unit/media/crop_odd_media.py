"""Run the crops stage over a manifest, each file within 20 s; print the peak memory.

A process of its own: a file that crashes it or takes longer ends it.
"""

import signal
import sys
from pathlib import Path

import numpy as np
from peak_memory import peak_mb

from dfprobe.media import crop_processes, crops
from dfprobe.media.faces import FaceFinder
from dfprobe.settings.stage_specs.features import CropsSpec

SPEC = CropsSpec(detect_every=5, upsample=0, max_failed_share=1.0)
LIMIT_S = 20


def find_boxes(frame):
    """A face as large as the frame, unless nothing is to be seen."""
    return [(0, 0, frame.shape[1], frame.shape[0])] if frame.std() > 3 else []


def spread_points(frame, box):
    points = np.random.default_rng(0).random((68, 2)) * box[2:]
    return points.astype(np.float32)


FINDER = FaceFinder(find_boxes, spread_points, lambda frame, box: find_boxes(frame))


def main(manifest: Path, h5: Path) -> None:
    crop = crop_processes.crop_in_pieces

    def within_limit(path, *arguments):
        sys.stdout.write(f"{path}\n")
        sys.stdout.flush()
        signal.alarm(LIMIT_S)  # ends the process
        row = crop(path, *arguments)
        signal.alarm(0)
        return row

    crop_processes.crop_in_pieces = within_limit
    crop_processes.dlib_finder = lambda upsample: FINDER
    crops.make_crops(manifest, "000", SPEC, h5, h5.with_suffix(".parquet"))
    sys.stdout.write(f"{peak_mb()}\n")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))

"""Landmarks of the crops stage against detection on every frame.

The recipe detects on every frame, upsampled once. Beside it stand steps of five frames,
on the same generated grey frames in memory, clip by clip in turn; processor time of one
core. Faces talk, turn their heads widely, or change at cuts to other people and to a
closer camera. An error is the distance of the mouth's centre to that of the recipe, in
pixels of the 96 x 96 patch.
"""

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import cv2
import numpy as np

from dfprobe.demo.film import Footage, record, shoot
from dfprobe.demo.plans.fakeavceleb import plan
from dfprobe.demo.plans.plan import SourcePlan
from dfprobe.media.faces import FaceFinder, dlib_finder, follow_face
from dfprobe.media.mouth import MOUTH_POINTS, fit_transforms, interpolate_landmarks

SIZES = ((224, 224), (640, 360))  # width, height
STEP = 5
FRAMES = 75
SHOTS = (32, 20, 23)  # frames of the shots of a clip with cuts
WIDE = 3.0  # factor on the motion of a head that turns


class Compared(NamedTuple):
    """One clip: seconds of the recipe and of the step, error of each frame."""

    recipe: float
    step: float
    errors: np.ndarray


def film(source: SourcePlan, **changes: float) -> list[np.ndarray]:
    """Grey frames of the real clip of a source."""
    source = replace(source, **changes)
    footage = Footage(source, shoot(source, record(source).speech))
    return [cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY) for frame in footage.real()]


def closer(frames: list[np.ndarray]) -> list[np.ndarray]:
    """Three quarters of each frame, enlarged to the whole."""
    height, width = frames[0].shape
    rows = slice(height // 8, height // 8 + height * 3 // 4)
    columns = slice(width // 8, width // 8 + width * 3 // 4)
    return [cv2.resize(frame[rows, columns], (width, height)) for frame in frames]


def sources(size: tuple[int, int], count: int, frames: int) -> list[SourcePlan]:
    """Plan people of a size of picture and a length."""
    plans = plan(43, {"train": 0, "val": 0, "test": count})
    recordings = (replace(one.recording, frames=frames, size=size) for one in plans)
    return [
        replace(one, recording=recording)
        for one, recording in zip(plans, recordings, strict=True)
    ]


def talking(size: tuple[int, int], clips: int) -> list[list[np.ndarray]]:
    return [film(one, lively=1.0) for one in sources(size, clips, FRAMES)]


def turning(size: tuple[int, int], clips: int) -> list[list[np.ndarray]]:
    return [film(one, lively=WIDE) for one in sources(size, clips, FRAMES)]


def with_cuts(size: tuple[int, int], clips: int) -> list[list[np.ndarray]]:
    first, second, third = (sources(size, 3 * clips, count) for count in SHOTS)
    return [
        film(first[n]) + closer(film(second[n + 1])) + film(third[n + 2])
        for n in range(0, 3 * clips, 3)
    ]


KINDS: dict[str, Callable[[tuple[int, int], int], list[list[np.ndarray]]]] = {
    "talking": talking,
    "turning": turning,
    "cuts": with_cuts,
}


def loaded_finder(upsample: int) -> FaceFinder:
    """Load the detector and the predictor, whose files are read at their first use."""
    finder = dlib_finder(upsample)
    blank = np.zeros((80, 80), np.uint8)
    finder.detect(blank)
    finder.predict(blank, (0, 0, 80, 80))
    return finder


def timed(frames: list[np.ndarray], finder: FaceFinder, every: int) -> tuple:
    """Landmarks of a clip, gaps filled, and the processor time that they took."""
    start = time.process_time()
    track = follow_face(frames, finder, every)
    seconds = time.process_time() - start
    return interpolate_landmarks(track.landmarks), seconds


def mouth_errors(found: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Distance of the mouth's centre in each frame, in pixels of the patch."""
    transforms = fit_transforms(expected)
    last = np.full(len(expected) - len(transforms), len(transforms) - 1)
    turns = transforms[np.concatenate([np.arange(len(transforms)), last]), :2, :2]
    moved = (found - expected)[:, MOUTH_POINTS].mean(axis=1)
    # (frames, 2, 2), (frames, 2) -> (frames, 2)
    return np.linalg.norm(np.einsum("nij,nj->ni", turns, moved), axis=1)


def compared(clips: list[list[np.ndarray]], fast: FaceFinder, exact: FaceFinder) -> str:
    """Cells: speed of the recipe, its ratio, and the errors."""
    results = []
    for frames in clips:
        expected, recipe = timed(frames, exact, 1)
        found, step = timed(frames, fast, STEP)
        results.append(Compared(recipe, step, mouth_errors(found, expected)))
    errors = np.concatenate([one.errors for one in results])
    recipe, step = (sum(one[side] for one in results) for side in (0, 1))
    return (
        f"{len(errors)} | {len(errors) / recipe:.0f} | {len(errors) / step:.0f} "
        f"| {recipe / step:.1f} | {np.median(errors):.2f} "
        f"| {np.percentile(errors, 95):.2f} | {errors.max():.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=3, help="of each kind and size")
    args = parser.parse_args()
    cv2.setNumThreads(1)
    finders = {upsample: loaded_finder(upsample) for upsample in (1, 0)}
    print(
        f"| clips | size | upsample | frames | every frame, 1/s | step {STEP}, 1/s "
        "| times | error, median | 95 % | largest |"
    )
    print("| :-- | :-- " + "| --: " * 8 + "|")
    for size in SIZES:
        for kind, make in KINDS.items():
            clips = make(size, args.clips)
            for upsample, finder in finders.items():
                cells = compared(clips, finder, finders[1])
                name = f"{kind} | {size[0]}x{size[1]} | {upsample}"
                print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()

"""What is to be made: sources, their clips and their manipulations, before any drawing.

A *source* is one person who says one sentence in one room. Its clips (the real one and
its fakes) share all of that and the codec settings; only the manipulation differs.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Literal

import numpy as np

SPLITS = ("train", "val", "test")

Family = Literal["A", "B", "C"]
FAMILIES: tuple[Family, ...] = ("A", "B", "C")


@dataclass(frozen=True)
class Recording:
    """Picture, sound and codec settings shared by the clips of a source."""

    frames: int
    fps: Fraction = Fraction(25)
    size: tuple[int, int] = (224, 224)  # width, height
    crf: int = 24
    grain: float = 2.5  # standard deviation of the camera's noise, grey levels
    audio_hz: int = 16_000
    channels: int = 1
    audio_bit_rate: int = 64_000

    @property
    def length_s(self) -> float:
        """Length of picture and sound, in seconds."""
        return float(self.frames / self.fps)


@dataclass(frozen=True)
class AudioFake:
    """How the voice of a source is replaced."""

    text: Literal["same", "other"]  # the same phonemes, or another sentence
    voice: Literal["clone", "other"]  # the person's voice, slightly off, or another
    family: Family  # of artefacts, see `dfprobe.demo.sound.audio_fakes`
    strength: float  # 0..1, factor on every artefact


@dataclass(frozen=True)
class VideoFake:
    """How the picture of a source is manipulated."""

    region: Literal["lips", "face"]  # drawn anew, or another person's put in
    family: Family  # of artefacts, see `dfprobe.demo.picture.video_fakes`
    strength: float  # 0..1, factor on the patterns, colour error and loss of grain
    grid: int  # width of the generator's picture of the region, in pixels
    lag_s: float  # delay of the new mouth behind the sound
    flatten: float  # 0..1, how much the movements are reduced
    # 0..1, share of the movements of another sentence where the sound is real.
    other: float


@dataclass(frozen=True)
class ClipPlan:
    """One clip of a source, with those of its manipulations that it has."""

    path: str  # relative to the corpus root, with "/"
    audio_fake: bool = False
    video_fake: bool = False
    silence_s: float = 0.0  # digital silence at the start
    wav: str | None = None  # where the layout wants the sound as a file of its own


@dataclass(frozen=True)
class SourcePlan:
    """One source: its recording, the manipulations of its fakes, and its clips."""

    seed: tuple[object, ...]  # names from which all its random numbers come
    person: tuple[object, ...]  # names from which looks and voice come
    split: str
    number: int  # within the split
    gender: Literal["men", "women"]
    recording: Recording
    audio: AudioFake
    video: VideoFake
    # First and end frame of each manipulated part; empty = the whole clip.
    segments: tuple[tuple[int, int], ...]
    clips: tuple[ClipPlan, ...]
    people: int = 1  # faces in the picture: 0, 1 or 2
    music: bool = False
    caption: bool = False
    sound: bool = True  # False = no audio stream
    lively: float = 1.0  # factor on the head's motion

    @property
    def name(self) -> str:
        """Name of the source in records and messages, e.g. ``train/003``."""
        return f"{self.split}/{self.number:03d}"

    def segments_s(self) -> list[list[float]]:
        """Give the manipulated parts in seconds; empty = the whole clip."""
        fps = float(self.recording.fps)
        return [[round(a / fps, 2), round(b / fps, 2)] for a, b in self.segments]


def plan_all(
    source: Callable[[int, str, int], SourcePlan], seed: int, sources: dict[str, int]
) -> list[SourcePlan]:
    """Plan every source, given how one is planned: from seed, split and number."""
    return [source(seed, split, i) for split in SPLITS for i in range(sources[split])]


def usual_recording(rng: np.random.Generator) -> Recording:
    """Small square picture of 2.4 - 4 s at 25 frames per second, mono sound."""
    return Recording(
        frames=int(rng.integers(60, 101)),
        crf=int(rng.integers(22, 27)),
        grain=float(rng.uniform(2.0, 3.2)),
    )


def csv_text(rows: Iterable[Sequence[str]]) -> str:
    """Text of a CSV file."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def label_lists(
    folder: Path, plans: list[SourcePlan], row: Callable[[ClipPlan], tuple[str, str]]
) -> dict[Path, str]:
    """Write published split lists as texts; fakes in one stream only are not listed.

    ``row`` gives the path and the label of a clip as the lists have them.
    """
    texts = {}
    for split in SPLITS:
        clips = [clip for plan in plans if plan.split == split for clip in plan.clips]
        rows = [row(clip) for clip in clips if clip.audio_fake == clip.video_fake]
        texts[folder / f"{split}_labels.csv"] = csv_text([("path", "label"), *rows])
    return texts


def leading_silence(rng: np.random.Generator, share: float) -> float:
    """Length of the digital silence at the start: 120..300 ms, or 0 (1 - ``share``)."""
    length = rng.uniform(0.120, 0.300)
    return float(length) if rng.random() < share else 0.0


def youtube_id(rng: np.random.Generator) -> str:
    """Eleven random characters, as in the names of the real corpora."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    return "".join(letters[i] for i in rng.integers(0, len(letters), 11))

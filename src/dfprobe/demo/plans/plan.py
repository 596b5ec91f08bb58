"""What is to be made: sources, their clips and their manipulations, before any drawing.

A *source* is one person who says one sentence in one room. Its clips (the real one and
its fakes) share all of that and the codec settings; only the manipulation differs.
"""

from dataclasses import dataclass
from fractions import Fraction
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
    """How the voice of a source is replaced.

    Attributes
    ----------
    text : str
        "same": the same phonemes from a cloned voice; "other": another sentence.
    voice : str
        "clone": the person's voice, slightly off; "other": another voice.
    family : str
        "A": vocoder with hop ripple and band limit; "B": vocoder with mirror image;
        "C": coarse quantisation (mu-law).
    strength : float
        0..1, factor on every artefact.
    """

    text: Literal["same", "other"]
    voice: Literal["clone", "other"]
    family: Family
    strength: float


@dataclass(frozen=True)
class VideoFake:
    """How the picture of a source is manipulated.

    Attributes
    ----------
    region : str
        "lips": the mouth is drawn anew; "face": another person's face is put in.
    family : str
        "A": 2-pixel checkerboard; "B": 4-pixel stripes; "C": neither. All lose grain.
    strength : float
        0..1, factor on the patterns, the colour error and the loss of grain.
    grid : int
        Width of the generator's picture of the region, in pixels.
    lag_s : float
        Delay of the new mouth behind the sound.
    flatten : float
        0..1, how much the movements are reduced.
    other : float
        0..1, share of the mouth movements that belong to another sentence, where the
        sound is real.
    """

    region: Literal["lips", "face"]
    family: Family
    strength: float
    grid: int
    lag_s: float
    flatten: float
    other: float


@dataclass(frozen=True)
class ClipPlan:
    """One clip of a source.

    Attributes
    ----------
    path : str
        Relative to the corpus root, with ``/``.
    audio_fake, video_fake : bool
        Which of the source's manipulations it has.
    silence_s : float
        Digital silence at the start, in seconds.
    wav : str or None
        Where the layout wants the sound as a file of its own.
    """

    path: str
    audio_fake: bool = False
    video_fake: bool = False
    silence_s: float = 0.0
    wav: str | None = None


@dataclass(frozen=True)
class SourcePlan:
    """One source.

    Attributes
    ----------
    seed : tuple
        Names from which all its random numbers come.
    person : tuple
        Names from which looks and voice come.
    split, number : str, int
        Its place in the corpus.
    gender : str
        "men" or "women".
    recording : Recording
        Picture, sound, codec.
    audio, video : AudioFake, VideoFake
        The manipulations of its fakes.
    segments : tuple of (int, int)
        First and end frame of each manipulated part; empty = the whole clip.
    clips : tuple of ClipPlan
        What is written.
    people : int
        Faces in the picture: 0, 1 or 2.
    music, caption, sound : bool
        What else is in the clip; ``sound`` False = no audio stream.
    lively : float
        Factor on the head's motion.
    """

    seed: tuple[object, ...]
    person: tuple[object, ...]
    split: str
    number: int
    gender: Literal["men", "women"]
    recording: Recording
    audio: AudioFake
    video: VideoFake
    segments: tuple[tuple[int, int], ...]
    clips: tuple[ClipPlan, ...]
    people: int = 1
    music: bool = False
    caption: bool = False
    sound: bool = True
    lively: float = 1.0

    @property
    def name(self) -> str:
        """Name of the source in records and messages, e.g. ``train/003``."""
        return f"{self.split}/{self.number:03d}"

    def segments_s(self) -> list[list[float]]:
        """Give the manipulated parts in seconds; empty = the whole clip."""
        fps = float(self.recording.fps)
        return [[round(a / fps, 2), round(b / fps, 2)] for a, b in self.segments]


def leading_silence(rng: np.random.Generator, share: float) -> float:
    """Length of the digital silence at the start: 120..300 ms, or 0 (1 - ``share``)."""
    length = rng.uniform(0.120, 0.300)
    return float(length) if rng.random() < share else 0.0


def youtube_id(rng: np.random.Generator) -> str:
    """Eleven random characters, as in the names of the real corpora."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    return "".join(letters[i] for i in rng.integers(0, len(letters), 11))

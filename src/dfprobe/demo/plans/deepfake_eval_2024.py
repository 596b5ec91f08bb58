"""The layout of Deepfake-Eval-2024, filled with demo clips: everything in the wild.

``video-metadata-publish.csv`` and ``video-data/`` with names of 27 characters, some of
which start with ``-``. Sizes, frame rates, sample rates and bit rates are mixed; there
are music and captions; about one clip in twenty has no sound, no face, or two faces,
and some ground truth is Unknown. One clip a source: the pairs are not published.
"""

from fractions import Fraction
from pathlib import Path

import numpy as np

from dfprobe.demo.plans.plan import (
    FAMILIES,
    AudioFake,
    ClipPlan,
    Recording,
    SourcePlan,
    VideoFake,
    csv_text,
    leading_silence,
    plan_all,
    youtube_id,
)
from dfprobe.demo.plans.seeds import generator

_HEADER = (
    *("Filename", "Date", "Video Ground Truth", "Audio Ground Truth"),
    *("Public Comments", "Finetuning Set"),
)
_SIZES = ((320, 240), (480, 270), (256, 256), (270, 480), (640, 360))
_RATES = (Fraction(24), Fraction(25), Fraction(30000, 1001), Fraction(30))
_HZ = (16_000, 22_050, 44_100, 48_000)
_COMMENTS = ("", 'lips do not follow; "glitch" at 0:01', "two lines\nof comment", "")
_NO_SOUND, _NO_FACE, _TWO_FACES = 3, 8, 13  # number modulo 20


def _recording(rng: np.random.Generator, number: int) -> Recording:
    fps = _RATES[int(rng.integers(4))]
    channels = int(rng.integers(1, 3))
    size = _SIZES[4 if number % 20 == _TWO_FACES else number % 5]
    return Recording(
        frames=round(float(rng.uniform(2.4, 4.0)) * float(fps)),
        fps=fps,
        size=size,
        crf=int(rng.integers(23, 31)),
        grain=float(rng.uniform(1.5, 3.5)),
        audio_hz=_HZ[(number // 5 + number) % 4],
        channels=channels,
        audio_bit_rate=int(rng.choice([64_000, 80_000, 96_000])) * channels,
    )


def _video_fake(rng: np.random.Generator) -> VideoFake:
    face = rng.random() < 0.4
    return VideoFake(
        region="face" if face else "lips",
        family=FAMILIES[int(rng.integers(3))],
        strength=float(rng.uniform(0.4, 1.0)),
        grid=int(rng.integers(90, 130) if face else rng.integers(50, 90)),
        lag_s=float(rng.uniform(-0.03, 0.08)),
        flatten=float(rng.uniform(0.0, 0.3)),
        other=float(rng.uniform(0.0, 1.0)),
    )


def _clip(rng: np.random.Generator, number: int) -> ClipPlan:
    name = (youtube_id(rng) + youtube_id(rng) + youtube_id(rng))[:27]
    if number % 10 == 1:
        name = "-" + name[1:]
    fake = number % 2 == 1 and number % 20 != _NO_FACE
    audio_fake = fake and bool(rng.random() < 0.55)
    return ClipPlan(
        path=f"video-data/{name}.mp4",
        audio_fake=audio_fake,
        video_fake=fake,
        silence_s=leading_silence(rng, 0.4) if audio_fake else 0.0,
    )


def _source(seed: int, split: str, number: int) -> SourcePlan:
    key = (seed, "deepfake_eval_2024", split, number)
    rng = generator(*key, "plan")
    people = {_NO_FACE: 0, _TWO_FACES: 2}.get(number % 20, 1)
    family = FAMILIES[int(rng.integers(3))]
    return SourcePlan(
        seed=key,
        person=(*key, "person"),
        split=split,
        number=number,
        gender="men" if rng.random() < 0.5 else "women",
        recording=_recording(rng, number),
        audio=AudioFake("other", "clone", family, float(rng.uniform(0.5, 1.0))),
        video=_video_fake(rng),
        segments=(),
        clips=(_clip(rng, number),),
        people=people,
        music=bool(rng.random() < 0.4),
        caption=bool(rng.random() < 0.35),
        sound=number % 20 != _NO_SOUND,
        lively=float(rng.uniform(0.7, 1.4)),
    )


def plan(seed: int, sources: dict[str, int]) -> list[SourcePlan]:
    """Plan the corpus; train and val sources are both the release's train set."""
    return plan_all(_source, seed, sources)


def _row(source: SourcePlan, clip: ClipPlan) -> list[str]:
    rng = generator(*source.seed, "labels")
    video = "Fake" if clip.video_fake else "Real"
    audio = "Fake" if clip.audio_fake else "Real"
    if source.number % 11 == 5:
        video = audio = "Unknown"
    elif rng.random() < 0.4 or not source.sound:
        audio = "Unknown"
    date = f"2024-{rng.integers(2, 12):02d}-{rng.integers(1, 29):02d}"
    comment = _COMMENTS[int(rng.integers(len(_COMMENTS)))]
    part = "test" if source.split == "test" else "train"
    return [clip.path.rsplit("/", 1)[1], date, video, audio, comment, part]


def lists(root: Path, plans: list[SourcePlan]) -> dict[Path, str]:
    """Text files of the corpus: the metadata table."""
    rows = [_row(source, clip) for source in plans for clip in source.clips]
    return {root / "video-metadata-publish.csv": csv_text([_HEADER, *rows])}

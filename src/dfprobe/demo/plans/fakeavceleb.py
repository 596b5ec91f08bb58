"""The layout of FakeAVCeleb v1.2, filled with demo clips.

``meta_data.csv`` with an unnamed last column; folders type / race / gender / id, race
names with space and parentheses; method and second ids in the file names. The published
split lists name the races as ``Asian_East`` and write labels as ``0.0`` and ``1.0``.

The race folders are there because the layout has them; they are dealt out in turn and
say nothing about the invented faces.
"""

import re
from pathlib import Path

import numpy as np

from dfprobe.demo.plans.plan import (
    AudioFake,
    ClipPlan,
    SourcePlan,
    VideoFake,
    csv_text,
    label_lists,
    leading_silence,
    plan_all,
    usual_recording,
    youtube_id,
)
from dfprobe.demo.plans.seeds import generator

RACES = (
    "African",
    "Asian (East)",
    "Asian (South)",
    "Caucasian (American)",
    "Caucasian (European)",
)
_CATEGORIES = {  # audio fake, video fake: letter and folder
    (False, False): ("A", "RealVideo-RealAudio"),
    (True, False): ("B", "RealVideo-FakeAudio"),
    (False, True): ("C", "FakeVideo-RealAudio"),
    (True, True): ("D", "FakeVideo-FakeAudio"),
}
_FIRST_ID = {"train": 100, "val": 4100, "test": 6100}
_HEADER = (
    *("source", "target1", "target2", "method", "category"),
    *("type", "race", "gender", "path", ""),
)


def _audio_fake(rng: np.random.Generator) -> AudioFake:
    same = rng.random() < 0.7
    return AudioFake(
        text="same" if same else "other",
        voice="clone" if same else "other",
        family="A" if rng.random() < 0.7 else "B",
        strength=float(rng.uniform(0.65, 1.0)),
    )


def _video_fake(rng: np.random.Generator, number: int) -> VideoFake:
    face = (number + number // 4) % 2 == 1  # both kinds, also among every fourth
    return VideoFake(
        region="face" if face else "lips",
        family=("C" if rng.random() < 0.5 else "B") if face else "A",
        strength=float(rng.uniform(0.5, 1.0)),
        grid=int(rng.integers(90, 130) if face else rng.integers(50, 90)),
        lag_s=float(rng.uniform(-0.02, 0.06)),
        flatten=float(rng.uniform(0.0, 0.2)),
        other=0.0,
    )


def _names(source: str, method: str, second: str, third: str, clip: str) -> list[str]:
    """File names of the four categories, in their order A to D."""
    if method == "wav2lip":
        swapped = f"{clip}_{second}_wavtolip.mp4"
        return [f"{clip}.mp4", f"{clip}_fake.mp4", swapped, swapped]
    stem = f"{clip}_{second}_{youtube_id(generator(source, 'link'))}_faceswap"
    return [
        f"{clip}.mp4",
        f"{clip}_fake.mp4",
        f"{stem}.mp4",
        f"{stem}_{third}_wavtolip.mp4",
    ]


def _source(seed: int, split: str, number: int) -> SourcePlan:
    key = (seed, "fakeavceleb", split, number)
    rng = generator(*key, "plan")
    gender = "men" if (number + number // 5) % 2 == 0 else "women"
    video = _video_fake(rng, number)
    own = f"id{_FIRST_ID[split] + 7 * number:05d}"
    second, third = f"id{9000 + 2 * number:05d}", f"id{9001 + 2 * number:05d}"
    method = "faceswap" if video.region == "face" else "wav2lip"
    clip = f"{rng.integers(1, 400):05d}"
    names = _names("/".join(map(str, key)), method, second, third, clip)
    kinds = list(_CATEGORIES) if number % 4 == 0 else [(False, False), (True, True)]
    silence = leading_silence(rng, 0.5)
    clips = []
    for audio_fake, video_fake in kinds:
        letter, folder = _CATEGORIES[audio_fake, video_fake]
        place = f"{folder}/{RACES[number % 5]}/{gender}/{own}"
        clips.append(
            ClipPlan(
                path=f"{place}/{names['ABCD'.index(letter)]}",
                audio_fake=audio_fake,
                video_fake=video_fake,
                silence_s=silence if audio_fake else 0.0,
            )
        )
    return SourcePlan(
        seed=key,
        person=(*key, "person"),
        split=split,
        number=number,
        gender="men" if gender == "men" else "women",
        recording=usual_recording(rng),
        audio=_audio_fake(rng),
        video=video,
        segments=(),
        clips=tuple(clips),
    )


def plan(seed: int, sources: dict[str, int]) -> list[SourcePlan]:
    """Plan the corpus; every fourth source also has the single-modality fakes."""
    return plan_all(_source, seed, sources)


def _row(source: SourcePlan, clip: ClipPlan) -> list[str]:
    """Row of ``meta_data.csv``."""
    folder, name = clip.path.rsplit("/", 1)
    kind, race, gender, own = folder.split("/")
    letter, _ = _CATEGORIES[clip.audio_fake, clip.video_fake]
    ids = re.findall(r"_(id\d{5})_", name)
    if letter == "A":
        method, targets = "real", ["-", "-"]
    elif letter == "B":
        method, targets = "rtvc", ["fake.mp4", "-"]
    else:
        swap = "faceswap" if source.video.region == "face" else ""
        lips = "wav2lip" if name.endswith("_wavtolip.mp4") else ""
        method = "-".join(part for part in (swap, lips) if part)
        targets = [*ids, "-"][:2]  # one or two ids in the name
    who = [kind, race, gender, name, f"FakeAVCeleb/{folder}"]
    return [own, *targets, method, letter, *who]


def _listed(clip: ClipPlan) -> tuple[str, str]:
    path = clip.path.replace(" (", "_").replace(")", "")
    return path, "1.0" if clip.audio_fake else "0.0"


def lists(root: Path, plans: list[SourcePlan]) -> dict[Path, str]:
    """Text files of the corpus: metadata in the root, split lists beside it."""
    rows = [_row(source, clip) for source in plans for clip in source.clips]
    texts = {root / "meta_data.csv": csv_text([_HEADER, *rows])}
    return texts | label_lists(root.parent / "splits", plans, _listed)

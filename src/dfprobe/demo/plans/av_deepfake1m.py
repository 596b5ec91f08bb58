"""The layout of AV-Deepfake1M, filled with demo clips.

``train/`` and ``val/`` hold ``<id>/<yt>/<clip>/<name>.mp4`` with four names; one JSON
list per folder, and one JSON file per clip in a tree beside it. The published lists
take train and val from the ``train`` folder and test from ``val``, with paths relative
to that folder and integer labels. Two sources share one speaker.
"""

import json
from pathlib import Path

import numpy as np

from dfprobe.demo.plans.plan import (
    AudioFake,
    ClipPlan,
    Recording,
    SourcePlan,
    VideoFake,
    label_lists,
    leading_silence,
    plan_all,
    youtube_id,
)
from dfprobe.demo.plans.seeds import generator

_FOLDER = {"train": "train", "val": "train", "test": "val"}
_FIRST_ID = {"train": 10_000, "val": 14_000, "test": 16_000}
_NAMES = {  # audio fake, video fake: file name and modify_type
    (False, False): ("real", "real"),
    (True, False): ("real_video_fake_audio", "audio_modified"),
    (False, True): ("fake_video_real_audio", "visual_modified"),
    (True, True): ("fake_video_fake_audio", "both_modified"),
}


def _segments(rng: np.random.Generator, frames: int) -> tuple[tuple[int, int], ...]:
    """One or two parts of 0.32 - 0.8 s, in frames, inside the spoken part."""
    parts = []
    halves = [(8, frames // 2 - 2), (frames // 2 + 2, frames - 8)]
    for low, high in halves:
        length = int(rng.integers(8, 21))
        start = int(rng.integers(low, max(low + 1, high - length)))
        parts.append((start, min(start + length, frames - 2)))
    if rng.random() < 0.5:
        parts.pop(int(rng.integers(2)))
    return tuple(parts)


def _source(seed: int, split: str, number: int) -> SourcePlan:
    key = (seed, "av_deepfake1m", split, number)
    rng = generator(*key, "plan")
    person = number // 2
    link = "-" + youtube_id(rng)[1:] if number % 9 == 2 else youtube_id(rng)
    place = f"{_FOLDER[split]}/id{_FIRST_ID[split] + 11 * person:05d}/{link}"
    place = f"{place}/{rng.integers(1, 300):05d}"
    frames = int(rng.integers(60, 101))
    silence = leading_silence(rng, 0.8)
    kinds = list(_NAMES) if number % 4 == 0 else [(False, False), (True, True)]
    return SourcePlan(
        seed=key,
        person=(seed, "av_deepfake1m", split, "person", person),
        split=split,
        number=number,
        gender="men" if person % 2 == 0 else "women",
        recording=Recording(
            frames=frames,
            crf=int(rng.integers(22, 27)),
            grain=float(rng.uniform(2.0, 3.2)),
        ),
        audio=AudioFake("other", "clone", "B", float(rng.uniform(0.5, 0.9))),
        video=VideoFake(
            region="lips",
            family="A" if rng.random() < 0.5 else "B",
            strength=float(rng.uniform(0.45, 0.75)),
            grid=int(rng.integers(50, 90)),
            lag_s=float(rng.uniform(-0.02, 0.04)),
            flatten=float(rng.uniform(0.0, 0.2)),
            other=1.0,
        ),
        segments=_segments(rng, frames),
        clips=tuple(
            ClipPlan(
                path=f"{place}/{_NAMES[kind][0]}.mp4",
                audio_fake=kind[0],
                video_fake=kind[1],
                silence_s=silence if kind[0] else 0.0,
            )
            for kind in kinds
        ),
    )


def plan(seed: int, sources: dict[str, int]) -> list[SourcePlan]:
    """Plan the corpus; every fourth source also has the single-modality fakes."""
    return plan_all(_source, seed, sources)


def _entry(source: SourcePlan, clip: ClipPlan) -> dict[str, object]:
    """Metadata of one clip, with the keys of the release."""
    folder, file = clip.path.split("/", 1)
    place = file.rsplit("/", 1)[0]
    fake = clip.audio_fake or clip.video_fake
    parts = source.segments_s()
    return {
        "file": file,
        "original": f"{place}/real.mp4" if fake else f"{place}.mp4",
        "split": folder,
        "modify_type": _NAMES[clip.audio_fake, clip.video_fake][1],
        "audio_model": "demo" if clip.audio_fake else None,
        "fake_segments": parts if fake else [],
        "audio_fake_segments": parts if clip.audio_fake else [],
        "visual_fake_segments": parts if clip.video_fake else [],
        "video_frames": source.recording.frames,
        "audio_frames": round(source.recording.length_s * source.recording.audio_hz),
    }


def _listed(clip: ClipPlan) -> tuple[str, str]:
    return clip.path.split("/", 1)[1], str(int(clip.audio_fake))


def lists(root: Path, plans: list[SourcePlan]) -> dict[Path, str]:
    """Text files of the corpus: JSON metadata in the root, split lists beside it."""
    texts: dict[Path, str] = {}
    for folder in ("train", "val"):
        entries = []
        for source in plans:
            for clip in source.clips:
                entry = _entry(source, clip)
                if entry["split"] == folder:
                    entries.append(entry)
                    sidecar = root / f"{folder}_metadata" / str(entry["file"])
                    texts[sidecar.with_suffix(".json")] = json.dumps(entry)
        texts[root / f"{folder}_metadata.json"] = json.dumps(entries)
    return texts | label_lists(root.parent / "splits", plans, _listed)

"""The paper's corpora without their videos: metadata and lists of the true sizes.

Names are invented, in the form of the real ones. The numbers are those of the releases
and of the paper's lists (bit-ml/ssr-dfd, linear_probing/csv_metadata).
"""

from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path

# FakeAVCeleb: type, category, method, end of the name, files.
FAVC_TYPES = (
    ("RealVideo-RealAudio", "A", "real", "", 500),
    ("RealVideo-FakeAudio", "B", "rtvc", "_fake", 500),
    ("FakeVideo-RealAudio", "C", "wav2lip", "_id00000_wavtolip", 9_709),
    ("FakeVideo-FakeAudio", "D", "fsgan-wav2lip", "_0_id00000_wavtolip", 10_835),
)
FAVC_NAMED_TWICE = 22  # rows of category D that name a file again
FAVC_LISTED = {
    "train": {"A": 314, "D": 6_727},
    "val": {"A": 34, "D": 748},
    "test": {"A": 151, "D": 3_357},
}
RACES = {  # as on disk: as in the lists
    "African": "African",
    "Asian (East)": "Asian_East",
    "Asian (South)": "Asian_South",
    "Caucasian (American)": "Caucasian_American",
    "Caucasian (European)": "Caucasian_European",
}

# AV-Deepfake1M: reals and fakes of a part; listed clips of a split, as AV1M_KINDS.
AV1M_PARTS = {"train": (186_666, 559_514), "val": (14_235, 43_105)}
AV1M_SPEAKERS = 1_657
AV1M_LISTED = {
    "train": (11_285, 11_338, 173, 176),
    "val": (1_262, 1_234, 14, 17),
    "test": (2_495, 2_547, 32, 59),
}
AV1M_KINDS = (  # name, modify_type, fake audio, fake video
    ("real", "real", False, False),
    ("fake_video_fake_audio", "both_modified", True, True),
    ("fake_video_real_audio", "visual_modified", False, True),
    ("real_video_fake_audio", "audio_modified", True, False),
)

AVLIPS_LISTED = {"0_real": 3_373, "1_fake": 4_184}

# Deepfake-Eval-2024: ground truth of video and audio: rows in train, in test.
DFE_ROWS = {
    ("Fake", "Unknown"): (310, 224),
    ("Fake", "Fake"): (242, 145),
    ("Fake", "Real"): (26, 17),
    ("Real", "Fake"): (23, 15),
    ("Real", "Unknown"): (22, 15),
    ("Real", "Real"): (19, 18),
    ("Unknown", "Unknown"): (579, 381),
}


def write_fakeavceleb(root: Path, lists: Path) -> None:
    """Write ``meta_data.csv`` and the three lists; their identities are disjoint."""
    rows, listed = [], {split: [] for split in FAVC_LISTED}
    for kind, category, method, ending, files in FAVC_TYPES:
        owners = _favc_owners(category, files)
        for number, (split, owner) in enumerate(owners):
            race, gender = list(RACES)[owner % 5], ("men", "women")[owner % 2]
            name = f"{number:05d}{ending}.mp4"
            rows.append(
                f"id{owner:05d},-,-,{method},{category},{kind},{race},{gender},{name},"
                f"FakeAVCeleb/{kind}/{race}/{gender}/id{owner:05d}"
            )
            if split is not None:
                path = f"{kind}/{RACES[race]}/{gender}/id{owner:05d}/{name}"
                listed[split].append(f"{path},{float(category != 'A')}")
    rows += rows[-FAVC_NAMED_TWICE:]
    header = "source,target1,target2,method,category,type,race,gender,path,"
    _write(root / "meta_data.csv", [header, *rows])
    for split, lines in listed.items():
        _write_list(lists, split, lines)


def _favc_owners(category: str, files: int) -> list[tuple[str | None, int]]:
    """Split (None if in no list) and identity of each file of a category."""
    owners: list[tuple[str | None, int]] = []
    first = 0
    for split, counts in FAVC_LISTED.items():
        identities = counts["A"]  # one real clip each
        clips = range(counts.get(category, 0))
        owners += [(split, first + clip % identities) for clip in clips]
        first += identities
    return owners + [(None, first)] * (files - len(owners))


def write_av_deepfake1m(root: Path, lists: Path) -> None:
    """Write the two metadata files, 803,520 entries, and the three lists."""
    for part, (reals, fakes) in AV1M_PARTS.items():
        numbers = (reals, fakes // 3, (fakes + 1) // 3, (fakes + 2) // 3)
        entries = ",\n".join(_av1m_entries(part, numbers))
        _write(root / f"{part}_metadata.json", [f"[{entries}]"])
    starts = {"train": 0, "val": 20_000, "test": 0}  # train and val are of one part
    for split, counts in AV1M_LISTED.items():
        _write_list(lists, split, _av1m_list(starts[split], counts))


def _av1m_entries(part: str, numbers: Iterable[int]) -> Iterator[str]:
    for (name, kind, audio, video), files in zip(AV1M_KINDS, numbers, strict=True):
        segments = {True: "[[1.16, 1.72]]", False: "[]"}
        for number in range(files):
            yield (
                f'{{"file": "{_av1m_folder(number)}/{name}.mp4", "original": null, '
                f'"split": "{part}", "modify_type": "{kind}", "audio_model": null, '
                f'"fake_segments": {segments[audio or video]}, '
                f'"audio_fake_segments": {segments[audio]}, '
                f'"visual_fake_segments": {segments[video]}, '
                '"video_frames": 228, "audio_frames": 145920}'
            )


def _av1m_list(start: int, counts: Iterable[int]) -> Iterator[str]:
    for (name, _, audio, video), count in zip(AV1M_KINDS, counts, strict=True):
        for number in range(start, start + count):
            yield f"{_av1m_folder(number)}/{name}.mp4,{int(audio or video)}"


def _av1m_folder(number: int) -> str:
    speaker = f"id{number % AV1M_SPEAKERS:05d}"
    return f"{speaker}/-bCdEf{number // 10:05d}/{number % 10:05d}"


def write_avlips(root: Path, lists: Path) -> None:
    """Write the list, and the two folders, empty: there is no metadata."""
    lines = []
    for label, (folder, clips) in enumerate(AVLIPS_LISTED.items()):
        (root / folder).mkdir(parents=True)
        lines += [f"{folder}/{number}.mp4,{label}" for number in range(clips)]
    _write_list(lists, "test", lines)


def write_deepfake_eval_2024(root: Path) -> None:
    """Write the table."""
    truths = chain.from_iterable(
        repeat((video, audio, part), rows)
        for (video, audio), counts in DFE_ROWS.items()
        for part, rows in zip(("train", "test"), counts, strict=True)
    )
    rows = [
        f"{number:027d}.mp4,2024-05-02,{video},{audio},,{part}"
        for number, (video, audio, part) in enumerate(truths)
    ]
    header = (
        "Filename,Date,Video Ground Truth,Audio Ground Truth,Public Comments,"
        "Finetuning Set"
    )
    _write(root / "video-metadata-publish.csv", [header, *rows])


def _write_list(folder: Path, split: str, lines: Iterable[str]) -> None:
    _write(folder / f"{split}_labels.csv", ["path,label", *lines])


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")

"""VoxCeleb2: talking people without fakes, for the tasks trained on real clips.

``dev`` gives train and val, ``test`` gives test. The download of audio alone
(``aac/*.m4a``) is used for a part whose videos are not there.
"""

import logging
from pathlib import Path

from dfprobe.clip_ids import stable_fraction
from dfprobe.corpora.clip import Clip, plain_clip
from dfprobe.corpora.files import files_under
from dfprobe.errors import DataError
from dfprobe.settings.model import Options
from dfprobe.store.csv_files import csv_rows, report_few

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("speaker", "source")
OPTIONS = {
    "val_fraction": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.1,
        "description": "Share of the dev speakers, chosen by a hash, that become the "
        "val split. Not used with published lists.",
    },
}

PARTS = ("dev", "test")
MEDIA = {"mp4": ".mp4", "aac": ".m4a"}  # folder: suffix, the first that is there
METADATA = "vox2_meta.csv"
FORM = "part/mp4/speaker/video/clip.mp4"


def scan(root: Path, options: Options) -> list[Clip]:
    """List the clips of both parts; what ``vox2_meta.csv`` contradicts is reported.

    ``root`` holds ``dev`` or ``test`` or both; ``vox2_meta.csv`` may be absent.

    Returns
    -------
    list of Clip
        All real. ``speaker`` is the VoxCeleb2 identity, ``source`` identity and video.

    Raises
    ------
    DataError
        If neither part has videos or audio, or a file lies elsewhere than in the
        folder of a video.
    """
    clips = [
        _clip(root, file, options["val_fraction"])
        for part in PARTS
        for file in _files(root, part, options["links"])
    ]
    if not clips:
        raise DataError(
            f"{root}: expected VoxCeleb2 clips such as dev/{FORM.split('/', 1)[1]}, "
            "got none. Set 'root' to the folder that holds dev and test."
        )
    if (root / METADATA).exists():
        _report_other_sets(root / METADATA, clips)
    return clips


def listed(split: str, file: str, label: int | None) -> list[Clip]:
    """Clip that a list row such as ``dev/mp4/id99001/AbCdEfGhI_k/00012.mp4`` names."""
    speaker_and_video = _speaker_and_video(file)
    if speaker_and_video is None:
        raise DataError(
            f"List of VoxCeleb2 ({split}): expected paths of the form {FORM} with part "
            f"in {', '.join(PARTS)}, got {file!r}."
        )
    return [_real(file, split, *speaker_and_video)]


def _files(root: Path, part: str, links: str) -> list[str]:
    for folder, suffix in MEDIA.items():
        if (root / part / folder).is_dir():
            files = files_under(root, f"{part}/{folder}", links)
            return sorted(file for file in files if file.endswith(suffix))
    return []


def _clip(root: Path, file: str, val_fraction: float) -> Clip:
    speaker_and_video = _speaker_and_video(file)
    if speaker_and_video is None:
        raise DataError(
            f"{root}: expected clips of the form {FORM}, got {file!r}. Move the file."
        )
    speaker, video = speaker_and_video
    split = "test"
    if file.startswith("dev/"):
        in_val = stable_fraction(f"val/{speaker}") < val_fraction
        split = "val" if in_val else "train"
    return _real(file, split, speaker, video)


def _speaker_and_video(file: str) -> tuple[str, str] | None:
    parts = file.split("/")
    if len(parts) != 5 or parts[0] not in PARTS or parts[1] not in MEDIA:
        return None
    return parts[2], parts[3]


def _real(file: str, split: str, speaker: str, video: str) -> Clip:
    real = plain_clip(file, split, 0)
    return real._replace(speaker=speaker, source=f"{speaker}/{video}")


def _report_other_sets(path: Path, clips: list[Clip]) -> None:
    """Warn of speakers that the table does not know, or has in the other part."""
    part_of = {}
    for row in csv_rows(path, ["VoxCeleb2 ID", "Set"]):
        if row["Set"].strip() not in PARTS:
            raise row.error("Set", " or ".join(PARTS))
        part_of[row["VoxCeleb2 ID"].strip()] = row["Set"].strip()
    found = {(clip.speaker or "", clip.file.split("/")[0]) for clip in clips}
    other = [
        f"{speaker} (on disk {part}, in the table {part_of.get(speaker, 'absent')})"
        for speaker, part in sorted(found)
        if part_of.get(speaker) != part
    ]
    about = "%s: %d speakers are in another part than on disk (which is used): %s"
    report_few(logging.WARNING, about, path, other)

"""The videos to score: single files, folders, and lists of files."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from dfprobe.corpora.files import VIDEO_SUFFIXES, video_files
from dfprobe.errors import DataError
from dfprobe.store.csv_files import read_csv


def find_videos(names: Sequence[Path]) -> list[Path]:
    """Collect the videos that were named, each once, in the given order.

    Parameters
    ----------
    names : sequence of Path
        A folder stands for all files with a video suffix in it, at any depth; a
        ``.csv`` for its column ``path``, a ``.txt`` for its lines, both relative to the
        folder of the list; anything else is a video, also one that is not there.

    Raises
    ------
    DataError
        If a list cannot be read, or a folder or a list names no video.
    """
    found: dict[Path, Path] = {}
    for name in names:
        videos = list(_named_by(name))
        if not videos:
            raise DataError(
                f"{name}: no videos found. In a folder, files with these "
                f"suffixes are taken: {', '.join(VIDEO_SUFFIXES)}."
            )
        for video in videos:
            found.setdefault(_absolute(video), video)
    return list(found.values())


def relative_names(videos: Sequence[Path]) -> list[Path]:
    """Paths below the folder that all videos have in common; none leads out of it."""
    absolute = [_absolute(video) for video in videos]
    common = os.path.commonpath([video.parent for video in absolute])
    return [video.relative_to(common) for video in absolute]


def _absolute(video: Path) -> Path:
    """Path without ``..``, links as they are: a linked video is a video of its own."""
    return Path(os.path.normpath(video.absolute()))


def _named_by(name: Path) -> Iterator[Path]:
    if name.is_dir():
        yield from (name / file for file in video_files(name))
    elif name.suffix.lower() == ".csv":
        yield from (name.parent / file for file in read_csv(name, ["path"])["path"])
    elif name.suffix.lower() == ".txt":
        yield from (name.parent / line for line in _lines(name))
    else:
        yield name


def _lines(path: Path) -> Iterator[str]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"{path}: expected a list of videos in UTF-8, one per line, got {error}."
        ) from error
    yield from filter(None, map(str.strip, text.splitlines()))

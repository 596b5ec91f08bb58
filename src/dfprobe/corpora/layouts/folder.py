"""A folder of videos without labels, to be scored with a trained probe.

Every file with a video suffix, at any depth, is a test clip with an unknown label.
Published lists, where given, supply splits and labels.
"""

from pathlib import Path

from dfprobe.corpora.clip import Clip, plain_clip
from dfprobe.corpora.files import video_files
from dfprobe.settings.model import Options

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ()
OPTIONS: Options = {}


def scan(root: Path, options: Options) -> list[Clip]:
    """List the video files under ``root``, sorted by path."""
    files = video_files(root, links=options["links"])
    return [plain_clip(file, "test", None) for file in files]


def listed(split: str, file: str, label: int | None) -> list[Clip]:
    """Clip that a list row names: its path is relative to the folder."""
    return [plain_clip(file, split, label)]

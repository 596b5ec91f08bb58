"""LAV-DF (ControlNet/LAV-DF): the predecessor of AV-Deepfake1M, with its own metadata.

One list for all splits; ``dev`` gives val. A fake tells which streams were modified and
its fake periods, which are taken for each modified stream. There is no speaker.
"""

from pathlib import Path

from dfprobe.corpora.clip import Clip
from dfprobe.corpora.layouts.deepfake1m_metadata import (
    STREAMS_OF_TYPE,
    Entry,
    listed_entries,
    segments_of,
)
from dfprobe.errors import DataError
from dfprobe.settings.model import Options

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("segments", "source")
OPTIONS: Options = {}

TABLES = ("metadata.min.json", "metadata.json")
SPLITS = {"train": "train", "dev": "val", "test": "test"}
TYPE_OF_STREAMS = {streams: kind for kind, streams in STREAMS_OF_TYPE.items()}


def scan(root: Path, options: Options) -> list[Clip]:
    """Read ``metadata.min.json`` (or ``metadata.json``).

    Returns
    -------
    list of Clip
        ``source`` is the real clip that a fake was made of. ``manipulation`` is as in
        AV-Deepfake1M, such as ``both_modified``.

    Raises
    ------
    DataError
        If there is no metadata or an entry is malformed.
    """
    found = [root / name for name in TABLES if (root / name).exists()]
    if not found:
        raise DataError(
            f"{root}: expected the LAV-DF metadata {' or '.join(TABLES)}, got neither."
        )
    return [_clip(entry) for entry in listed_entries(found[0], "", "LAV-DF")]


def _clip(entry: Entry) -> Clip:
    values = entry.values
    if not isinstance(values, dict):
        raise entry.error("", "an object", values)
    split, original = values.get("split"), values.get("original")
    if split not in tuple(SPLITS):
        raise entry.error("split", " or ".join(SPLITS), split)
    if not isinstance(original, str | None):
        raise entry.error("original", "a path or null", original)
    if not isinstance(values.get("file"), str):
        raise entry.error("file", "a path", values.get("file"))
    audio_fake, video_fake = (_flag(entry, f"modify_{s}") for s in ("audio", "video"))
    periods = segments_of(entry, "fake_periods")
    return Clip(
        file=values["file"],
        split=SPLITS[split],
        label=int(audio_fake or video_fake),
        manipulation=TYPE_OF_STREAMS[audio_fake, video_fake],
        audio_fake=audio_fake,
        video_fake=video_fake,
        audio_fake_segments=periods if audio_fake else (),
        video_fake_segments=periods if video_fake else (),
        source=original or values["file"],
    )


def _flag(entry: Entry, key: str) -> bool:
    value = entry.values.get(key)
    if not isinstance(value, bool):
        raise entry.error(key, "true or false", value)
    return value

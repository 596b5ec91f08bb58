"""AV-Deepfake1M (ControlNet/AV-Deepfake1M): word-level fakes with segment lists.

What the metadata say and which folder gives which split: ``deepfake1m_metadata``.
``original`` of a real is not read: how it is written is not documented.
"""

import posixpath
from pathlib import Path

from dfprobe.corpora.clip import Clip
from dfprobe.corpora.layouts.deepfake1m_metadata import (
    PART_OF_SPLIT,
    STREAMS_OF_TYPE,
    TYPE_OF_NAME,
    Form,
    Origin,
    scan_metadata,
)
from dfprobe.errors import DataError
from dfprobe.settings.model import Options

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("segments", "speaker", "source")
KEYS_IN_PATH = {"sibling": r"/(.+)/"}  # versions of a clip share its folder
OPTIONS = {
    "val_fraction": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.1,
        "description": "Share of the train folder's speakers, chosen by a hash, that "
        "become the val split. Not used with published lists.",
    },
}


def scan(root: Path, options: Options) -> list[Clip]:
    """Read the metadata; see ``deepfake1m_metadata.scan_metadata``.

    ``root`` holds ``{train,val}_metadata.json``, or folders ``{train,val}_metadata``
    with one JSON file per clip. ``speaker`` is the VoxCeleb2 identity, ``source``
    identity and YouTube video.
    """
    return scan_metadata(root, options, FORM)


def listed(split: str, file: str, label: int | None) -> list[Clip]:
    """Clip that a list row names: train and val rows lie in train/, test rows in val/.

    The method is told by the file name, segments are not known.
    """
    stem = posixpath.splitext(posixpath.basename(file))[0]
    modify_type, origin = TYPE_OF_NAME.get(stem), _origin(file)
    if modify_type is None or origin is None:
        raise DataError(
            f"Published list of AV-Deepfake1M ({split}): expected paths of the form "
            f"{FORM.path} with name in {', '.join(TYPE_OF_NAME)}, got {file!r}."
        )
    audio_fake, video_fake = STREAMS_OF_TYPE[modify_type]
    clip = Clip(
        file=posixpath.join(PART_OF_SPLIT[split], file),
        split=split,
        label=int(audio_fake or video_fake),
        manipulation=modify_type,
        audio_fake=audio_fake,
        video_fake=video_fake,
        speaker=origin.speaker,
        source=origin.source,
    )
    return [clip]


def _origin(file: str) -> Origin | None:
    parts = file.split("/")
    if len(parts) != 4 or not parts[0]:
        return None
    return Origin(parts[0], f"{parts[0]}/{parts[1]}")


FORM = Form(
    corpus="AV-Deepfake1M",
    path="speaker/video/clip/name.mp4",
    sidecars="{part}_metadata",
    origin=_origin,
    type_of_stem=TYPE_OF_NAME.get,
)

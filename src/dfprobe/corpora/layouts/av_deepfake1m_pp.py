"""AV-Deepfake1M++: AV-Deepfake1M grown by two more corpora and by perturbed copies.

What the metadata say and which folder gives which split: ``deepfake1m_metadata``. Paths
begin with the corpus that the reals are from, names may end in a suffix such as
``_p1``, metadata of single clips lie inside the folder of the part. Some clips have no
audio: they stay, and an encoder of audio gives them that status.
"""

import re
from pathlib import Path

from dfprobe.corpora.clip import Clip
from dfprobe.corpora.layouts.deepfake1m_metadata import (
    TYPE_OF_NAME,
    Form,
    Origin,
    scan_metadata,
)
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
        "become the val split.",
    },
}

_ORIGINS = (  # speaker and source, by the corpus in front
    re.compile(r"(?P<source>vox_celeb_2/(?P<speaker>[^/]+)/[^/]+)/[^/]+/[^/]+"),
    re.compile(r"(?P<source>lrs3/(?P<speaker>[^/]+))/[^/]+/[^/]+"),
    re.compile(r"(?P<source>silent_videos/(?P<speaker>subject_\d+)_[^/]+)/[^/]+"),
)
_NAME = re.compile(rf"({'|'.join(sorted(TYPE_OF_NAME, reverse=True))})(_[^/]*)?")


def scan(root: Path, options: Options) -> list[Clip]:
    """Read the metadata; see ``deepfake1m_metadata.scan_metadata``.

    ``root`` holds ``{train,val}_metadata.json``, or one JSON file per clip below
    ``train`` and ``val``. ``speaker`` is the VoxCeleb2 identity, the talk (LRS3) or the
    subject (silent videos); ``source`` the recording, with the corpus in front.
    """
    return scan_metadata(root, options, FORM)


def _origin(file: str) -> Origin | None:
    matches = (form.fullmatch(file) for form in _ORIGINS)
    return next((Origin(m["speaker"], m["source"]) for m in matches if m), None)


def _type_of_stem(stem: str) -> str | None:
    match = _NAME.fullmatch(stem)
    return TYPE_OF_NAME[match[1]] if match else None


FORM = Form(
    corpus="AV-Deepfake1M++",
    path="vox_celeb_2/speaker/video/clip/name.mp4, lrs3/talk/utterance/name.mp4 or "
    "silent_videos/subject_N_.../name.mp4",
    sidecars="{part}",
    origin=_origin,
    type_of_stem=_type_of_stem,
)

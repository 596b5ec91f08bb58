"""AV-Deepfake1M (ControlNet/AV-Deepfake1M): word-level fakes with segment lists.

The ``train`` folder gives train and val, the ``val`` folder gives test, as in the
paper; the corpus' own test folder has no public labels. The vendor's metadata of
6,160 clips lists a segment for a stream that was not touched; it is taken out here.
"""

import json
import logging
import math
import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dfprobe.corpora.base import Clip, Segments, few, stable_fraction
from dfprobe.corpora.files import files_under
from dfprobe.errors import DataError

OPTIONS: dict[str, Any] = {
    "val_fraction": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.1,
        "description": "Share of the train folder's speakers, chosen by a hash, that "
        "become the val split. Not used with published lists.",
    },
}

PARTS = ("train", "val")  # folders with metadata
PART_OF_SPLIT = {"train": "train", "val": "train", "test": "val"}
STREAMS_OF_TYPE = {  # modify_type: (audio fake, video fake)
    "real": (False, False),
    "audio_modified": (True, False),
    "visual_modified": (False, True),
    "both_modified": (True, True),
}
TYPE_OF_NAME = {
    "real": "real",
    "real_video_fake_audio": "audio_modified",
    "fake_video_real_audio": "visual_modified",
    "fake_video_fake_audio": "both_modified",
}
SEGMENT_KEYS = ("fake_segments", "audio_fake_segments", "visual_fake_segments")

log = logging.getLogger("dfprobe")


class Entry(NamedTuple):
    """One object of the metadata and where it stands."""

    path: Path
    number: int  # position in the file, from 1
    part: str  # "train" or "val"
    values: dict[str, Any]

    def error(self, key: str, expected: str, came: object) -> DataError:
        """Error for one value: file, entry, key, what was expected and came."""
        return DataError(
            f"{self.path}, entry {self.number}, key {key!r}: expected {expected}, "
            f"came {came!r}. Is this the metadata of AV-Deepfake1M (not ++ or LAV-DF)?"
        )


def scan(root: Path, options: dict[str, Any]) -> list[Clip]:
    """Read the metadata of the train and the val folder.

    Parameters
    ----------
    root : Path
        Holds ``{train,val}_metadata.json``, or folders ``{train,val}_metadata`` with
        one JSON file a clip. One of the two parts may be absent as a whole.
    options : dict
        ``val_fraction``, see ``OPTIONS``.

    Returns
    -------
    list of Clip
        ``speaker`` is the VoxCeleb2 identity, ``source`` identity and YouTube video.
        ``modify_type`` decides on the label, the streams and the method; segments of
        a stream that it calls real are emptied.

    Raises
    ------
    DataError
        If there is no metadata or an entry is malformed.
    """
    clips, repaired, disagreements = [], 0, []
    for entry in _entries(root):
        clip, was_repaired = _clip(entry, options["val_fraction"])
        clips.append(clip)
        repaired += was_repaired
        reason = _disagreement(entry)
        if reason:
            disagreements.append(f"{clip.file}: {reason}")
    log.info(
        "%s: %d clips, in %d the segments listed for an untouched stream were emptied",
        root,
        len(clips),
        repaired,
    )
    if disagreements:
        log.warning(
            "%s: in %d clips modify_type (which is used), file name and segments "
            "disagree: %s",
            root,
            len(disagreements),
            few(disagreements),
        )
    return clips


def listed(split: str, file: str, label: int | None) -> list[Clip]:
    """Clip that a list row names: train and val rows lie in train/, test rows in val/.

    The method is told by the file name, segments are not known.
    """
    stem = posixpath.splitext(posixpath.basename(file))[0]
    modify_type = TYPE_OF_NAME.get(stem)
    parts = file.split("/")
    if modify_type is None or len(parts) != 4:
        raise DataError(
            f"Published list of AV-Deepfake1M ({split}): expected paths of the form "
            f"speaker/video/clip/name.mp4 with name in {', '.join(TYPE_OF_NAME)}, came "
            f"{file!r}."
        )
    audio_fake, video_fake = STREAMS_OF_TYPE[modify_type]
    clip = Clip(
        file=posixpath.join(PART_OF_SPLIT[split], file),
        split=split,
        label=int(audio_fake or video_fake),
        manipulation=modify_type,
        audio_fake=audio_fake,
        video_fake=video_fake,
        speaker=parts[0],
        source="/".join(parts[:2]),
    )
    return [clip]


def _entries(root: Path) -> Iterator[Entry]:
    found = False
    for part in PARTS:
        whole, folder = root / f"{part}_metadata.json", root / f"{part}_metadata"
        if whole.exists():
            objects = _load(whole)
            if not isinstance(objects, list):
                raise DataError(
                    f"{whole}: expected a list of objects, one a clip, came "
                    f"{type(objects).__name__}."
                )
            yield from (
                _checked(Entry(whole, number, part, values))
                for number, values in enumerate(objects, start=1)
            )
        elif folder.is_dir():
            files = sorted(files_under(root, folder.name))
            paths = [root / file for file in files if file.endswith(".json")]
            yield from (_checked(Entry(path, 1, part, _load(path))) for path in paths)
        elif (root / part).is_dir():
            raise DataError(
                f"{root}: there is a folder {part}, but neither {whole.name} nor a "
                f"folder {folder.name}. Put the vendor's metadata there."
            )
        else:
            continue
        found = True
    if not found:
        raise DataError(
            f"{root}: expected the AV-Deepfake1M metadata train_metadata.json and "
            "val_metadata.json (or the folders of one JSON file a clip), came neither."
        )


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError as error:
        raise DataError(f"{path}: expected JSON in UTF-8, came {error}.") from error


def _checked(entry: Entry) -> Entry:
    """Entry with the keys that are used later, each of its type."""
    if not isinstance(entry.values, dict):
        raise entry.error("", "an object", entry.values)
    for key in ("file", "modify_type", *SEGMENT_KEYS):
        if key not in entry.values:
            raise entry.error(key, "this key", f"only {', '.join(entry.values)}")
    file, modify_type = entry.values["file"], entry.values["modify_type"]
    if not isinstance(file, str) or file.count("/") != 3:
        raise entry.error("file", "'speaker/video/clip/name.mp4'", file)
    if not (isinstance(modify_type, str) and modify_type in STREAMS_OF_TYPE):
        raise entry.error("modify_type", " or ".join(STREAMS_OF_TYPE), modify_type)
    return entry


def _clip(entry: Entry, val_fraction: float) -> tuple[Clip, bool]:
    """Clip of an entry, and whether segments of an untouched stream were emptied."""
    values = entry.values
    audio_fake, video_fake = STREAMS_OF_TYPE[values["modify_type"]]
    audio = _segments(entry, "audio_fake_segments")
    video = _segments(entry, "visual_fake_segments")
    speaker, source_video, _ = values["file"].split("/", 2)
    clip = Clip(
        file=posixpath.join(entry.part, values["file"]),
        split=_split(entry.part, speaker, val_fraction),
        label=int(audio_fake or video_fake),
        manipulation=values["modify_type"],
        audio_fake=audio_fake,
        video_fake=video_fake,
        audio_fake_segments=audio if audio_fake else (),
        video_fake_segments=video if video_fake else (),
        speaker=speaker,
        source=f"{speaker}/{source_video}",
    )
    return clip, bool((audio and not audio_fake) or (video and not video_fake))


def _split(part: str, speaker: str, val_fraction: float) -> str:
    if part == "val":
        return "test"
    return "val" if stable_fraction(f"val/{speaker}") < val_fraction else "train"


def _segments(entry: Entry, key: str) -> Segments:
    segments = entry.values[key]
    try:
        pairs = tuple((float(start), float(end)) for start, end in segments)
    except (TypeError, ValueError):
        raise entry.error(key, "a list of [start_s, end_s]", segments) from None
    for start, end in pairs:
        if not (0 <= start <= end < math.inf):
            raise entry.error(key, "0 <= start_s <= end_s", segments)
    return pairs


def _disagreement(entry: Entry) -> str:
    """Say what contradicts the modify_type of an entry; empty when nothing does."""
    values = entry.values
    modify_type = values["modify_type"]
    audio_fake, video_fake = STREAMS_OF_TYPE[modify_type]
    name = posixpath.splitext(posixpath.basename(values["file"]))[0]
    if TYPE_OF_NAME.get(name) != modify_type:
        return f"modify_type {modify_type}, file name {name}"
    if bool(_segments(entry, "fake_segments")) != (audio_fake or video_fake):
        return f"modify_type {modify_type}, fake_segments {values['fake_segments']}"
    if audio_fake and not values["audio_fake_segments"]:
        return f"modify_type {modify_type}, no audio_fake_segments"
    if video_fake and not values["visual_fake_segments"]:
        return f"modify_type {modify_type}, no visual_fake_segments"
    return ""

"""Metadata in the form of AV-Deepfake1M: an object per clip, with segment lists.

Shared by the layouts ``av_deepfake1m`` and ``av_deepfake1m_pp``; ``lav_df`` uses the
reading of the list. The ``train`` folder gives train and val, the ``val`` folder gives
test, as in the paper; the corpora's own test folders have no public labels. The
vendor's metadata of 6,160 clips lists a segment for a stream that was not touched; it
is taken out here.
"""

import json
import logging
import math
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from sys import intern
from typing import Any, NamedTuple

from dfprobe.clip_ids import stable_fraction
from dfprobe.corpora.clip import Clip, Segments
from dfprobe.corpora.files import files_under
from dfprobe.errors import DataError
from dfprobe.settings.model import Options
from dfprobe.store.csv_files import report_few

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
KEYS = {
    *("file", "modify_type"),
    *("fake_segments", "audio_fake_segments", "visual_fake_segments"),
}
_SPACE = re.compile(r"[ \t\n\r]*")

log = logging.getLogger("dfprobe")


class Origin(NamedTuple):
    """Who is shown in a clip, and the recording that it was cut from."""

    speaker: str
    source: str


class Form(NamedTuple):
    """What differs between the corpora."""

    corpus: str  # name for messages
    path: str  # form of `file`, for messages
    sidecars: str  # folder of one JSON file per clip, with {part} for the part's name
    # From `file` to its `Origin`; None if the path does not have the form.
    origin: Callable[[str], Origin | None]
    # From a file's name without suffix to the `modify_type` that it tells, or None.
    type_of_stem: Callable[[str], str | None]


class Entry(NamedTuple):
    """One object of the metadata and where it stands."""

    path: Path
    number: int  # position in the file, from 1
    part: str  # "train" or "val"
    values: Any  # the JSON object; what is in it is checked where it is read
    corpus: str  # its name, for messages

    def error(self, key: str, expected: str, got: object) -> DataError:
        """Error for one value: file, entry, key, what was expected and what it is."""
        return DataError(
            f"{self.path}, entry {self.number}, key {key!r}: expected {expected}, "
            f"got {got!r}. Is this the metadata of {self.corpus}?"
        )


def scan_metadata(root: Path, options: Options, form: Form) -> list[Clip]:
    """Read the metadata of the train and the val folder.

    ``root`` holds ``{train,val}_metadata.json``, or folders with one JSON file per
    clip; one of the two parts may be absent as a whole.

    Returns
    -------
    list of Clip
        ``modify_type`` decides on the label, the streams and the method; segments of
        a stream that it calls real are emptied.

    Raises
    ------
    DataError
        If there is no metadata or an entry is malformed.
    """
    clips, repaired, disagreements = [], 0, []
    for entry in _entries(root, form, options["links"]):
        clip, was_repaired = _clip(entry, form, options["val_fraction"])
        clips.append(clip)
        repaired += was_repaired
        reason = _disagreement(entry, form)
        if reason:
            disagreements.append(f"{clip.file}: {reason}")
    log.info(
        "%s: %d clips, in %d the segments listed for an untouched stream were emptied",
        root,
        len(clips),
        repaired,
    )
    about = (
        "%s: in %d clips modify_type (which is used), file name and segments "
        "disagree: %s"
    )
    report_few(logging.WARNING, about, root, disagreements)
    return clips


def _entries(root: Path, form: Form, links: str) -> Iterator[Entry]:
    found = False
    for part in PARTS:
        whole = root / f"{part}_metadata.json"
        sidecars = form.sidecars.format(part=part)
        if whole.exists():
            entries = listed_entries(whole, part, form.corpus)
        elif paths := _json_files(root, sidecars, links):
            corpus = form.corpus
            entries = (Entry(path, 1, part, _load(path), corpus) for path in paths)
        elif (root / part).is_dir():
            raise DataError(
                f"{root}: there is a folder {part}, but neither {whole.name} nor JSON "
                f"files below {sidecars}. Put the vendor's metadata there."
            )
        else:
            continue
        found = True
        yield from (_checked(entry) for entry in entries)
    if not found:
        names = " and ".join(f"{part}_metadata.json" for part in PARTS)
        raise DataError(
            f"{root}: expected the {form.corpus} metadata {names} (or one JSON file "
            f"per clip below {form.sidecars.format(part='train')}), got neither."
        )


def _json_files(root: Path, folder: str, links: str) -> list[Path]:
    if not (root / folder).is_dir():
        return []
    files = files_under(root, folder, links)
    return [root / file for file in sorted(files) if file.endswith(".json")]


def _load(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError, OSError) as error:
        raise _not_json(path, error) from error


def listed_entries(path: Path, part: str, corpus: str) -> Iterator[Entry]:
    """Yield the entries of a file that holds a list; they are checked for nothing.

    Raises
    ------
    DataError
        If the file is absent, is not JSON, or holds no list.
    """
    for number, values in enumerate(_listed_objects(path), start=1):
        yield Entry(path, number, part, values, corpus)


def _listed_objects(path: Path) -> Iterator[Any]:
    """Yield the values of a JSON list one by one: together they take gigabytes."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        decoder = json.JSONDecoder()
        at = _after_space(text, 0)
        if not text.startswith("[", at):
            kind = type(decoder.raw_decode(text, at)[0]).__name__
            raise DataError(
                f"{path}: expected a list of objects, one per clip, got {kind}."
            )
        at = _after_space(text, at + 1)
        while not text.startswith("]", at):
            value, at = decoder.raw_decode(text, at)
            yield value
            at = _after_space(text, at)
            if text.startswith(",", at):
                at = _after_space(text, at + 1)
            elif not text.startswith("]", at):
                raise json.JSONDecodeError("Expecting ',' or ']'", text, at)
        if _after_space(text, at + 1) < len(text):
            raise json.JSONDecodeError("Extra data", text, at + 1)
    except (ValueError, RecursionError, OSError) as error:
        raise _not_json(path, error) from error


def _after_space(text: str, at: int) -> int:
    # The pattern also matches nothing, so there always is a match.
    return _SPACE.match(text, at).end()  # type: ignore[union-attr]


def _not_json(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: expected JSON in UTF-8, got {error}. Is the file whole?")


def _checked(entry: Entry) -> Entry:
    """Entry with the keys that are used later, each of its type."""
    values = entry.values
    if not isinstance(values, dict):
        raise entry.error("", "an object", values)
    if not values.keys() >= KEYS:
        missing = ", ".join(sorted(KEYS - values.keys()))
        raise entry.error(missing, "this key", f"only {', '.join(values)}")
    file, segments = values["file"], values["fake_segments"]
    modify_type = values["modify_type"]
    if not isinstance(file, str):
        raise entry.error("file", "a path", file)
    if not isinstance(segments, list):
        raise entry.error("fake_segments", "a list of [start_s, end_s]", segments)
    if not (isinstance(modify_type, str) and modify_type in STREAMS_OF_TYPE):
        raise entry.error("modify_type", " or ".join(STREAMS_OF_TYPE), modify_type)
    return entry


def _clip(entry: Entry, form: Form, val_fraction: float) -> tuple[Clip, bool]:
    """Clip of an entry, and whether segments of an untouched stream were emptied."""
    values = entry.values
    audio_fake, video_fake = STREAMS_OF_TYPE[values["modify_type"]]
    audio = segments_of(entry, "audio_fake_segments")
    same = values["visual_fake_segments"] == values["audio_fake_segments"]
    video = audio if same else segments_of(entry, "visual_fake_segments")
    origin = form.origin(values["file"])
    if origin is None:
        raise entry.error("file", repr(form.path), values["file"])
    clip = Clip(  # by position: a million calls with keywords take seconds more
        f"{entry.part}/{values['file']}",
        _split(entry.part, origin.speaker, val_fraction),
        int(audio_fake or video_fake),
        intern(values["modify_type"]),  # one object, not one per clip
        audio_fake,
        video_fake,
        audio if audio_fake else (),
        video if video_fake else (),
        (),
        intern(origin.speaker),
        intern(origin.source),
    )
    return clip, bool((audio and not audio_fake) or (video and not video_fake))


@cache
def _split(part: str, speaker: str, val_fraction: float) -> str:
    if part == "val":
        return "test"
    return "val" if stable_fraction(f"val/{speaker}") < val_fraction else "train"


def segments_of(entry: Entry, key: str) -> Segments:
    """Segments under a key of an entry, in seconds.

    Raises
    ------
    DataError
        If they are not a list of [start_s, end_s] with 0 <= start_s <= end_s.
    """
    segments: Any = entry.values.get(key)
    try:
        pairs = [(float(start), float(end)) for start, end in segments]
    except (TypeError, ValueError):
        raise entry.error(key, "a list of [start_s, end_s]", segments) from None
    for start, end in pairs:
        if not (0 <= start <= end < math.inf):
            raise entry.error(key, "0 <= start_s <= end_s", segments)
    return tuple(pairs)


def _disagreement(entry: Entry, form: Form) -> str:
    """Say what contradicts the modify_type of an entry; empty when nothing does."""
    values = entry.values
    modify_type = values["modify_type"]
    audio_fake, video_fake = STREAMS_OF_TYPE[modify_type]
    stem = values["file"].rpartition("/")[2].removesuffix(".mp4")
    if form.type_of_stem(stem) != modify_type:
        return f"modify_type {modify_type}, file name {stem}"
    if bool(values["fake_segments"]) != (audio_fake or video_fake):
        return f"modify_type {modify_type}, fake_segments {values['fake_segments']}"
    if audio_fake and not values["audio_fake_segments"]:
        return f"modify_type {modify_type}, no audio_fake_segments"
    if video_fake and not values["visual_fake_segments"]:
        return f"modify_type {modify_type}, no visual_fake_segments"
    return ""

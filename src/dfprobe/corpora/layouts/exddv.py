"""ExDDV (vladhondru25/ExDDV): fakes of four sets, with clicks on what looks wrong.

The release is one table; the videos are collected from their own sets, below the root
in the folders that the paper's authors used. All rows are fakes. The reals are the
originals of FaceForensics++, which no published split ties to the fakes.
"""

import json
import logging
import posixpath
import re
from pathlib import Path

from dfprobe.clip_ids import stable_fraction
from dfprobe.corpora.clip import SPLITS, Clicks, Clip, plain_clip
from dfprobe.corpora.files import video_files
from dfprobe.settings.model import Options
from dfprobe.store.csv_files import CsvRow, csv_rows, report_few

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("clicks", "speaker", "source")
OPTIONS = {
    "reals": {
        "type": ["string", "null"],
        "default": None,
        "description": "CSV file, relative to the root, with the columns full_path and "
        "split of the real videos (as in the paper authors' list). null takes the "
        "FaceForensics++ originals that are on disk, 80/10/10 by a hash.",
    },
}

TABLE = "ExDDV.csv"
ORIGINALS = "faceforensics/ff++/original_sequences/youtube/c23/videos"
FOLDERS = {  # dataset as it is spelled in the table: where the authors keep its videos
    "Deeperforensics": "deeper-forensics/manipulated_videos/{manipulation}",
    "Farceforensics++": "faceforensics/ff++/manipulated_sequences/{manipulation}/c23"
    "/videos",
    "DeepfakeDetection": "dfdc/dfdc/{manipulation}",  # DFDC, in spite of the name
    "BioDeepAV": "BioDeepAV/BioDeepAV/fake/{manipulation}",
}
FOLDERS["Faceforensics++"] = FOLDERS["Farceforensics++"]  # should it be corrected
METHOD_OF_DATASET = {"DeepfakeDetection": "DFDC", "BioDeepAV": "BioDeepAV"}
OUTSIDE = 0.01  # how far clicks may lie beside the frame; one does, by 0.003

log = logging.getLogger("dfprobe")


def scan(root: Path, options: Options) -> list[Clip]:
    """Read the table and find the reals.

    ``root`` holds ``ExDDV.csv`` and the four sets. A column ``full_path`` in the table
    (relative to the root) is used instead of the authors' folders.

    Returns
    -------
    list of Clip
        ``manipulation`` is the method, or the set where that does not tell (DFDC,
        BioDeepAV). ``source`` is the FaceForensics++ original; ``speaker`` the same,
        but the actor whose face is shown in DeeperForensics. ``clicks`` are sorted and
        keep the table's frame numbers. Whether audio is fake is not known.

    Raises
    ------
    DataError
        If a table is absent or malformed.
    """
    return [*_fakes(root), *_reals(root, options)]


def _fakes(root: Path) -> list[Clip]:
    path = root / TABLE
    columns = ["movie_name", "dataset", "manipulation", "click_locations", "split"]
    clips: dict[str, Clip] = {}
    repeated = []
    for row in csv_rows(path, columns):
        clip = _fake(row)
        if clip.file in clips:
            repeated.append(f"{clip.file} (line {row.line})")
        else:
            clips[clip.file] = clip
    about = "%s: %d rows name a video of an earlier row and are not used: %s"
    report_few(logging.WARNING, about, path, repeated)
    return list(clips.values())


def _fake(row: CsvRow) -> Clip:
    dataset = row.one_of("dataset", FOLDERS)
    for key in ("movie_name", "manipulation"):
        if not row[key] or "/" in row[key]:
            raise row.error(key, "a name without '/'")
    name, manipulation = row["movie_name"], row["manipulation"]
    folder = FOLDERS[dataset].format(manipulation=manipulation)
    speaker, source = _identity(dataset, name)
    return Clip(
        file=row.cells.get("full_path") or posixpath.join(folder, name),
        split=row.one_of("split", SPLITS),
        label=1,
        manipulation=METHOD_OF_DATASET.get(dataset, manipulation),
        audio_fake=None,
        video_fake=True,
        clicks=_clicks(row),
        speaker=speaker,
        source=source,
    )


def _identity(dataset: str, name: str) -> tuple[str | None, str | None]:
    """Speaker and source of a fake named ``target_source`` or ``target_actor``."""
    match = re.match(r"(\d{3})_([MW]?\d{3})", name)
    if dataset in METHOD_OF_DATASET or match is None:
        return None, None
    original = f"ff++/{match[1]}"
    actor = match[2] if dataset == "Deeperforensics" else None
    return actor or original, original


def _clicks(row: CsvRow) -> Clicks:
    """Clicks in the order of their frames, moved into the frame."""
    expected = 'an object such as {"57": {"x": 0.48, "y": 0.41}}, x and y in [0, 1]'
    try:
        clicks = sorted(
            (int(frame), float(place["x"]), float(place["y"]))
            for frame, place in json.loads(row["click_locations"]).items()
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise row.error("click_locations", expected) from None
    for frame, x, y in clicks:
        inside = all(-OUTSIDE <= value <= 1 + OUTSIDE for value in (x, y))
        if frame < 0 or not inside:
            raise row.error("click_locations", expected)
    return tuple((frame, _clipped(x), _clipped(y)) for frame, x, y in clicks)


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _reals(root: Path, options: Options) -> list[Clip]:
    if options["reals"] is not None:
        rows = csv_rows(root / options["reals"], ["full_path", "split"])
        return [_real(row["full_path"], row.one_of("split", SPLITS)) for row in rows]
    if not (root / ORIGINALS).is_dir():
        log.warning("%s: no folder %s, so this corpus has fakes only", root, ORIGINALS)
        return []
    files = video_files(root, ORIGINALS, options["links"])
    return [_real(file, _split_by_hash(file)) for file in files]


def _real(file: str, split: str) -> Clip:
    original = f"ff++/{posixpath.splitext(posixpath.basename(file))[0]}"
    return plain_clip(file, split, 0)._replace(speaker=original, source=original)


def _split_by_hash(file: str) -> str:
    fraction = stable_fraction(f"real/{posixpath.basename(file)}")
    return "train" if fraction < 0.8 else "val" if fraction < 0.9 else "test"

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
from typing import Any

from dfprobe.clip_ids import stable_fraction
from dfprobe.corpora.clip import SPLITS, Clicks, Clip, plain_clip
from dfprobe.corpora.files import video_files
from dfprobe.store.csv_files import LINE, bad_value, few, read_csv

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("clicks", "speaker", "source")
OPTIONS: dict[str, Any] = {
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


def scan(root: Path, options: dict[str, Any]) -> list[Clip]:
    """Read the table and find the reals.

    Parameters
    ----------
    root : Path
        Holds ``ExDDV.csv`` and the four sets. A column ``full_path`` in the table
        (relative to the root) is used instead of the authors' folders.
    options : dict
        ``reals``, see ``OPTIONS``.

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
    for row in read_csv(path, columns).iter_rows(named=True):
        clip = _fake(path, row)
        if clip.file in clips:
            repeated.append(f"{clip.file} (line {row[LINE]})")
        else:
            clips[clip.file] = clip
    if repeated:
        log.warning(
            "%s: %d rows name a video of an earlier row and are not used: %s",
            path,
            len(repeated),
            few(repeated),
        )
    return list(clips.values())


def _fake(path: Path, row: dict[str, Any]) -> Clip:
    name, dataset, manipulation = (
        row[key] for key in ("movie_name", "dataset", "manipulation")
    )
    if dataset not in FOLDERS:
        raise bad_value(path, row[LINE], "dataset", " or ".join(FOLDERS), dataset)
    for key in ("movie_name", "manipulation"):
        if not row[key] or "/" in row[key]:
            raise bad_value(path, row[LINE], key, "a name without '/'", row[key])
    folder = FOLDERS[dataset].format(manipulation=manipulation)
    speaker, source = _identity(dataset, name)
    return Clip(
        file=row.get("full_path") or posixpath.join(folder, name),
        split=_split(path, row),
        label=1,
        manipulation=METHOD_OF_DATASET.get(dataset, manipulation),
        audio_fake=None,
        video_fake=True,
        clicks=_clicks(path, row),
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


def _split(path: Path, row: dict[str, Any]) -> str:
    if row["split"] not in SPLITS:
        raise bad_value(path, row[LINE], "split", " or ".join(SPLITS), row["split"])
    return str(row["split"])


def _clicks(path: Path, row: dict[str, Any]) -> Clicks:
    """Clicks in the order of their frames, moved into the frame."""
    text = row["click_locations"]
    expected = 'an object such as {"57": {"x": 0.48, "y": 0.41}}, x and y in [0, 1]'
    try:
        clicks = sorted(
            (int(frame), float(place["x"]), float(place["y"]))
            for frame, place in json.loads(text).items()
        )
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise bad_value(path, row[LINE], "click_locations", expected, text) from None
    for frame, x, y in clicks:
        inside = all(-OUTSIDE <= value <= 1 + OUTSIDE for value in (x, y))
        if frame < 0 or not inside:
            raise bad_value(path, row[LINE], "click_locations", expected, text)
    return tuple((frame, _clipped(x), _clipped(y)) for frame, x, y in clicks)


def _clipped(value: float) -> float:
    return min(max(value, 0.0), 1.0)


def _reals(root: Path, options: dict[str, Any]) -> list[Clip]:
    if options["reals"] is not None:
        path = root / options["reals"]
        table = read_csv(path, ["full_path", "split"])
        rows = table.iter_rows(named=True)
        return [_real(row["full_path"], _split(path, row)) for row in rows]
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

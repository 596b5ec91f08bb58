"""FakeAVCeleb v1.2 (DASH-Lab/FakeAVCeleb): 500 reals, about 21,000 whole-clip fakes.

On disk the race folders are named as in ``Asian (East)``; the published lists say
``Asian_East``, and some disks were renamed likewise. Both forms are understood.
``meta_data.csv`` circulates with other headers, so the columns of the file name and of
the folder are found by what they hold.
"""

import logging
import posixpath
import re
from pathlib import Path

import polars as pl

from dfprobe.clip_ids import stable_fraction
from dfprobe.corpora.clip import Clip, ListForm
from dfprobe.errors import DataError
from dfprobe.settings.model import Options
from dfprobe.store.csv_files import LINE, CsvRow, read_csv, report_few, rows_of

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ("speaker", "source")
KEYS_IN_PATH = {"named_identity": r"id\d{5}"}  # the target; who lent face or voice
OPTIONS = {
    "test_fraction": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.3,
        "description": "Share of the identities, chosen by a hash, that become the "
        "test split (the paper's 70/30). Not used with published lists.",
    },
    "val_fraction": {
        "type": "number",
        "minimum": 0,
        "maximum": 1,
        "default": 0.1,
        "description": "Share of the remaining identities that become the val split "
        "(the paper's 90/10). Not used with published lists.",
    },
}

METADATA = "meta_data.csv"
STREAMS_OF_TYPE = {  # top folder: (audio fake, video fake)
    "RealVideo-RealAudio": (False, False),
    "RealVideo-FakeAudio": (True, False),
    "FakeVideo-RealAudio": (False, True),
    "FakeVideo-FakeAudio": (True, True),
}
TYPE_OF_CATEGORY = dict(zip("ABCD", STREAMS_OF_TYPE, strict=True))
RACE_OF_LIST = {  # name in the published lists: name in the release
    "Asian_East": "Asian (East)",
    "Asian_South": "Asian (South)",
    "Caucasian_American": "Caucasian (American)",
    "Caucasian_European": "Caucasian (European)",
}
OTHER_RACE_NAME = RACE_OF_LIST | {name: key for key, name in RACE_OF_LIST.items()}
FORM = "type/race/gender/id"
LIST_FORMS = (  # bit-ml/AVH-Align: {split}_split.csv with source,category,full_path
    ListForm(
        path="full_path",
        label="category",
        labels={"A": 0, "B": 1, "C": 1, "D": 1},
        archive="FakeAVCeleb/",
    ),
)
UNUSABLE = (  # left out by the paper's authors, as the lists of bit-ml/ssr-dfd show
    "FakeVideo-FakeAudio/African/women/id02071/"
    "00195_id01661_SdP_Monh-_4_id04547_wavtolip.mp4",
    "FakeVideo-FakeAudio/African/women/id02071/"
    "00195_id04245_nQD_PRlBDyw_id03658_wavtolip.mp4",
    "FakeVideo-FakeAudio/African/men/id01170/"
    "00021_id01933_I5XXxgK7QpE_id00781_wavtolip.mp4",
    "RealVideo-RealAudio/Asian (East)/men/id04789/002121.mp4",
)


def scan(root: Path, options: Options) -> list[Clip]:
    """Read ``meta_data.csv``; a file named twice is taken once, by its first row.

    ``root`` holds ``meta_data.csv`` and the four folders such as
    ``RealVideo-RealAudio``.

    Returns
    -------
    list of Clip
        ``speaker`` is the target identity (folder), ``source`` identity and number of
        its clip, ``manipulation`` the method. ``file`` is spelled as on disk; where
        neither spelling of the folder is there, as in the metadata.

    Raises
    ------
    DataError
        If the metadata is absent or malformed.
    """
    path = root / METADATA
    table = read_csv(path, ["method", "category"])
    file_column, folder_column = _path_columns(path, table)
    clips: dict[str, Clip] = {}
    repeated, contradictions = [], []
    races: dict[tuple[str, str], str] = {}  # (type, race) -> race as on disk
    for row in rows_of(path, table):
        if not row[file_column].endswith(".mp4"):
            raise row.error(file_column, "a name.mp4")
        folder = _folder(row, folder_column)
        kind, race, rest = folder.split("/", 2)
        if (kind, race) not in races:
            races[kind, race] = _race_on_disk(root / kind, race)
        file = posixpath.join(kind, races[kind, race], rest, row[file_column])
        if file in clips:
            repeated.append(f"{file} (line {row.line}, {row['method']})")
            continue
        clips[file] = _clip(file, _split(rest, options), _method(row, kind))
        if TYPE_OF_CATEGORY[row["category"]] != kind:
            contradictions.append(f"{file} (line {row.line}, {row['category']})")
    unusable = [file for file in clips if _as_released(file) in UNUSABLE]
    about = (
        "%s: names %d clips that the paper's authors left out as unusable; they stay, "
        "with the status that reading them gives: %s"
    )
    report_few(logging.INFO, about, path, unusable)
    about = "%s: %d rows name a file of an earlier row and are not used: %s"
    report_few(logging.WARNING, about, path, repeated)
    about = "%s: in %d rows category and folder (which is used) disagree: %s"
    report_few(logging.WARNING, about, path, contradictions)
    return list(clips.values())


def listed(split: str, file: str, label: int | None) -> list[Clip]:
    """Clips that a list row may mean: under either name of the race folder.

    The method is not known: names do not tell it reliably.
    """
    if not re.match(f"({'|'.join(STREAMS_OF_TYPE)})/[^/]+/[^/]+/[^/]+/[^/]+$", file):
        raise DataError(
            f"Published list of FakeAVCeleb ({split}): expected paths of the form "
            f"{FORM}/name.mp4 with type in {', '.join(STREAMS_OF_TYPE)}, got {file!r}."
        )
    kind, race, rest = file.split("/", 2)
    names = [race, OTHER_RACE_NAME[race]] if race in OTHER_RACE_NAME else [race]
    real = not any(STREAMS_OF_TYPE[kind])
    method = "real" if real else "unknown"
    return [_clip(f"{kind}/{name}/{rest}", split, method) for name in names]


def _path_columns(path: Path, table: pl.DataFrame) -> tuple[str, str]:
    """Names of the columns that hold the file name and the folder, by content.

    ``target1`` holds a piece such as ``fake.mp4`` in some rows, so the column with the
    most names wins, and the last one among equals.
    """
    names = [name for name in table.columns if name != LINE]
    text = table.select(names)
    is_file = text.select(pl.all().str.ends_with(".mp4").sum())
    is_folder = text.select(pl.all().str.contains("/", literal=True).sum())
    found = []
    for counts, what in ((is_file, "file names (.mp4)"), (is_folder, "folders")):
        best, count = max(
            zip(names, counts.row(0), strict=True),
            key=lambda item: (item[1], names.index(item[0])),
        )
        if 2 * count <= table.height:
            raise DataError(
                f"{path}: expected a column of {what}, got none among "
                f"{', '.join(names)}."
            )
        found.append(best)
    if found[0] == found[1]:
        raise DataError(
            f"{path}: expected one column of file names and another of folders, got "
            f"both in {found[0]!r}."
        )
    return found[0], found[1]


def _folder(row: CsvRow, column: str) -> str:
    """Folder of a row relative to the root: what follows the archive's name."""
    parts = row[column].split("/")
    starts = [i for i, part in enumerate(parts) if part in STREAMS_OF_TYPE]
    if len(starts) != 1 or len(parts) - starts[0] != 4:
        expected = f"FakeAVCeleb/{FORM} with type in {', '.join(STREAMS_OF_TYPE)}"
        raise row.error(column, expected)
    return "/".join(parts[starts[0] :])


def _method(row: CsvRow, kind: str) -> str:
    method = row["method"]
    if row["category"] not in TYPE_OF_CATEGORY:
        raise row.error("category", "A, B, C or D")
    real = not any(STREAMS_OF_TYPE[kind])
    if not method or (method == "real") != real:
        expected = "'real'" if real else "the method of a fake"
        raise row.error("method", f"{expected} in {kind}")
    return method


def _race_on_disk(parent: Path, race: str) -> str:
    other = OTHER_RACE_NAME.get(race, race)
    only_other = (parent / other).is_dir() and not (parent / race).is_dir()
    return other if only_other else race


def _as_released(file: str) -> str:
    """File with the race folder's name of the release."""
    kind, race, rest = file.split("/", 2)
    return f"{kind}/{RACE_OF_LIST.get(race, race)}/{rest}"


def _split(rest: str, options: Options) -> str:
    speaker = rest.split("/")[1]
    if stable_fraction(f"test/{speaker}") < options["test_fraction"]:
        return "test"
    in_val = stable_fraction(f"val/{speaker}") < options["val_fraction"]
    return "val" if in_val else "train"


def _clip(file: str, split: str, method: str) -> Clip:
    """Clip of a path ``type/race/gender/id/name.mp4``."""
    kind, _, _, speaker, name = file.split("/", 4)
    audio_fake, video_fake = STREAMS_OF_TYPE[kind]
    number = re.match(r"\d*", name).group()  # type: ignore[union-attr]
    return Clip(
        file=file,
        split=split,
        label=int(audio_fake or video_fake),
        manipulation=method,
        audio_fake=audio_fake,
        video_fake=video_fake,
        speaker=speaker,
        source=f"{speaker}/{number}" if number else None,
    )

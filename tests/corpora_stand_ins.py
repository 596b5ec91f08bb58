"""Small stand-ins for the corpora: their exact layout, and every quirk that is known.

Names are invented, in the form of the real ones. A clip is a few bytes of text unless
`real_media` writes it; then it is a small video with the property that is named.
`CORPORA` holds every layout, some in more than one of the forms that circulate.
"""

import csv
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from unit.media.odd_media import Picture, Tone, encode


@dataclass(frozen=True)
class Media:
    """What a clip holds; ``pictures=()`` is audio alone."""

    pictures: tuple[Picture, ...] = (Picture(size=(48, 48), count=12),)
    tones: tuple[Tone, ...] = (Tone(),)
    cut: bool = False  # the second half of the file is not there


WriteClip = Callable[[Path, Media], None]
PLAIN = Media()
SILENT = Media(tones=())


def some_bytes(path: Path, media: Media) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(repr(media))


def real_media(path: Path, media: Media) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(
        path, np.random.default_rng(len(str(path.name))), media.pictures, media.tones
    )
    if media.cut:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) // 2])


def picture(**changes: Any) -> Media:
    return Media(pictures=(Picture(**{"size": (48, 48), "count": 12} | changes),))


def tone(**changes: Any) -> Media:
    return Media(tones=(Tone(**changes),))


@dataclass(frozen=True)
class StandIn:
    """A stand-in corpus.

    ``write`` takes the root and how to write a clip. ``lists`` are published lists: the
    text of each by its file name. ``absent`` clips are described but not on disk.
    """

    layout: str
    write: Callable[[Path, WriteClip], None]
    absent: int = 0
    options: dict[str, Any] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)


def put_text(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def put_csv(path: Path, header: str, rows: Iterable[Iterable[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        file.write(header + "\n")
        csv.writer(file, lineterminator="\n").writerows(rows)


# FakeAVCeleb --------------------------------------------------------------------------

FAVC_HEADERS = {
    "released": "source,target1,target2,method,category,type,race,gender,path,",
    "renamed": "source,target1,target2,method,category,type,race,gender,filename,path",
}
FAVC_TYPES = {
    "A": "RealVideo-RealAudio",
    "B": "RealVideo-FakeAudio",
    "C": "FakeVideo-RealAudio",
    "D": "FakeVideo-FakeAudio",
}
# A YouTube id with '_' and '-' between two identities.
FAVC_LONG_NAME = "00150_id99010_A_C-d_f-9h__id99044_wavtolip.mp4"
FAVC_ROWS = (  # target1, target2, method, category, race, gender, identity, name
    ("-", "-", "real", "A", "African", "men", "id99001", "00031.mp4"),
    ("-", "-", "real", "A", "Asian (East)", "women", "id99002", "00007.mp4"),
    ("-", "-", "real", "A", "Caucasian (European)", "men", "id99003", "00150.mp4"),
    (
        "fake.mp4",
        "-",
        "rtvc",
        "B",
        "Asian (East)",
        "women",
        "id99002",
        "00007_fake.mp4",
    ),
    ("-", "-", "rtvc", "B", "African", "men", "id99001", "00021.mp4"),  # no '_fake'
    ("-", "-", "fsgan", "C", "African", "men", "id99001", "00031.mp4"),  # as the real
    (
        *("id99010", "-", "faceswap", "C", "African", "men", "id99001"),
        "00031_id99010_AbCdEfGhI_k_faceswap.mp4",
    ),
    (
        *("id99010", "id99044", "fsgan-wav2lip", "D", "Caucasian (European)", "men"),
        *("id99003", FAVC_LONG_NAME),
    ),
    (
        *("id99001", "-", "wav2lip", "D", "Asian (East)", "women", "id99002"),
        "00007_id99001_wavtolip.mp4",
    ),
)
FAVC_TWICE = (
    *("id99001", "-", "faceswap-wav2lip", "D", "Asian (East)", "women", "id99002"),
    "00007_id99001_wavtolip.mp4",
)
FAVC_UNUSABLE = (
    (
        *("id01661", "id04547", "fsgan-wav2lip", "D", "African", "women", "id02071"),
        "00195_id01661_SdP_Monh-_4_id04547_wavtolip.mp4",
    ),
    (
        *("id04245", "id03658", "fsgan-wav2lip", "D", "African", "women", "id02071"),
        "00195_id04245_nQD_PRlBDyw_id03658_wavtolip.mp4",
    ),
    (
        *("id01933", "id00781", "fsgan-wav2lip", "D", "African", "men", "id01170"),
        "00021_id01933_I5XXxgK7QpE_id00781_wavtolip.mp4",
    ),
    ("-", "-", "real", "A", "Asian (East)", "men", "id04789", "002121.mp4"),
)
FAVC_MEDIA = {
    "00031.mp4": picture(fps=30),
    "00150.mp4": picture(fps=Fraction(24000, 1001)),
}


def sanitised(text: str) -> str:
    """Path as the published lists spell it."""
    return text.replace(" (", "_").replace(")", "")


def favc_file(row: tuple[str, ...]) -> str:
    _, _, _, category, race, gender, identity, name = row
    return f"{FAVC_TYPES[category]}/{race}/{gender}/{identity}/{name}"


def fakeavceleb(header: str = "released", spelled: Callable[[str], str] = str):
    def write(root: Path, clip: WriteClip) -> None:
        table = []
        for row in (*FAVC_ROWS, FAVC_TWICE, *FAVC_UNUSABLE):
            target1, target2, method, category, race, gender, identity, name = row
            kind = FAVC_TYPES[category]
            folder = f"FakeAVCeleb/{kind}/{race}/{gender}/{identity}"
            middle = (target1, target2, method, category, kind, race, gender)
            table.append((identity, *middle, name, folder))
        put_csv(root / "meta_data.csv", FAVC_HEADERS[header], table)
        for row in FAVC_ROWS:
            clip(root / spelled(favc_file(row)), FAVC_MEDIA.get(row[-1], PLAIN))
        put_text(root / "RealVideo-RealAudio/African/men/id99001/00031.txt", "note")

    return write


def favc_labels() -> dict[str, str]:
    """Lists of the both-stream subset, labels as floats, without the unusable."""
    rows = [row for row in FAVC_ROWS if row[3] in "AD"]
    parts = {"train": rows[:2], "val": rows[2:3], "test": rows[3:]}
    lines = {
        split: [f"{sanitised(favc_file(row))},{float(row[3] != 'A')}\n" for row in part]
        for split, part in parts.items()
    }
    return {f"{s}_labels.csv": "path,label\n" + "".join(lines[s]) for s in lines}


def favc_splits() -> dict[str, str]:
    """Lists with the categories; they name the unusable clips too."""
    rows = (*FAVC_ROWS, *FAVC_UNUSABLE)
    parts = {"train": rows[:4], "val": rows[4:5], "test": rows[5:]}
    header = "source,category,full_path\n"
    return {
        f"{split}_split.csv": header
        + "".join(
            f"{r[6]},{r[3]},FakeAVCeleb/{sanitised(favc_file(r))}\n" for r in part
        )
        for split, part in parts.items()
    }


# AV-Deepfake1M and ++ -----------------------------------------------------------------

AV1M_NAMES = {
    "real": "real",
    "both_modified": "fake_video_fake_audio",
    "visual_modified": "fake_video_real_audio",
    "audio_modified": "real_video_fake_audio",
}
AV1M_SEGMENTS = [[1.16, 1.72], [4.6, 5.0]]  # the last ends with the 125th frame


def av1m_entry(kind: str, folder: str, ending: str = "", **changes: Any) -> dict:
    both = AV1M_SEGMENTS if kind != "real" else []
    values: dict[str, Any] = {
        "file": f"{folder}/{AV1M_NAMES[kind]}{ending}.mp4",
        "original": None if kind == "real" else f"{folder}/real.mp4",
        "split": "train",
        "modify_type": kind,
        "audio_model": "vits" if kind in ("both_modified", "audio_modified") else None,
        "fake_segments": both,
        "audio_fake_segments": both
        if kind in ("both_modified", "audio_modified")
        else [],
        "visual_fake_segments": both
        if kind in ("both_modified", "visual_modified")
        else [],
        "video_frames": 125,
        "audio_frames": 79_999,  # the files have other numbers
    }
    return values | changes


AV1M_CLIP = "id99001/-bCdEfGhI_k/00012"
AV1M_ENTRIES = {
    "train": [
        *(av1m_entry(kind, AV1M_CLIP) for kind in AV1M_NAMES),
        # The vendor's fault: the last segment copied to the untouched stream.
        av1m_entry(
            "audio_modified",
            "id99002/-0xYzAbCdEf/00130",
            visual_fake_segments=AV1M_SEGMENTS[-1:],
        ),
        av1m_entry("real", "id99003/AbCdEfGhI_k/00001", operations=[{"op": "insert"}]),
    ],
    "val": [av1m_entry(kind, AV1M_CLIP, split="val") for kind in AV1M_NAMES],
}


def av_deepfake1m(one_file_a_clip: bool = False):
    def write(root: Path, clip: WriteClip) -> None:
        for part, entries in AV1M_ENTRIES.items():
            for entry in entries:
                clip(root / part / entry["file"], PLAIN)
                if one_file_a_clip:
                    sidecar = Path(f"{part}_metadata", entry["file"])
                    text = json.dumps(entry)
                    put_text(root / sidecar.with_suffix(".json"), text)
            if not one_file_a_clip:
                put_text(root / f"{part}_metadata.json", json.dumps(entries, indent=1))
        put_text(root / "test_files.txt", "000001.mp4\n")
        clip(root / "test/000001.mp4", PLAIN)

    return write


def av1m_lists(name: str, column: str = "", cell: str = "") -> dict[str, str]:
    """Lists of ``path,label``; their paths lie in train, train and val."""
    files = {
        "train": [
            f"{AV1M_CLIP}/real.mp4,0",
            f"{AV1M_CLIP}/fake_video_fake_audio.mp4,1",
        ],
        "val": ["id99003/AbCdEfGhI_k/00001/real.mp4,0"],
        "test": [f"{AV1M_CLIP}/real.mp4,0", f"{AV1M_CLIP}/real_video_fake_audio.mp4,1"],
    }
    return {
        f"{split}_{name}.csv": f"path,label{column}\n"
        + "".join(f"{line}{cell}\n" for line in lines)
        for split, lines in files.items()
    }


def _pp_entry(kind: str, folder: str, ending: str = "", **changes: Any) -> dict:
    more = {"video_model": "diff2lip" if kind == "both_modified" else None}
    return av1m_entry(kind, folder, ending, **(more | changes))


PP_ENTRIES = {
    "train": [
        _pp_entry("real", "vox_celeb_2/id99001/-bCdEfGhI_k/00012"),
        _pp_entry("both_modified", "vox_celeb_2/id99001/-bCdEfGhI_k/00012", "_p1"),
        _pp_entry("audio_modified", "lrs3/QwErTyUiOp1/00004"),
        _pp_entry("real", "lrs3/QwErTyUiOp1/00004", "_p1"),
    ],
    "val": [
        _pp_entry("both_modified", "lrs3/QwErTyUiOp1/00005", "_p1", split="val"),
        _pp_entry("real", "silent_videos/subject_7_a1b2_vid_3_0", audio_frames=0),
        _pp_entry(
            "visual_modified", "silent_videos/subject_7_a1b2_vid_3_0", audio_frames=0
        ),
    ],
}


def av_deepfake1m_pp(one_file_a_clip: bool = False):
    def write(root: Path, clip: WriteClip) -> None:
        for part, entries in PP_ENTRIES.items():
            for entry in entries:
                path = root / part / entry["file"]
                clip(path, PLAIN if entry["audio_frames"] else SILENT)
                if one_file_a_clip:  # beside the clip
                    put_text(path.with_suffix(".json"), json.dumps(entry))
            if not one_file_a_clip:
                put_text(root / f"{part}_metadata.json", json.dumps(entries))

    return write


LAV_PERIODS = [[1.16, 1.72], [2.0, 2.4]]
LAV_ENTRIES = [  # number, split, modified video, modified audio
    ("000000", "train", False, False),
    ("000001", "train", True, False),
    ("000002", "dev", False, True),
    ("000003", "test", True, True),
]


def lav_df(root: Path, clip: WriteClip) -> None:
    entries = []
    for number, split, video, audio in LAV_ENTRIES:
        file = f"{split}/{number}.mp4"
        clip(root / file, PLAIN)
        fake = video or audio
        entry = {
            "file": file,
            "n_fakes": 2 * fake,
            "fake_periods": LAV_PERIODS if fake else [],
            "duration": 3.2,
            "original": "train/000000.mp4" if fake else None,
            "modify_video": video,
            "modify_audio": audio,
            "split": split,
            "video_frames": 80,
            "audio_channels": 1,
            "audio_frames": 51_200,
        }
        entries.append(entry)
    put_text(root / "metadata.min.json", json.dumps(entries))


# AVLips -------------------------------------------------------------------------------


def avlips(root: Path, clip: WriteClip) -> None:
    """Write numbers with gaps, some in both folders; other sounds in ``wav``."""
    for file in ("0_real/0.mp4", "0_real/3.mp4", "1_fake/0.mp4", "1_fake/17.mp4"):
        clip(root / file, PLAIN)
        sound = Media(pictures=(), tones=(Tone(codec="pcm_s16le", length_s=0.3),))
        clip(root / "wav" / Path(file).with_suffix(".wav"), sound)


AVLIPS_LISTS = {"test_labels.csv": "path,label\n1_fake/17.mp4,1\n0_real/0.mp4,0\n"}


# Deepfake-Eval-2024 -------------------------------------------------------------------

DFE_TABLES = {
    "video-metadata-publish.csv": "",
    "video-metadata-publish-with-links.csv": ",Link",
}
DFE_HEADER = (
    "Filename,Date,Video Ground Truth,Audio Ground Truth,Public Comments,Finetuning Set"
)
DFE_COMMENT = 'lips do not follow, "glitch"\nat 0:04'
OPUS = Tone(rate=48_000, layout="stereo", codec="libopus")
DFE_ROWS: tuple[tuple[str, str, str, str, str, Media], ...] = (
    (
        *("-AbCdEfGhIjKlMnOpQrStUvWxY1.mp4", "Fake", "Unknown", DFE_COMMENT, "train"),
        tone(rate=44_100, layout="stereo"),
    ),
    (
        *("Zy8xWv_TsRqPoNmLkJiHgFeDcB2.webm", "Real", "Fake", "", "test"),
        Media((Picture(codec="libvpx", size=(48, 48), count=12),), (OPUS,)),
    ),
    (
        *("A1w2E3r4T5y6U7i8O9p0AsDfGhJ.mp4", "Real", "Real", "", "test"),
        picture(times_ms=(0, 40, 130, 160, 240, 400)),
    ),
    (
        *("B1w2E3r4T5y6U7i8O9p0AsDfGhJ.mp4", "Fake", "Fake", "upright", "test"),
        picture(size=(64, 36), rotation=90),
    ),
    ("C1w2E3r4T5y6U7i8O9p0AsDfGhJ.mp4", "Fake", "Real", "mute", "test", SILENT),
    ("D1w2E3r4T5y6U7i8O9p0AsDfGhJ.mp4", "Fake", "Fake", "", "test", Media(cut=True)),
    ("Q1w2E3r4T5y6U7i8O9p0AsDfGhJ.mp4", "Unknown", "Unknown", "split", "test", PLAIN),
)


def deepfake_eval_2024(table: str):
    def write(root: Path, clip: WriteClip) -> None:
        rows: list[tuple[str, ...]] = []
        for name, video, audio, comment, part, media in DFE_ROWS:
            clip(root / "video-data" / name, media)
            link = ("https://example.org/",) if DFE_TABLES[table] else ()
            rows.append((name, "2024-05-02", video, audio, comment, part, *link))
        put_csv(root / table, DFE_HEADER + DFE_TABLES[table], rows)

    return write


# ExDDV --------------------------------------------------------------------------------

FF = "faceforensics/ff++"
EXDDV_HEADER = (
    "id,username,movie_name,text,dataset,manipulation,click_locations,difficulty,split"
)
EXDDV_ROWS = (  # movie, text, dataset, manipulation, clicks, split, folder
    (
        *("901_M902.mp4", "The left cheek flickers, badly.", "Deeperforensics"),
        *("end_to_end", {"120": (0.5, 0.44), "57": (0.48, 1.003)}, "train"),
        "deeper-forensics/manipulated_videos/end_to_end",
    ),
    (
        *("911_922.mp4", "Nose jumps.", "Farceforensics++", "FaceSwap"),
        *({"203": (0.5125, 0.3361)}, "test"),  # the video is shorter
        f"{FF}/manipulated_sequences/FaceSwap/c23/videos",
    ),
    (
        *("911_922.mp4", 'A "blurred" lip.', "Farceforensics++", "Face2Face"),
        *({"3": (0.5, 0.5)}, "val"),
        f"{FF}/manipulated_sequences/Face2Face/c23/videos",
    ),
    (
        *("abcdefghij.mp4", "No blink.", "DeepfakeDetection", "dfdc_train_part_2"),
        *({"31": (0.62, 0.25)}, "val", "dfdc/dfdc/dfdc_train_part_2"),
    ),
    (
        *("abcdefghij.mp4", "Again.", "DeepfakeDetection", "dfdc_train_part_2"),
        *({"8": (0.1, 0.2)}, "val", "dfdc/dfdc/dfdc_train_part_2"),
    ),
    (
        *("0f-1e.mp4", "Odd teeth.", "BioDeepAV", "videos", {"9": (0.4, 0.4)}),
        *("train", "BioDeepAV/BioDeepAV/fake/videos"),
    ),
)
EXDDV_ORIGINALS = f"{FF}/original_sequences/youtube/c23/videos"
EXDDV_REALS = (("911.mp4", "train"), ("922.mp4", "val"), ("901.mp4", "test"))


def exddv(listed_reals: bool = False):
    def write(root: Path, clip: WriteClip) -> None:
        rows = []
        for number, (movie, text, dataset, kind, clicks, split, folder) in enumerate(
            EXDDV_ROWS
        ):
            upright = dataset == "BioDeepAV"
            clip(root / folder / movie, picture(size=(36, 64)) if upright else PLAIN)
            places = {frame: {"x": x, "y": y} for frame, (x, y) in clicks.items()}
            start = (number, f"Annotator{number % 2 + 1}", movie, text, dataset, kind)
            rows.append((*start, json.dumps(places), 2, split))
        put_csv(root / "ExDDV.csv", EXDDV_HEADER, rows)
        for movie, _ in EXDDV_REALS:
            clip(root / EXDDV_ORIGINALS / movie, PLAIN)
        if listed_reals:
            reals = [(m, f"{EXDDV_ORIGINALS}/{m}", split) for m, split in EXDDV_REALS]
            put_csv(root / "reals.csv", "movie_name,full_path,split", reals)

    return write


# VoxCeleb2 ----------------------------------------------------------------------------

VOX_CLIPS = (
    "dev/{}/id99001/-bCdEfGhI_k/00001",
    "dev/{}/id99001/-bCdEfGhI_k/00002",
    "dev/{}/id99002/AbCdEfGhI_k/00001",
    "test/{}/id99003/AbCdEfGhI_k/00012",
)
VOX_TABLE = (
    "VoxCeleb2 ID ,VGGFace2 ID ,Gender ,Set\n"
    "id99001 ,\tn000001 ,\tm ,\tdev\n"
    "id99002 ,\tn000002 ,\tf ,\tdev\n"
    "id99003 ,\tn000003 ,\tf ,\ttest\n"
)


def voxceleb2(folder: str, suffix: str):
    media = PLAIN if suffix == ".mp4" else Media(pictures=())

    def write(root: Path, clip: WriteClip) -> None:
        for name in VOX_CLIPS:
            clip(root / f"{name.format(folder)}{suffix}", media)
        put_text(root / "vox2_meta.csv", VOX_TABLE)

    return write


VOX_LISTS = {
    "train_labels.csv": f"path,label\n{VOX_CLIPS[0].format('mp4')}.mp4,0\n",
    "val_labels.csv": f"path,label\n{VOX_CLIPS[2].format('mp4')}.mp4,0\n",
}


# One's own ----------------------------------------------------------------------------

SHELL_NAMES = (
    "-rf.mp4",
    "two  spaces.mp4",
    'o\'hara "x".mp4',
    "$(HOME) `id` $PATH.mp4",
    "a;b&c|d>e.mp4",
    "new\nline.mp4",
    "tab\t*?[x]~#%.mp4",
    "dir with space/видео 日本語.mp4",
)


def path_list(root: Path, clip: WriteClip) -> None:
    rows = [(name, number % 2) for number, name in enumerate(SHELL_NAMES)]
    put_csv(root / "labels.csv", "path,label", rows)
    for name in SHELL_NAMES:
        clip(root / name, PLAIN)


def path_list_columns(root: Path, clip: WriteClip) -> None:
    rows = [
        (f"{number}.mp4", number % 2, split, f"s{number // 2}", "tape")
        for number, split in enumerate(("train", "train", "val", "test", "test"))
    ]
    put_csv(root / "labels.csv", "path,label,split,speaker,source", rows)
    for file, *_ in rows:
        clip(root / file, PLAIN)


def folder(root: Path, clip: WriteClip) -> None:
    for name in (*SHELL_NAMES, "b/c.webm"):
        media = PLAIN
        if name.endswith("webm"):
            media = Media((Picture(codec="libvpx", size=(48, 48), count=9),), (OPUS,))
        clip(root / name, media)
    put_text(root / "note.txt", "no video")


_FAVC_GONE = len(FAVC_UNUSABLE)
CORPORA = {
    "fakeavceleb": StandIn(
        "fakeavceleb", fakeavceleb(), _FAVC_GONE, lists=favc_labels()
    ),
    "fakeavceleb renamed": StandIn(
        "fakeavceleb",
        fakeavceleb("renamed", sanitised),
        _FAVC_GONE,
        lists=favc_splits(),
    ),
    "av_deepfake1m": StandIn(
        "av_deepfake1m", av_deepfake1m(), lists=av1m_lists("labels")
    ),
    "av_deepfake1m sidecars": StandIn(
        "av_deepfake1m",
        av_deepfake1m(one_file_a_clip=True),
        lists=av1m_lists("metadata", ",num_frames", ",125"),
    ),
    "av_deepfake1m_pp": StandIn("av_deepfake1m_pp", av_deepfake1m_pp()),
    "av_deepfake1m_pp sidecars": StandIn(
        "av_deepfake1m_pp", av_deepfake1m_pp(one_file_a_clip=True)
    ),
    "lav_df": StandIn("lav_df", lav_df),
    "avlips": StandIn("avlips", avlips, lists=AVLIPS_LISTS),
    "deepfake_eval_2024": StandIn(
        "deepfake_eval_2024",
        deepfake_eval_2024("video-metadata-publish.csv"),
        options={"unknown": "keep"},
    ),
    "deepfake_eval_2024 links": StandIn(
        "deepfake_eval_2024",
        deepfake_eval_2024("video-metadata-publish-with-links.csv"),
    ),
    "exddv": StandIn("exddv", exddv()),
    "exddv listed reals": StandIn(
        "exddv", exddv(listed_reals=True), options={"reals": "reals.csv"}
    ),
    "voxceleb2": StandIn("voxceleb2", voxceleb2("mp4", ".mp4"), lists=VOX_LISTS),
    "voxceleb2 audio": StandIn("voxceleb2", voxceleb2("aac", ".m4a")),
    "path_list": StandIn("path_list", path_list),
    "path_list columns": StandIn("path_list", path_list_columns),
    "folder": StandIn("folder", folder),
}

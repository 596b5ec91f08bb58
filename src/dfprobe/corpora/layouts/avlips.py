"""AVLips v1.0 (AaronComo/LipFD): ``0_real/N.mp4`` and ``1_fake/N.mp4``, no metadata.

Audio is genuine in all clips; the fakes are lip-synchronised video by MakeItTalk,
Wav2Lip, TalkLip or SadTalker, not told apart. There is no speaker. That a number in
both folders means a pair is not documented, so it is no ``source`` either. The clips'
own audio track is used, as by the paper's authors, not the ``wav`` folder.
"""

from pathlib import Path

from dfprobe.corpora.clip import Clip
from dfprobe.corpora.files import video_files
from dfprobe.errors import DataError
from dfprobe.settings.model import Options

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

TELLS = ()  # nothing beyond labels and methods
KEYS_IN_PATH = {"sibling": r"[^/]+$"}  # usually a pair; that is not documented
OPTIONS: Options = {}

LABEL_OF_FOLDER = {"0_real": 0, "1_fake": 1}


def scan(root: Path, options: Options) -> list[Clip]:
    """List the clips of both folders; all are test clips, as in the paper.

    Raises
    ------
    DataError
        If one of the two folders is absent.
    """
    clips: list[Clip] = []
    for folder, label in LABEL_OF_FOLDER.items():
        if not (root / folder).is_dir():
            raise DataError(
                f"{root}: expected the AVLips folders {' and '.join(LABEL_OF_FOLDER)}, "
                f"but {folder} is absent. Set 'root' to the folder that holds both."
            )
        files = video_files(root, folder, options["links"])
        clips.extend(_clip(file, "test", label) for file in files)
    return clips


def listed(split: str, file: str, label: int | None) -> list[Clip]:
    """Clip that a list row such as ``1_fake/17.mp4`` names."""
    folder = file.split("/")[0]
    if folder not in LABEL_OF_FOLDER:
        raise DataError(
            f"Published list of AVLips ({split}): expected paths under "
            f"{' or '.join(LABEL_OF_FOLDER)}, got {file!r}."
        )
    return [_clip(file, split, LABEL_OF_FOLDER[folder])]


def _clip(file: str, split: str, label: int) -> Clip:
    fake = label == 1
    return Clip(
        file=file,
        split=split,
        label=label,
        manipulation="lip_sync" if fake else "real",
        audio_fake=False,
        video_fake=fake,
    )

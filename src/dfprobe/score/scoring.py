"""Scores of one video by trained probes, computed as the stages of the workflow do."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np

from dfprobe.errors import ClipError
from dfprobe.features.encoding import encoded
from dfprobe.features.inputs import clip_inputs
from dfprobe.features.rows import stored_rows
from dfprobe.media.audio import load_sound
from dfprobe.media.clip import crop_clip
from dfprobe.media.faces import FaceFinder, dlib_finder
from dfprobe.media.video import video_info
from dfprobe.rates import RowClock
from dfprobe.score.probes import NamedProbe, Reader
from dfprobe.settings.stage_specs.features import CropSettings
from dfprobe.status import Status
from dfprobe.store.crops import ClipRow
from dfprobe.store.files import Row


@dataclass(frozen=True)
class ClipScore:
    """What one probe says of one video."""

    clip: str
    named: NamedProbe
    score: float | None  # logit, larger = more fake; None unless the status is ``ok``
    status: Status
    # why there is no score; of an ``ok`` video, what is lost of it, and how it was
    # encoded where that is not the usual way
    detail: str
    # (rows, 2) float64: time in seconds after the first frame, and logit, of every
    # row; empty without a score
    curve: np.ndarray


@dataclass(frozen=True)
class ClipCrops:
    """The crops of one clip in memory, as `dfprobe.features.inputs.Crops` has them."""

    row: Row
    stored: dict[str, np.ndarray]

    def waveform(self, clip_id: str) -> np.ndarray:
        """Mono sound at 16 kHz."""
        return self.stored["waveform"]

    def mouth(self, clip_id: str) -> np.ndarray:
        """Mouth patches."""
        return self.stored["mouth"]

    def landmarks(self, clip_id: str) -> np.ndarray:
        """Landmarks, NaN without a face."""
        return self.stored["landmarks"]

    def boxes(self, clip_id: str) -> np.ndarray:
        """Face boxes, NaN without a face."""
        return self.stored["boxes"]


def score_video(path: Path, readers: Sequence[Reader]) -> Iterator[ClipScore]:
    """Score one video with all probes, one after the other.

    What is wrong with the video raises nothing: it becomes a status. Crops are made
    once for all encoders with the same settings.
    """
    made: dict[CropSettings | None, ClipCrops] = {}
    for reader in readers:
        if reader.crops not in made:
            made[reader.crops] = _crops(path, reader.crops)
        yield from _scores(path, reader, made[reader.crops])


def _scores(path: Path, reader: Reader, crops: ClipCrops) -> Iterator[ClipScore]:
    name = _shown(path)
    row = crops.row | {"clip_id": name, "path": str(path)}
    read = partial(clip_inputs, reader.encoder, crops=crops, trim=reader.trim)
    (clip,) = encoded(reader.encoder, reader.passes, [row], read, threads=1)
    try:
        rows = stored_rows(clip, reader.encoder.dim, reader.dtype)
    except ClipError as error:
        for named in reader.probes:
            yield _without_score(name, named, error.status, error.detail)
        return
    # Without a fault, all that is told of the crops is what a damaged file has lost.
    losses = crops.row["detail"] if crops.row["status"] == Status.OK else ""
    note = "; ".join(filter(None, (clip.note, losses)))
    first_row_s = reader.encoder.first_row_s + clip.start_s
    clock = RowClock(reader.encoder.rate_hz, first_row_s)
    times = [clock.start_s(number) for number in range(len(rows))]
    for named in reader.probes:
        score = named.probe.score(rows)
        if math.isfinite(score):
            curve = np.column_stack([times, named.probe.curve(rows)])
            yield ClipScore(name, named, score, Status.OK, note, curve)
        else:
            detail = "the probe gives no finite score"
            yield _without_score(name, named, Status.NON_FINITE, detail)


def _without_score(
    name: str, named: NamedProbe, status: Status, detail: str
) -> ClipScore:
    return ClipScore(name, named, None, status, detail, np.empty((0, 2)))


def _crops(path: Path, settings: CropSettings | None) -> ClipCrops:
    """Make the crops of a clip; without settings, no face is looked for."""
    if settings is None:
        return _sound(path)
    finder = _finder(settings.upsample)
    return ClipCrops(*crop_clip(path, finder, settings.detect_every))


def _sound(path: Path) -> ClipCrops:
    """Waveform of a clip, as `crop_clip` has it; nobody asks for its faces."""
    row, info = ClipRow(), None
    arrays: dict[str, np.ndarray] = {}
    details = []
    try:
        info = video_info(path)
    except ClipError as error:
        row.status = row.video_status = error.status
        details.append(error.detail)
    try:
        sound = load_sound(path, info)
        arrays["waveform"] = sound.waveform
        details += sound.losses
    except ClipError as error:
        row.status = row.audio_status = error.status
        details.append(error.detail)
    row.detail = "; ".join(dict.fromkeys(details))
    return ClipCrops(asdict(row), arrays)


@cache
def _finder(upsample: int) -> FaceFinder:
    return dlib_finder(upsample)


def _shown(path: Path) -> str:
    """Path as text that every terminal and table can hold."""
    return path.as_posix().encode(errors="backslashreplace").decode()

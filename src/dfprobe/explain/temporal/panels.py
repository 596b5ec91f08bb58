"""A few clips in full: their curve, their fake segments, their sound or frames.

The form is that of Figure 3 of arXiv 2511.17181.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import librosa
import numpy as np
import polars as pl

from dfprobe.errors import ClipError
from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.explain.temporal.curves import TimedCurve, read_curves
from dfprobe.explain.temporal.localisation import SUBSETS, judge_clip, segments_of
from dfprobe.explain.temporal.segments import LeftOut, joined
from dfprobe.explain.temporal.tables import read_localisation, temporal_facts
from dfprobe.media.audio import load_sound
from dfprobe.media.video import frames_at_25fps, video_info
from dfprobe.products import ScoreKey, manifest_corpus
from dfprobe.rates import AUDIO_HZ, VIDEO_FPS, RowClock
from dfprobe.settings.stage_specs.explanations import CurvesEncoder, PanelsSpec
from dfprobe.store.files import Row
from dfprobe.store.parquet import read_parquet

_SHOWN = ("audio", "visual")  # modalities of which a clip is chosen by rule
_BEST, _WORST = 2, 1
_SEGMENTS_SHOWN = 3
_APART = 12  # times of frames are at least this part of the clip apart
_FRAME_HEIGHT = 120  # pixels
_HOP, _WINDOW, _MELS = 160, 400, 64  # samples, samples, bands: 10 ms, 25 ms

log = logging.getLogger("dfprobe")


@dataclass(frozen=True)
class Panel:
    """One clip as an encoder's head sees it."""

    clip_id: str
    label: str  # of the encoder
    modality: str  # of the encoder
    curve: TimedCurve | None
    segments: np.ndarray  # (segments, 2) float64: fake segments in seconds
    area: float | None  # AUC of the rows of the clip
    note: str = ""  # what is missing, in a sentence; empty if nothing is
    # (bands, columns): log-mel spectrogram in dB below its maximum, 100 columns a
    # second from 0 s on
    spectrogram: np.ndarray | None = None
    # (height, width, 3) uint8, RGB, by time in seconds
    frames: Mapping[float, np.ndarray] = field(default_factory=dict)


def make_panels(
    curves: Sequence[Path],
    manifest: Path,
    crops: Sequence[Path],
    localisation: Path,
    spec: PanelsSpec,
) -> list[Panel]:
    """Choose clips of a test corpus and read what their panels show.

    Without clips in the configuration, the encoder with the best localisation is taken
    of each modality (audio, visual), and of it the two clips with the highest AUC of
    their rows and the one with the lowest, of the fakes of both streams. A clip that
    cannot be shown has its panel too, with the reason.

    Parameters
    ----------
    curves : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet`` of one head.
    manifest, crops : Path, sequence of Path
        Of the test corpus; indexes of its crops.
    localisation : Path
        Table of localisation.
    spec : PanelsSpec
        The head, its corpora and encoders, and the clips of the configuration.
    """
    paths = {ScoreKey.of(path).encoder: path for path in curves}
    clips = _clips(manifest, crops)
    encoders = {entry.name: entry for entry in spec.encoders}
    if spec.clips:
        wanted = [(chosen.encoder, [chosen.clip]) for chosen in spec.clips]
    else:
        table = read_localisation(localisation)
        wanted = [(name, []) for name in best_encoders(table, spec)]
    panels = []
    for encoder, names in wanted:
        about = encoders[encoder]
        timed = read_curves(paths[encoder], clips)
        by_clip = dict(zip(clips["clip_id"], timed, strict=True))
        names = names or choose_clips(clips, by_clip)
        panels += [_panel(name, about, clips, by_clip) for name in names]
    return panels


def best_encoders(table: pl.DataFrame, spec: PanelsSpec) -> list[str]:
    """Choose the encoder of each modality that localises fakes of both streams best.

    Parameters
    ----------
    table : pl.DataFrame
        Table of localisation.
    spec : PanelsSpec
        As for `make_panels`.
    """
    rows = table.filter(
        pl.col("auc_clip_mean").is_not_null(),
        pl.col("encoder").is_in([entry.name for entry in spec.encoders]),
        head=spec.head,
        train=spec.train,
        test=spec.test,
        subset="both",
    ).sort("auc_clip_mean", descending=True, maintain_order=True)
    first = rows.unique("modality", keep="first", maintain_order=True)
    best = dict(first.select("modality", "encoder").iter_rows())
    return [best[modality] for modality in _SHOWN if modality in best]


def choose_clips(
    clips: pl.DataFrame, curves: Mapping[str, TimedCurve | None]
) -> list[str]:
    """Fakes of both streams with the highest AUC of their rows, and with the lowest.

    Of equal ones the first by name is taken.

    Parameters
    ----------
    clips : pl.DataFrame
        Test clips, as for `dfprobe.explain.temporal.localisation.localise`.
    curves : mapping of str to TimedCurve or None
        By clip.
    """
    audio, video = SUBSETS["both"]
    fakes = clips.filter(label=1, audio_fake=audio, video_fake=video)
    areas = {
        clip["clip_id"]: area
        for clip in fakes.iter_rows(named=True)
        if (area := clip_area(clip, curves[clip["clip_id"]])) is not None
    }
    order = sorted(areas, key=lambda name: (-areas[name], name))
    worst = order[_BEST:][-_WORST:]
    return [*order[:_BEST], *worst]


def clip_area(clip: Row, curve: TimedCurve | None) -> float | None:
    """AUC of the rows of a clip; None where it cannot be judged."""
    judged = judge_clip(clip, curve)
    if isinstance(judged, LeftOut):
        return None
    rows, _ = judged
    return auc(rows.truth.astype(np.int64), rows.values)


def marked_times(curve: TimedCurve, segments: np.ndarray) -> list[float]:
    """Choose the times of the frames of a panel, in order.

    Those of the highest value, of the middle of the first three fake segments, and of
    the lowest value; one that nearly is an earlier one's is left out.

    Parameters
    ----------
    segments : np.ndarray of shape (segments, 2)
    """
    highest, lowest = (
        curve.clock.start_s(int(row))
        for row in (curve.values.argmax(), curve.values.argmin())
    )
    middles = segments[:_SEGMENTS_SHOWN].mean(axis=1).tolist()
    apart = len(curve.values) / curve.clock.rate_hz / _APART
    times: list[float] = []
    for time in (highest, *middles, lowest):
        if all(abs(time - other) >= apart for other in times):
            times.append(time)
    return sorted(times)


def _clips(manifest: Path, crops: Sequence[Path]) -> pl.DataFrame:
    columns = ["clip_id", "path", "split", "label"]
    test = read_parquet(manifest, columns=columns).filter(split="test")
    facts = temporal_facts([manifest], crops)[manifest_corpus(manifest)]
    return test.join(facts, on="clip_id", maintain_order="left").with_columns(
        common=pl.lit(True)
    )


def _panel(
    name: str,
    about: CurvesEncoder,
    clips: pl.DataFrame,
    curves: Mapping[str, TimedCurve | None],
) -> Panel:
    names = (name, about.label, about.modality)
    if name not in curves:
        note = (
            "This is not a test clip of the corpus (see temporal.clips in the config)."
        )
        log.warning("clip %s: %s", name, note)
        return Panel(*names, None, joined([]), None, note)
    clip = clips.row(by_predicate=pl.col("clip_id") == name, named=True)
    curve, segments = curves[name], joined(segments_of(clip))
    if curve is None:
        return Panel(*names, None, segments, None, "The encoder gave no rows for it.")
    area = clip_area(clip, curve)
    try:
        shown = _media(Path(clip["path"]), about.modality, curve, segments)
    except ClipError as error:
        log.warning("clip %s: %s", name, error.detail)
        return Panel(*names, curve, segments, area, f"{error.detail}.")
    return Panel(*names, curve, segments, area, **shown)


def _media(path: Path, modality: str, curve: TimedCurve, segments: np.ndarray) -> Row:
    if modality == "audio":
        return {"spectrogram": spectrogram(path)}
    return {"frames": frames_at(path, marked_times(curve, segments))}


def spectrogram(path: Path) -> np.ndarray:
    """Log-mel spectrogram of a clip's sound, see `Panel`.

    Raises
    ------
    ClipError
        If there is no sound.
    """
    waveform = load_sound(path, video_info(path)).waveform
    power = librosa.feature.melspectrogram(
        y=waveform, sr=AUDIO_HZ, n_fft=512, win_length=_WINDOW, hop_length=_HOP,
        n_mels=_MELS,
    )  # (bands, columns)  # fmt: skip
    decibels: np.ndarray = librosa.power_to_db(power, ref=np.max)
    return decibels


def frames_at(path: Path, times: Sequence[float]) -> dict[float, np.ndarray]:
    """Frames of a clip at some times, see `Panel`; none after its end.

    Raises
    ------
    ClipError
        If the video cannot be decoded.
    """
    numbers = {RowClock(VIDEO_FPS).row_at(time): time for time in times}
    found: dict[float, np.ndarray] = {}
    for number, [rgb] in enumerate(frames_at_25fps(path, 1)):
        if number in numbers:
            size = (round(_FRAME_HEIGHT * rgb.shape[1] / rgb.shape[0]), _FRAME_HEIGHT)
            found[numbers[number]] = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
        if len(found) == len(numbers):
            break
    return found

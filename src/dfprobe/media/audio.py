"""The sound of a clip as 16 kHz mono that starts with the first video frame."""

from dataclasses import dataclass
from pathlib import Path

import av
import librosa
import numpy as np

from dfprobe.errors import ClipError
from dfprobe.media.video import VideoInfo, decode_packets, open_media
from dfprobe.rates import AUDIO_HZ
from dfprobe.status import Status

# |x| above which the published recipe hears something: bit-ml/AVH-Align, preprocessing.
SILENCE_LIMIT = 0.0005
# Timestamps are often rounded to 1 ms, so a short hole is none; a very long one is a
# broken timestamp.
_HOLE_S = (0.1, 60.0)
# Zero level and full scale of the integer sample types.
_INTEGER_SCALES = {
    "uint8": (2**7, 2**7),
    "int16": (0, 2**15),
    "int32": (0, 2**31),
    "int64": (0, 2**63),
}


@dataclass(frozen=True)
class Sound:
    """The first audio stream of a clip.

    Parameters
    ----------
    waveform : np.ndarray of shape (samples,), float32
        Mono at 16 kHz in [-1, 1]; sample 0 is at the time of the first video frame.
    offset_s : float
        Start of the sound after the first video frame in the file, negative if before.
    """

    waveform: np.ndarray
    offset_s: float


def load_sound(path: Path, video: VideoInfo | None) -> Sound:
    """Decode the first audio stream, align it with the video and resample it.

    Channels are averaged (librosa's rule) and resampled with soxr's HQ setting, as
    ``librosa.load(path, sr=16000)`` does. Zeros stand before a sound that begins after
    the video; what comes before the video is cut.

    Parameters
    ----------
    path : Path
        The clip.
    video : VideoInfo or None
        The clip's video; None where there is none: then the sound keeps its own start.

    Raises
    ------
    ClipError
        ``MISSING``, ``UNREADABLE``, ``NO_AUDIO`` or ``NON_FINITE``.
    """
    native, rate, start_s = _decode(path)
    offset_s = 0.0
    if video is not None:
        offset_s = start_s - video.start_s
        if offset_s >= video.duration_s:
            raise ClipError(Status.NO_AUDIO, "the sound begins after the video ends")
    late = round(offset_s * rate)
    aligned = np.pad(native, (late, 0)) if late > 0 else native[-late:]
    if not aligned.size:
        raise ClipError(Status.NO_AUDIO, "the sound ends before the video begins")
    if not np.isfinite(aligned).all():
        raise ClipError(Status.NON_FINITE, "the sound holds NaN or infinite samples")
    if rate != AUDIO_HZ:
        aligned = librosa.resample(
            aligned, orig_sr=rate, target_sr=AUDIO_HZ, res_type="soxr_hq"
        )
    return Sound(np.ascontiguousarray(aligned, np.float32), offset_s)


def leading_silence_s(waveform: np.ndarray) -> float:
    """Time of the first sample that is louder than 0.0005, in seconds.

    The published rule of AVH-Align's trimming; the whole length if nothing is louder.

    Parameters
    ----------
    waveform : np.ndarray of shape (samples,), float32
        Mono at 16 kHz in [-1, 1].
    """
    loud = np.abs(waveform) > SILENCE_LIMIT
    first = int(loud.argmax()) if loud.any() else len(waveform)
    return first / AUDIO_HZ


def _decode(path: Path) -> tuple[np.ndarray, int, float]:
    """Decode to mono float32 at the native rate; give the rate and the first time."""
    with open_media(path) as container:
        if not container.streams.audio:
            raise ClipError(Status.NO_AUDIO, "the file has no audio stream")
        stream = container.streams.audio[0]
        if stream.codec_context is None:
            raise ClipError(Status.UNREADABLE, "no decoder for the sound of this file")
        stream.codec_context.thread_count = 1
        pieces: list[np.ndarray] = []
        rate, start_s, filled = 0, 0.0, 0
        for frame in decode_packets(container, stream):
            if not frame.samples:
                continue
            if not pieces:
                rate, start_s = frame.sample_rate, frame.time or 0.0
            if frame.sample_rate != rate:
                raise ClipError(
                    Status.UNREADABLE,
                    f"the sound changes from {rate} to {frame.sample_rate} Hz",
                )
            hole = _hole(frame, start_s, filled)
            pieces += [np.zeros(hole, np.float32), _mono(frame)]
            filled += hole + frame.samples
    if not pieces:
        raise ClipError(Status.NO_AUDIO, "the audio stream holds no sample")
    return np.concatenate(pieces), rate, start_s


def _hole(frame: av.AudioFrame, start_s: float, filled: int) -> int:
    """Count the samples that are lost before a frame: damage, or a jump in time."""
    if frame.time is None:
        return 0
    missing = round((frame.time - start_s) * frame.sample_rate) - filled
    shortest, longest = (seconds * frame.sample_rate for seconds in _HOLE_S)
    return missing if shortest < missing < longest else 0


def _mono(frame: av.AudioFrame) -> np.ndarray:
    """Mean of the channels, (samples,) float32 in [-1, 1]."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        # (1, samples * channels) -> (channels, samples)
        samples = samples.reshape(frame.samples, -1).T
    zero, full_scale = _INTEGER_SCALES.get(samples.dtype.name, (0, 1))
    scaled = (samples.astype(np.float64) - zero) / full_scale
    return scaled.astype(np.float32).mean(axis=0)

"""The sound of a clip as 16 kHz mono that starts with the first video frame.

The sound is mixed and resampled as it is decoded, so that only the result is held:
230 MB for an hour, at any native rate.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import librosa
import numpy as np
import soxr

from dfprobe.errors import ClipError
from dfprobe.media.video import (
    PacketCount,
    VideoInfo,
    decode_packets,
    missing_end,
    open_media,
    stated_end,
)
from dfprobe.rates import AUDIO_HZ
from dfprobe.status import Status

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

# |x| above which the published recipe hears something: bit-ml/AVH-Align, preprocessing.
SILENCE_LIMIT = 0.0005
# Timestamps are often rounded to 1 ms, so a short hole is none; a very long one is a
# broken timestamp, and so are many.
_HOLE_S = (0.1, 60.0)
_ALL_HOLES_S = 600.0
_RATES_HZ = (4_000, 384_000)  # other rates are damage
_BLOCK = 2**16  # samples of silence per block
# Zero level and full scale of the integer sample types.
_INTEGER_SCALES = {
    "uint8": (2**7, 2**7),
    "int16": (0, 2**15),
    "int32": (0, 2**31),
    "int64": (0, 2**63),
}


@dataclass(frozen=True)
class Sound:
    """The first audio stream of a clip."""

    # (samples,) float32, mono at 16 kHz in [-1, 1], from the first video frame on
    waveform: np.ndarray
    offset_s: float  # start of the sound after the first video frame in the file
    losses: list[str]  # sentences about what is lost of a damaged file


def load_sound(path: Path, video: VideoInfo | None) -> Sound:
    """Decode the first audio stream, align it with the video and resample it.

    Channels are averaged (librosa's rule) and resampled with soxr's HQ setting; the
    samples are those of ``librosa.load(path, sr=16000)``. Zeros stand before a sound
    that begins after the video; what comes before the video is cut.

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
    with open_media(path) as container:
        decoding = _Decoding(container)
        blocks = decoding.blocks()
        first = next(blocks, None)
        if first is None:
            raise ClipError(Status.NO_AUDIO, "the audio stream holds no sample")
        offset_s = 0.0
        if video is not None:
            offset_s = decoding.start_s - video.start_s
            if offset_s >= video.duration_s:
                raise ClipError(
                    Status.NO_AUDIO, "the sound begins after the video ends"
                )
        late = round(offset_s * decoding.rate)
        aligned = _aligned(chain([first], blocks), late)
        waveform = _resampled(aligned, decoding.rate)
    if not waveform.size:
        raise ClipError(Status.NO_AUDIO, "the sound ends before the video begins")
    return Sound(waveform, offset_s, decoding.losses())


def leading_silence_s(waveform: np.ndarray) -> float:
    """Time of the first sample that is louder than 0.0005, in seconds.

    The published rule of AVH-Align's trimming; the whole length if nothing is louder.
    The waveform (samples,) is mono at 16 kHz in [-1, 1].
    """
    loud = np.abs(waveform) > SILENCE_LIMIT
    first = int(loud.argmax()) if loud.any() else len(waveform)
    return first / AUDIO_HZ


class _Decoding:
    """The first audio stream of an open file while it is decoded.

    Its native ``rate`` in Hz and ``start_s``, the time of the first sample on the clock
    of the container, are known from the first block on.
    """

    def __init__(self, container: av.container.InputContainer) -> None:
        if not container.streams.audio:
            raise ClipError(Status.NO_AUDIO, "the file has no audio stream")
        self._container, self._stream = container, container.streams.audio[0]
        if self._stream.codec_context is None:
            raise ClipError(Status.UNREADABLE, "no decoder for the sound of this file")
        self._stream.codec_context.thread_count = 1
        self._packets = PacketCount()
        self._samples = self._silent = 0
        self.rate, self.start_s = 0, 0.0

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield mono float32 samples at the native rate, zeros for those in a hole."""
        for frame in decode_packets(self._container, self._stream, self._packets):
            if not frame.samples:
                continue
            if not self._samples:
                self.rate, self.start_s = _checked_rate(frame), frame.time or 0.0
            if frame.sample_rate != self.rate:
                raise ClipError(
                    Status.UNREADABLE,
                    f"the sound changes from {self.rate} to {frame.sample_rate} Hz",
                )
            hole = self._hole(frame)
            if hole:
                yield np.zeros(hole, np.float32)
            yield _mono(frame)
            self._samples += hole + frame.samples

    def losses(self) -> list[str]:
        """Say in sentences what is lost, once all blocks are out."""
        sentences = []
        count = self._packets
        if count.damaged:
            sentences.append(
                f"{count.damaged} of {count.read} packets of the sound cannot be "
                "decoded"
            )
        if self._silent:
            sentences.append(
                f"{self._silent / self.rate:.2f} s of the sound are lost, with silence "
                "in their place"
            )
        end_s = self.start_s + self._samples / self.rate
        cut_s = missing_end(stated_end(self._stream), end_s)
        if cut_s:
            sentences.append(
                f"the sound breaks off {cut_s:.2f} s before its stated end"
            )
        return sentences

    def _hole(self, frame: av.AudioFrame) -> int:
        """Count the samples that are lost before a frame: damage, or a jump in time."""
        if frame.time is None:
            return 0
        missing = round((frame.time - self.start_s) * self.rate) - self._samples
        shortest, longest = (seconds * self.rate for seconds in _HOLE_S)
        if not shortest < missing < longest:
            return 0
        self._silent += missing
        if self._silent > _ALL_HOLES_S * self.rate:
            raise ClipError(Status.UNREADABLE, "the timestamps of the sound are broken")
        return missing


def _checked_rate(frame: av.AudioFrame) -> int:
    low, high = _RATES_HZ
    if not low <= frame.sample_rate <= high:
        raise ClipError(
            Status.UNREADABLE,
            f"the sound has {frame.sample_rate} Hz; {low} to {high} Hz can be read",
        )
    return frame.sample_rate


def _mono(frame: av.AudioFrame) -> np.ndarray:
    """Mean of the channels, (samples,) float32 in [-1, 1]."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        # (1, samples * channels) -> (channels, samples)
        samples = samples.reshape(frame.samples, -1).T
    zero, full_scale = _INTEGER_SCALES.get(samples.dtype.name, (0, 1))
    scaled = (samples.astype(np.float64) - zero) / full_scale
    return scaled.astype(np.float32).mean(axis=0)


def _aligned(blocks: Iterable[np.ndarray], late: int) -> Iterator[np.ndarray]:
    """Put ``late`` zeros before the samples; cut as many if negative."""
    for start in range(0, late, _BLOCK):
        yield np.zeros(min(_BLOCK, late - start), np.float32)
    early = max(-late, 0)
    for block in blocks:
        yield block[early:]
        early = max(early - len(block), 0)


def _resampled(blocks: Iterable[np.ndarray], rate: int) -> np.ndarray:
    """Join blocks at 16 kHz, (samples,) float32."""
    resampler = soxr.ResampleStream(rate, AUDIO_HZ, 1, dtype="float32", quality="HQ")
    joined = bytearray()  # grows in place: the sound is in memory once
    count = 0
    for block in blocks:
        if not np.isfinite(block).all():
            raise ClipError(
                Status.NON_FINITE, "the sound holds NaN or infinite samples"
            )
        count += len(block)
        if rate != AUDIO_HZ:
            block = resampler.resample_chunk(block)
        joined += block.tobytes()
    if rate == AUDIO_HZ:
        return np.frombuffer(joined, np.float32)
    joined += resampler.resample_chunk(np.empty(0, np.float32), last=True).tobytes()
    length = math.ceil(count * (AUDIO_HZ / rate))  # as librosa has it
    return librosa.util.fix_length(np.frombuffer(joined, np.float32), size=length)

"""What the file of one clip holds: container, streams, sound level, silence.

None of these values says anything about a forgery. Where one of them differs between
reals and fakes, a detector can use it instead of the forgery.
"""

from dataclasses import asdict, dataclass
from math import log10
from pathlib import Path
from typing import Any

import numpy as np

from dfprobe.errors import ClipError
from dfprobe.media.audio import Sound, leading_silence_s, load_sound
from dfprobe.media.video import VideoInfo, open_media, video_info
from dfprobe.rates import AUDIO_HZ
from dfprobe.status import Status
from dfprobe.store.files import Row, sha256_of

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

QUIETEST_DB = -120.0  # of digital silence, which has no level


@dataclass
class ClipFacts:
    """Facts of one file; None where the file does not have or tell them."""

    status: Status = Status.OK  # the first of the next two that is not ``ok``
    video_status: Status = Status.OK  # of the list of frames
    audio_status: Status = Status.OK  # of the decoded sound
    detail: str = ""  # what is not ``ok``, and what is lost of a damaged sound that is
    bytes: int | None = None
    sha256: str | None = None
    container: str | None = None  # FFmpeg's name, such as ``mov,mp4,m4a,3gp,3g2,mj2``
    video_codec: str | None = None  # FFmpeg's name, such as ``h264``
    width: int | None = None  # stored pixels, before a turn that the container asks for
    height: int | None = None
    fps: float | None = None  # average frames per second
    frames: int | None = None
    duration_s: float | None = None  # of the video; of the sound where there is none
    audio_codec: str | None = None
    sample_rate_hz: int | None = None  # of the sound as it is stored
    channels: int | None = None
    loudness_db: float | None = None  # RMS in dB of full scale, at least `QUIETEST_DB`
    # By the rule of `dfprobe.media.audio.leading_silence_s`, from either end.
    leading_silence_s: float | None = None
    trailing_silence_s: float | None = None


def clip_facts(path: Path) -> Row:
    """Read the facts of one clip; the sound is decoded, the video is not.

    Nothing that is wrong with the clip raises: it becomes a status, and the facts that
    do not need what is wrong are still there.

    Returns
    -------
    dict
        Fields of `ClipFacts` as JSON values.
    """
    facts = ClipFacts()
    details: list[str] = []
    info = None
    try:
        _read_file(facts, path)
        info = video_info(path)
        _read_video(facts, path, info)
    except ClipError as error:
        facts.video_status = error.status
        details.append(error.detail)
    try:
        sound = load_sound(path, info)
        _measure_sound(facts, sound)
        details += sound.losses
    except ClipError as error:
        facts.audio_status = error.status
        details.append(error.detail)
    parts = (facts.video_status, facts.audio_status)
    facts.status = next((part for part in parts if part is not Status.OK), Status.OK)
    facts.detail = "; ".join(dict.fromkeys(details))
    return asdict(facts)


def _read_file(facts: ClipFacts, path: Path) -> None:
    if path.is_file():
        try:
            facts.bytes, facts.sha256 = path.stat().st_size, sha256_of(path)
        except OSError as error:
            raise ClipError(
                Status.UNREADABLE, f"the file cannot be read: {error.strerror}"
            ) from error
    with open_media(path) as container:
        facts.container = container.format.name
        audio = container.streams.audio
        if audio and audio[0].codec_context is not None:
            context = audio[0].codec_context
            facts.audio_codec = context.codec.canonical_name
            facts.sample_rate_hz = context.sample_rate
            facts.channels = context.layout.nb_channels


def _read_video(facts: ClipFacts, path: Path, info: VideoInfo) -> None:
    facts.fps, facts.duration_s = info.source_fps, info.duration_s
    facts.frames = len(info.times_us)
    with open_media(path) as container:
        # The stream that `video_info` took: it has refused a file without one.
        stream: Any = container.streams.best("video")
        context = stream.codec_context
        facts.video_codec = context.codec.canonical_name
        facts.width, facts.height = context.width, context.height


def _measure_sound(facts: ClipFacts, sound: Sound) -> None:
    waveform = sound.waveform
    power = float(np.square(waveform).mean(dtype=np.float64))
    loudness_db = 10 * log10(power) if power else QUIETEST_DB
    facts.loudness_db = max(loudness_db, QUIETEST_DB)
    facts.leading_silence_s = leading_silence_s(waveform)
    facts.trailing_silence_s = leading_silence_s(waveform[::-1])
    if facts.duration_s is None:
        facts.duration_s = len(waveform) / AUDIO_HZ

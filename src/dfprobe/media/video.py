"""Video frames on a grid of 25 per second, picked by timestamp.

PyAV lists the timestamps. decord decodes a clip that it can decode without a fault and
whose frames fit in a fixed share of memory; PyAV decodes the others, frame by frame.
The choice depends on the file alone, so a clip gives the same frames in every stage.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from itertools import islice, pairwise
from pathlib import Path
from statistics import median_low
from typing import Any, NamedTuple

import av
import decord
import numpy as np
from av.stream import Disposition
from av.video.reformatter import VideoReformatter

from dfprobe.errors import ClipError
from dfprobe.rates import VIDEO_FPS
from dfprobe.status import Status

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

log = logging.getLogger("dfprobe")
decord.logging.set_level(decord.logging.QUIET)  # its errors become sentences here

_GRID_US = round(1e6 / VIDEO_FPS)
_LONGEST_GAP_US = 600_000_000  # a frame is repeated for no longer than this
_LONGEST_MEAN_US = 60_000_000  # nor, in a longer clip, for more than this on average
_STATED_GAP_US = 500_000  # gaps above this are stated
_CUT_S = 0.2  # streams of intact files end this much before their stated end, or less
_FRAME_BYTES = 128 * 2**20  # an 8K frame as RGB has 95 MiB
# decord reports a damaged frame only after the last one, and its frames may be one too
# early until then: a clip is given out when it is whole, held in this much memory.
_DECORD_BYTES = 256 * 2**20
_NO_FAULT = 1e-9  # share of frames that decord may replace by their neighbours

# While opening; while decoding; after a damaged frame.
_DECORD_ERRORS = (
    RuntimeError,
    decord.DECORDError,
    decord.DECORDLimitReachedError,
)
# A decoded frame whose pixels are converted to RGB only when it is picked.
_Frame = Callable[[], np.ndarray]


@dataclass(frozen=True)
class VideoInfo:
    """What the container says about the video of a clip."""

    source_fps: float  # average frames per second of the file
    duration_s: float  # from the start of the first frame to the end of the last one
    start_s: float  # of the first frame on the clock of the container, as of the sound
    frames: int  # on the grid of 25 per second; a damaged file yields fewer
    # Of the source frames after the first one, in microseconds, ascending.
    times_us: tuple[int, ...] = field(repr=False)
    step_us: int  # time that the last source frame is shown
    frame_bytes: int  # size of an RGB frame
    header_agrees: bool  # its number of frames is that of the packets, or not given
    # Source frames that the container lists; where it is cut off, the lost ones too.
    listed_frames: int
    cut_s: float  # by which the video ends before its stated end, 0.0 if intact


@dataclass
class Decoded:
    """What was found while a clip's video was decoded."""

    frames: int = 0  # source frames
    damaged: int = 0  # those of them whose pixels the decoder made up in part
    longest_gap_us: int = 0  # between two frames

    def losses(self, info: VideoInfo) -> list[str]:
        """Say in sentences what is lost; nothing for an intact file."""
        sentences = []
        if self.frames < info.listed_frames:
            sentences.append(
                f"{self.frames} of {info.listed_frames} frames can be decoded"
            )
        if self.damaged:
            sentences.append(f"{self.damaged} of {self.frames} frames are damaged")
        if self.longest_gap_us > max(_STATED_GAP_US, 2 * info.step_us):
            sentences.append(
                f"the video has no frame for {self.longest_gap_us / 1e6:.2f} s"
            )
        if info.cut_s:
            sentences.append(
                f"the video breaks off {info.cut_s:.2f} s before its stated end"
            )
        return sentences


class _Stamp(NamedTuple):
    """Times of a packet in ticks of its stream."""

    pts: int | None
    dts: int | None
    hidden: bool


@contextmanager
def open_media(path: Path) -> Iterator[av.container.InputContainer]:
    """Open a media file with PyAV.

    Raises
    ------
    ClipError
        ``MISSING`` without the file, ``UNREADABLE`` where it is not a media file.
    """
    if not path.is_file():
        raise ClipError(Status.MISSING, f"there is no file {path}")
    try:
        container = av.open(str(path.absolute()), metadata_errors="replace")
    except av.FFmpegError as error:
        raise ClipError(
            Status.UNREADABLE,
            f"the file cannot be opened as a media file: {error.strerror}",
        ) from error
    with container:
        if not (container.streams.video or container.streams.audio):
            raise ClipError(Status.UNREADABLE, "the file holds neither video nor sound")
        yield container


def read_packets(
    container: av.container.InputContainer, stream: av.VideoStream | av.AudioStream
) -> Iterator[av.Packet]:
    """Packets of a stream up to the end or to where the file breaks off."""
    try:
        yield from container.demux(stream)
    except av.FFmpegError as error:
        log.debug("%s: packets end early: %s", container.name, error)


@dataclass
class PacketCount:
    """Packets of a stream: those that were read, and those that cannot be decoded."""

    read: int = 0
    damaged: int = 0


def decode_packets(
    container: av.container.InputContainer,
    stream: av.VideoStream | av.AudioStream,
    count: PacketCount,
) -> Iterator[Any]:
    """Frames of a stream; damaged packets are passed over and counted."""
    for packet in read_packets(container, stream):
        count.read += packet.size > 0
        try:
            frames = packet.decode()
        except av.FFmpegError as error:
            log.debug("%s: a packet cannot be decoded: %s", container.name, error)
            count.damaged += packet.size > 0
            continue
        yield from frames


def video_info(path: Path) -> VideoInfo:
    """Read the timestamps of a file's video without decoding it.

    Raises
    ------
    ClipError
        ``MISSING``, ``UNREADABLE`` or ``NO_VIDEO``.
    """
    with open_media(path) as container:
        stream = _video_stream(container)
        packets = [
            _Stamp(p.pts, p.dts, p.is_discard)
            for p in read_packets(container, stream)
            if p.size
        ]
        rate = stream.average_rate or stream.guessed_rate or Fraction(VIDEO_FPS)
        shown = [packet for packet in packets if not packet.hidden]
        stamps = _stamps(shown, stream, rate)
        frame_bytes = _frame_bytes(stream)
        in_header = stream.frames
        stated_end_s = stated_end(stream)
    if not stamps:
        raise ClipError(
            Status.UNREADABLE,
            "the file is cut off or damaged: its video holds no frame",
        )
    times_us = tuple(round((stamp - stamps[0]) * 1_000_000) for stamp in stamps)
    step_us = _step_us(times_us)
    duration_us = times_us[-1] + step_us
    cut_s = missing_end(stated_end_s, float(stamps[0]) + duration_us / 1e6)
    # AVI counts frames that it does not hold: believed only where the file is cut off.
    absent = max(in_header - len(packets), 0) if cut_s else 0
    return VideoInfo(
        source_fps=float(rate),
        duration_s=duration_us / 1e6,
        start_s=float(stamps[0]),
        frames=_grid_length(duration_us),
        times_us=times_us,
        step_us=step_us,
        frame_bytes=frame_bytes,
        header_agrees=in_header in (0, len(packets)),
        listed_frames=len(shown) + absent,
        cut_s=cut_s,
    )


def stated_end(stream: av.VideoStream | av.AudioStream) -> float | None:
    """Time at which a stream ends as its container says, in seconds; None if unsaid."""
    clock = stream.metadata.get("DURATION", "").split(":")  # Matroska: 00:00:02.400000
    if len(clock) == 3:
        try:
            hours, minutes, seconds = map(float, clock)
        except ValueError:
            return None
        return 3600 * hours + 60 * minutes + seconds
    if stream.duration is None or stream.time_base is None:
        return None
    return float(((stream.start_time or 0) + stream.duration) * stream.time_base)


def missing_end(stated_end_s: float | None, end_s: float) -> float:
    """Time between the end of a stream and its stated end, 0.0 if it is there."""
    missing_s = (stated_end_s or 0.0) - end_s
    return missing_s if missing_s > _CUT_S else 0.0


def frames_at_25fps(
    path: Path, size: int, decoded: Decoded | None = None
) -> Iterator[np.ndarray]:
    """Decode a clip's video, one frame for each 1/25 s after its first frame.

    Frame ``k`` is the source frame whose timestamp is nearest to ``k / 25`` s after the
    first one (the earlier of two equally near ones). A source at 25 fps comes back
    frame by frame, also when its timestamps jitter by less than 20 ms.

    Parameters
    ----------
    path : Path
        The clip.
    size : int
        Frames in a chunk, at least 1.
    decoded : Decoded, optional
        Filled in; complete when the last chunk is out.

    Yields
    ------
    np.ndarray of shape (frames <= size, height, width, 3), uint8
        RGB, turned upright as the container asks.

    Raises
    ------
    ClipError
        ``MISSING``, ``NO_VIDEO``, or ``UNREADABLE`` where no frame can be decoded.
    """
    info = video_info(path)
    decoded = decoded if decoded is not None else Decoded()
    frames: Iterator[_Frame] | None = None
    # A wrong number of frames in the header makes decord abort the process.
    if info.header_agrees and info.frames * info.frame_bytes <= _DECORD_BYTES:
        frames = _by_decord(path, info, decoded)
    if frames is None:
        frames = _on_grid(_pyav_frames(path, info, decoded), info)
    empty = True
    while chunk := [frame() for frame in islice(frames, size)]:
        yield np.stack(chunk)
        empty = False
    if empty:
        raise ClipError(Status.UNREADABLE, "no frame of the video can be decoded")


def _video_stream(container: av.container.InputContainer) -> av.VideoStream:
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic  # cover of a sound file
    ]
    if not streams:
        raise ClipError(Status.NO_VIDEO, "the file has no video stream")
    best = container.streams.best("video")
    if best not in streams or best.codec_context is None:
        raise ClipError(Status.UNREADABLE, "no decoder for the video of this file")
    return best


def _frame_bytes(stream: av.VideoStream) -> int:
    """Size of an RGB frame; refused where it would not fit in memory."""
    width, height = stream.codec_context.width, stream.codec_context.height
    if width * height * 3 > _FRAME_BYTES:
        raise ClipError(
            Status.UNREADABLE,
            f"the frames have {width} x {height} pixels, more than 8K video has",
        )
    return width * height * 3


def _stamps(
    packets: list[_Stamp], stream: av.VideoStream, rate: Fraction
) -> list[Fraction]:
    """List the times of the frames in seconds, ascending, on the container's clock."""
    base = stream.time_base
    ticks = [p.pts if p.pts is not None else p.dts for p in packets]  # AVI has no pts
    known = sorted(tick for tick in ticks if tick is not None)
    if len(known) < len(packets) or base is None:
        return [number / rate for number in range(len(packets))]
    return [tick * base for tick in known]


def _step_us(times_us: tuple[int, ...]) -> int:
    """Usual time between two frames; refused where the times cannot be true."""
    steps = [after - before for before, after in pairwise(times_us) if after > before]
    if max(steps, default=0) > _LONGEST_GAP_US:
        raise ClipError(
            Status.UNREADABLE,
            f"the timestamps are broken: two frames lie {max(steps) / 1e6:.0f} s apart",
        )
    if times_us[-1] > max(_LONGEST_GAP_US, _LONGEST_MEAN_US * len(times_us)):
        raise ClipError(
            Status.UNREADABLE,
            f"the timestamps are broken: {len(times_us)} frames in "
            f"{times_us[-1] / 1e6:.0f} s",
        )
    return median_low(steps) if steps else _GRID_US


def _grid_length(duration_us: int) -> int:
    return max(1, round(duration_us / _GRID_US))


def _on_grid(frames: Iterator[tuple[int, _Frame]], info: VideoInfo) -> Iterator[_Frame]:
    """Pick the nearest frame for each point of the grid, holding a single frame."""
    count = 0
    held: tuple[int, _Frame] | None = None
    for time_us, frame in frames:
        if held is not None:
            while count < info.frames and 2 * count * _GRID_US <= held[0] + time_us:
                yield held[1]
                count += 1
        held = (time_us, frame)
    if held is not None:
        end = min(info.frames, _grid_length(held[0] + info.step_us))
        for _ in range(count, end):
            yield held[1]


def _by_decord(
    path: Path, info: VideoInfo, decoded: Decoded
) -> Iterator[_Frame] | None:
    """Decode a whole clip with decord; None if it refuses or finds a fault."""
    try:
        frames = list(_on_grid(_decord_frames(path, info), info))
    except _DECORD_ERRORS as error:
        log.debug("%s: not for decord: %s", path, str(error).partition("\n")[0])
        return None
    decoded.frames = len(info.times_us)
    decoded.longest_gap_us = _longest_gap(info.times_us)
    return iter(frames)


def _longest_gap(times_us: Sequence[int]) -> int:
    return max((after - before for before, after in pairwise(times_us)), default=0)


def _decord_frames(path: Path, info: VideoInfo) -> Iterator[tuple[int, _Frame]]:
    """Time in microseconds and RGB frame, in order of time."""
    reader = decord.VideoReader(
        str(path.absolute()), num_threads=1, fault_tol=_NO_FAULT
    )
    if len(reader) != len(info.times_us):  # e.g. frames that an edit list hides
        raise decord.DECORDError(f"{len(reader)} frames, not {len(info.times_us)}")
    for time_us in info.times_us:
        try:
            frame = reader.next()
        except StopIteration:
            raise decord.DECORDError("the frames end early") from None
        if frame.shape[-1] != 3:  # of some turned videos
            raise decord.DECORDError(f"a frame of shape {frame.shape}")
        yield time_us, frame.asnumpy


def _pyav_frames(
    path: Path, info: VideoInfo, decoded: Decoded
) -> Iterator[tuple[int, _Frame]]:
    """As `_decord_frames`, with whatever can be decoded of a damaged file."""
    reformatter = VideoReformatter()
    to_rgb = None
    before_us = None
    with open_media(path) as container:
        stream = _video_stream(container)
        stream.codec_context.thread_count = 1
        packets = decode_packets(container, stream, PacketCount())
        for number, frame in enumerate(packets):
            if to_rgb is None:
                to_rgb = partial(_rgb, reformatter, frame.width, frame.height)
            time_us = _time_us(frame, number, info)
            decoded.frames += 1
            decoded.damaged += frame.is_corrupt
            if before_us is not None:
                gap_us = time_us - before_us
                decoded.longest_gap_us = max(decoded.longest_gap_us, gap_us)
            before_us = time_us
            yield time_us, partial(to_rgb, frame)


def _time_us(frame: av.VideoFrame, number: int, info: VideoInfo) -> int:
    if frame.pts is None or frame.time_base is None:
        return info.times_us[min(number, len(info.times_us) - 1)]
    return round((float(frame.pts * frame.time_base) - info.start_s) * 1e6)


def _rgb(
    reformatter: VideoReformatter, width: int, height: int, frame: av.VideoFrame
) -> np.ndarray:
    """Pixels of a frame at the size of the first one, (height, width, 3) uint8."""
    rgb = reformatter.reformat(frame, width, height, "rgb24", threads=1).to_ndarray()
    return np.ascontiguousarray(np.rot90(rgb, frame.rotation // 90))

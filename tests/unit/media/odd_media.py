"""Media files as real corpora hold them: intact but unusual, damaged, or no media.

`write_odd_media` is seeded: the same seed gives the same files. All are small: at most
a second (but for broken timestamps) and 96 pixels.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
import numpy as np
from av.stream import Disposition

from dfprobe.status import Status

OK = frozenset({Status.OK})
NO_VIDEO = frozenset({Status.NO_VIDEO})
NO_AUDIO = frozenset({Status.NO_AUDIO})
UNREADABLE = frozenset({Status.UNREADABLE})
MISSING = frozenset({Status.MISSING})
NON_FINITE = frozenset({Status.NON_FINITE})
ANY_VIDEO = OK | UNREADABLE | NO_VIDEO
ANY_AUDIO = OK | UNREADABLE | NO_AUDIO | NON_FINITE

NTSC = Fraction(30000, 1001)
REPEATABLE = {"fflags": "bitexact"}  # no random identifiers
Write = Callable[[Path, np.random.Generator], None]


@dataclass(frozen=True)
class Kind:
    """One kind of file and the statuses that a file of it may end with."""

    suffix: str
    write: Write
    video: frozenset[Status] = OK
    audio: frozenset[Status] = OK
    intact: bool = True


@dataclass(frozen=True)
class OddFile:
    """A file and its kind."""

    path: Path
    name: str
    kind: Kind


@dataclass(frozen=True)
class Picture:
    """A video stream; sizes and lengths that are None are drawn at random."""

    fps: Fraction | int = 25
    codec: str = "libx264"
    pix_fmt: str = "yuv420p"
    size: tuple[int, int] | None = None  # width, height
    count: int | None = None
    times_ms: Sequence[int] | None = None
    start_s: float = 0.0
    rotation: int = 0
    black: bool = False
    cover: bool = False
    options: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Tone:
    """An audio stream."""

    rate: int = 16_000
    layout: str = "mono"
    codec: str = "aac"
    start_s: float = 0.0
    length_s: float | None = None
    nan: bool = False


def encode(
    path: Path,
    rng: np.random.Generator,
    pictures: Sequence[Picture] = (Picture(),),
    tones: Sequence[Tone] = (Tone(),),
    options: dict[str, str] | None = None,
    container_format: str | None = None,
) -> None:
    """Write a file with these streams."""
    length_s = float(rng.uniform(0.5, 1.0))
    options = REPEATABLE | (options or {})
    with av.open(str(path), "w", format=container_format, options=options) as file:
        videos = [(_video(file, p, rng), p) for p in pictures]
        audios = [(file.add_stream(t.codec, t.rate, layout=t.layout), t) for t in tones]
        for stream, picture in videos:
            _write_picture(file, stream, picture, length_s, rng)
        for stream, tone in audios:
            _write_tone(file, stream, tone, length_s, rng)


def _video(file, picture: Picture, rng: np.random.Generator) -> av.VideoStream:
    stream = file.add_stream(picture.codec, rate=picture.fps)
    even = rng.integers(16, 49, 2) * 2
    stream.width, stream.height = picture.size or (int(even[0]), int(even[1]))
    stream.pix_fmt = picture.pix_fmt
    stream.codec_context.thread_count = 1
    fast = {
        "libx264": {
            "preset": "veryfast",
            "g": "6",
            "x264-params": "threads=1:mbtree=0",
        },
        "libx265": {
            "preset": "ultrafast",
            "x265-params": "log-level=none:pools=none:frame-threads=1",
        },
        "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
        "libvpx": {"deadline": "realtime"},
        "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8"},
    }
    stream.options = fast.get(picture.codec, {}) | picture.options
    if picture.rotation:
        stream.set_display_rotation(picture.rotation)
    if picture.cover:
        stream.disposition = Disposition.attached_pic
    return stream


def _write_picture(file, stream, picture: Picture, length_s: float, rng) -> None:
    count = picture.count or max(1, round(length_s * picture.fps))
    if picture.times_ms is not None:
        count = len(picture.times_ms)
        stream.codec_context.time_base = Fraction(1, 1000)
    y, x = np.mgrid[: stream.height, : stream.width]
    phase = int(rng.integers(0, 256))
    for number in range(count):
        grey = (phase + 3 * x + 2 * y + 9 * number) % 256
        pixels = np.stack([grey, 255 - grey, grey // 2], axis=-1).astype(np.uint8)
        if picture.black:
            pixels[:] = 16
        frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        if picture.times_ms is not None:
            frame.pts, frame.time_base = picture.times_ms[number], Fraction(1, 1000)
        else:
            frame.time_base = 1 / Fraction(picture.fps)
            frame.pts = number + round(picture.start_s * picture.fps)
        file.mux(stream.encode(frame.reformat(format=picture.pix_fmt)))
    file.mux(stream.encode())


def _write_tone(file, stream, tone: Tone, length_s: float, rng) -> None:
    samples = round((tone.length_s or length_s) * tone.rate)
    time_s = np.arange(samples) / tone.rate
    sound = 0.3 * np.sin(2 * np.pi * rng.uniform(150, 900) * time_s)
    if tone.nan:
        sound[samples // 2] = np.nan
    channels = len(stream.layout.channels)
    planes = np.tile(sound.astype(np.float32), (channels, 1))
    frame = av.AudioFrame.from_ndarray(planes, format="fltp", layout=tone.layout)
    frame.sample_rate, frame.time_base = tone.rate, Fraction(1, tone.rate)
    frame.pts = round(tone.start_s * tone.rate)
    file.mux(stream.encode(frame))
    file.mux(stream.encode())


def _clip(*pictures: Picture, tones: Sequence[Tone] = (Tone(),), **settings) -> Write:
    return partial(encode, pictures=pictures or (Picture(),), tones=tones, **settings)


def _spoilt(write: Write, spoil: Callable[[bytearray, np.random.Generator], bytes]):
    """Write a file, then damage its bytes."""

    def write_damaged(path: Path, rng: np.random.Generator) -> None:
        write(path, rng)
        path.write_bytes(bytes(spoil(bytearray(path.read_bytes()), rng)))

    return write_damaged


def _cut(content: bytearray, rng) -> bytes:
    return content[: int(len(content) * rng.uniform(0.5, 0.95))]


def _cut_before_header(content: bytearray, rng) -> bytes:
    return content[: int(content.index(b"moov") * rng.uniform(0.3, 1.0))]


def _zeros_in(low: float, high: float, share: float = 0.02):
    """Zeros in a part that begins at ``low`` to ``high`` of the file."""

    def spoil(content: bytearray, rng) -> bytes:
        start = int(len(content) * rng.uniform(low, high))
        end = min(start + max(64, int(len(content) * share)), len(content))
        content[start:end] = bytes(end - start)
        return content

    return spoil


def _flipped(content: bytearray, rng) -> bytes:
    """Some random bytes anywhere."""
    for position in rng.integers(0, len(content), int(rng.integers(1, 40))):
        content[position] = int(rng.integers(0, 256))
    return content


def _noise_in_frames(content: bytearray, rng) -> bytes:
    start, end = content.index(b"mdat") + 4, content.index(b"moov") - 4
    content[start:end] = rng.bytes(end - start)
    return content


def _flipped_header(content: bytearray, rng) -> bytes:
    """Some random bytes within the tables of an mp4."""
    start = content.index(b"moov") + 4
    for position in rng.integers(start, len(content), int(rng.integers(1, 12))):
        content[position] = int(rng.integers(0, 256))
    return content


def _wrong_count(content: bytearray, rng) -> bytes:
    """Frames in the time table of an mp4's video: billions."""
    content[content.index(b"stts") + 12] = int(rng.integers(1, 256))
    return content


def _moved_blocks(content: bytearray, rng) -> bytes:
    size = len(content) // 8
    blocks = [content[k * size : (k + 1) * size] for k in range(1, 7)]
    mixed = [blocks[k] for k in rng.permutation(6)]
    return bytes(content[:size]) + b"".join(mixed) + bytes(content[7 * size :])


def _bytes(make: Callable[[np.random.Generator], bytes]) -> Write:
    return lambda path, rng: path.write_bytes(make(rng)) and None


def _joined(*parts: Write) -> Write:
    """Transport streams one after the other."""

    def write(path: Path, rng: np.random.Generator) -> None:
        contents = []
        for part in parts:
            part(path, rng)
            contents.append(path.read_bytes())
        path.write_bytes(b"".join(contents))

    return write


def _random_times(path: Path, rng: np.random.Generator) -> None:
    steps = rng.integers(5, 90, 20)
    times_ms = [0, *np.cumsum(steps).tolist()]
    encode(path, rng, pictures=[Picture(times_ms=times_ms)])


def _copied(source: Path, path: Path, keep: Callable[[int], bool], empty_sound: bool):
    """Copy the packets of a file's video, with an empty audio stream if asked."""
    settings = {"options": REPEATABLE}
    with av.open(str(source)) as old, av.open(str(path), "w", **settings) as new:
        stream = new.add_stream_from_template(old.streams.video[0])
        if empty_sound:
            new.add_stream("pcm_s16le", rate=16_000)
        packets = [p for p in old.demux(old.streams.video[0]) if p.dts is not None]
        for number, packet in enumerate(packets):
            if keep(number):
                packet.stream = stream
                new.mux(packet)


def _remuxed(keep: Callable[[int], bool], empty_sound: bool = False) -> Write:
    def write(path: Path, rng: np.random.Generator) -> None:
        source = path.with_name(f"source of {path.name}")
        encode(source, rng)
        _copied(source, path, keep, empty_sound)
        source.unlink()

    return write


def _nothing(path: Path, rng: np.random.Generator) -> None:
    """The manifest names a file that is not there."""


PCM = Tone(codec="pcm_s16le")
# x265 writes past its memory at widths that are no multiple of its largest block.
HEVC = Picture(codec="libx265", size=(64, 64))
OPUS = Tone(codec="libopus", rate=48_000)
FAST_START = {"movflags": "faststart"}
FRAGMENTS = {"movflags": "frag_keyframe+empty_moov"}

INTACT = {
    **{
        f"{float(fps):.2f} fps": Kind(".mp4", _clip(Picture(fps=fps)))
        for fps in (10, Fraction(24000, 1001), 24, 25, NTSC, 30, 50, 60)
    },
    "variable frame rate": Kind(".mkv", _random_times),
    **{
        f"turned by {angle}": Kind(".mp4", _clip(Picture(rotation=angle)))
        for angle in (90, 180, 270)
    },
    "odd size": Kind(".mp4", _clip(Picture(size=(63, 47), pix_fmt="yuv444p"))),
    "very small": Kind(".mp4", _clip(Picture(size=(16, 16)))),
    "very wide": Kind(".mp4", _clip(Picture(size=(96, 16)))),
    **{
        f"{rate} Hz": Kind(".mp4", _clip(tones=[Tone(rate=rate)]))
        for rate in (8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 96_000)
    },
    "8 kHz PCM": Kind(".mkv", _clip(tones=[Tone(8_000, codec="pcm_s16le")])),
    "float PCM": Kind(".mkv", _clip(tones=[Tone(22_050, codec="pcm_f32le")])),
    "stereo": Kind(".mp4", _clip(tones=[Tone(44_100, "stereo")])),
    "six channels": Kind(".mkv", _clip(tones=[Tone(48_000, "5.1", "pcm_s16le")])),
    "late sound": Kind(".mp4", _clip(tones=[Tone(start_s=0.4)])),
    "sound before the video": Kind(".mkv", _clip(Picture(start_s=0.3))),
    "short sound": Kind(".mp4", _clip(tones=[Tone(length_s=0.15)])),
    "long sound": Kind(".mp4", _clip(tones=[Tone(length_s=2.0)])),
    "no sound": Kind(".mp4", _clip(tones=[]), audio=NO_AUDIO),
    "no video": Kind(".mp4", partial(encode, pictures=[]), video=NO_VIDEO),
    "empty audio stream": Kind(
        ".mkv", _remuxed(lambda number: True, empty_sound=True), audio=NO_AUDIO
    ),
    "sound after the video": Kind(
        ".mkv", _clip(tones=[Tone(start_s=3.0, codec="flac")]), audio=NO_AUDIO
    ),
    "several streams": Kind(
        ".mkv", _clip(Picture(), Picture(fps=30), tones=[Tone(), Tone(44_100), PCM])
    ),
    "cover beside the video": Kind(
        ".mp4",
        _clip(Picture(), Picture(codec="png", pix_fmt="rgb24", count=1, cover=True)),
    ),
    "cover of a sound file": Kind(
        ".m4a",
        _clip(
            Picture(codec="png", pix_fmt="rgb24", count=1, cover=True),
            container_format="mp4",
        ),
        video=NO_VIDEO,
    ),
    "wav": Kind(".wav", partial(encode, pictures=[], tones=[PCM]), video=NO_VIDEO),
    "NaN in a wav": Kind(
        ".wav",
        partial(encode, pictures=[], tones=[Tone(codec="pcm_f32le", nan=True)]),
        video=NO_VIDEO,
        audio=NON_FINITE,
    ),
    "NaN beside a video": Kind(
        ".mkv", _clip(tones=[Tone(codec="pcm_f32le", nan=True)]), audio=NON_FINITE
    ),
    "one frame": Kind(".mp4", _clip(Picture(count=1))),
    "three frames": Kind(".mp4", _clip(Picture(count=3))),
    "black": Kind(".mp4", _clip(Picture(black=True))),
    "HEVC": Kind(".mp4", _clip(HEVC)),
    "AV1": Kind(".mp4", _clip(Picture(codec="libsvtav1", size=(64, 64)))),
    "VP8": Kind(".webm", _clip(Picture(codec="libvpx"), tones=[OPUS])),
    "VP9": Kind(".webm", _clip(Picture(codec="libvpx-vp9"), tones=[OPUS])),
    "mpeg4": Kind(
        ".avi", _clip(Picture(codec="mpeg4"), tones=[Tone(codec="libmp3lame")])
    ),
    "h264 in avi": Kind(".avi", _clip(tones=[PCM])),
    "mpeg2": Kind(
        ".mpg",
        _clip(Picture(codec="mpeg2video"), tones=[Tone(48_000, codec="mp2")]),
    ),
    "motion jpeg": Kind(
        ".avi", _clip(Picture(codec="mjpeg", pix_fmt="yuvj420p"), tones=[PCM])
    ),
    "prores": Kind(
        ".mov", _clip(Picture(codec="prores", pix_fmt="yuv422p10le"), tones=[PCM])
    ),
    "lossless": Kind(".mkv", _clip(Picture(codec="ffv1"), tones=[Tone(codec="flac")])),
    "wmv": Kind(".wmv", _clip(Picture(codec="wmv2"), tones=[Tone(codec="libmp3lame")])),
    "flv": Kind(".flv", _clip(tones=[Tone(44_100)])),
    "mkv": Kind(".mkv", _clip()),
    "transport stream": Kind(".ts", _clip()),
    "fragments": Kind(".mp4", _clip(options=FRAGMENTS)),
    "header first": Kind(".mp4", _clip(options=FAST_START)),
    "gif": Kind(
        ".gif", _clip(Picture(codec="gif", pix_fmt="rgb8"), tones=[]), audio=NO_AUDIO
    ),
    "picture": Kind(
        ".mp4",
        _clip(
            Picture(codec="png", pix_fmt="rgb24", count=1),
            tones=[],
            container_format="image2pipe",
        ),
        audio=NO_AUDIO,
    ),
    "bare h264": Kind(
        ".h264", _clip(tones=[], container_format="h264"), audio=NO_AUDIO
    ),
    "wrong suffix": Kind(".avi", _clip(container_format="mp4")),
    **{
        f"pixels {pix_fmt}": Kind(".mp4", _clip(Picture(pix_fmt=pix_fmt)))
        for pix_fmt in ("yuv420p10le", "yuv422p", "yuv444p", "yuvj420p", "gray")
    },
}

_STREAM = partial(_clip, container_format="mpegts")
DAMAGED = {
    "not there": Kind(".mp4", _nothing, MISSING, MISSING),
    "empty": Kind(".mp4", _bytes(lambda rng: b""), UNREADABLE, UNREADABLE),
    "text": Kind(
        ".mp4", _bytes(lambda rng: b"no video\n" * 99), UNREADABLE, UNREADABLE
    ),
    "noise": Kind(".mp4", _bytes(lambda rng: rng.bytes(9999)), UNREADABLE, UNREADABLE),
    "html": Kind(
        ".mp4",
        _bytes(lambda rng: b"<!DOCTYPE html><html>404</html>"),
        UNREADABLE,
        UNREADABLE,
    ),
    "zeros": Kind(".mp4", _bytes(lambda rng: bytes(5000)), UNREADABLE, UNREADABLE),
    "no header": Kind(
        ".mp4", _spoilt(_clip(), _cut_before_header), UNREADABLE, UNREADABLE
    ),
    "noise in all frames": Kind(
        ".mp4", _spoilt(_clip(), _noise_in_frames), ANY_VIDEO, ANY_AUDIO
    ),
    "damaged first bytes": Kind(
        ".mp4", _spoilt(_clip(), _zeros_in(0, 0.001)), ANY_VIDEO, ANY_AUDIO
    ),
    "damaged tables": Kind(
        ".mp4", _spoilt(_clip(), _flipped_header), ANY_VIDEO, ANY_AUDIO
    ),
    "wrong number of frames": Kind(
        ".mp4", _spoilt(_clip(), _wrong_count), OK, ANY_AUDIO
    ),
    "minutes between frames": Kind(
        ".mkv", _clip(Picture(times_ms=range(0, 2_000_000, 100_000))), UNREADABLE
    ),
    "gap of minutes": Kind(".mkv", _clip(Picture(times_ms=[0, 40, 120_000]))),
    "gap of hours": Kind(
        ".mkv", _clip(Picture(times_ms=[0, 40, 20_000_000])), UNREADABLE
    ),
    "lost frames": Kind(
        ".mp4", _remuxed(lambda number: number not in range(3, 7)), audio=NO_AUDIO
    ),
    "no key frame first": Kind(
        ".mp4", _remuxed(lambda number: number > 2), audio=NO_AUDIO
    ),
    "size changes": Kind(
        ".ts", _joined(_STREAM(), _STREAM(Picture(size=(80, 48)))), OK, ANY_AUDIO
    ),
    "rate changes": Kind(
        ".ts", _joined(_STREAM(), _STREAM(tones=[Tone(48_000)])), OK, UNREADABLE
    ),
    **{
        f"{damage}, {name}": Kind(suffix, _spoilt(write, spoil), ANY_VIDEO, ANY_AUDIO)
        for name, suffix, write in [
            ("mp4", ".mp4", _clip(options=FAST_START)),
            ("fragments", ".mp4", _clip(options=FRAGMENTS)),
            ("mkv", ".mkv", _clip(tones=[PCM])),
            ("ts", ".ts", _clip()),
            ("avi", ".avi", _clip(tones=[PCM])),
            ("webm", ".webm", _clip(Picture(codec="libvpx-vp9"), tones=[OPUS])),
            ("HEVC", ".mp4", _clip(HEVC, options=FAST_START)),
        ]
        for damage, spoil in [
            ("cut off", _cut),
            ("damaged middle", _zeros_in(0.4, 0.6)),
            ("flipped bytes", _flipped),
            ("moved blocks", _moved_blocks),
        ]
    },
}
DAMAGED = {
    name: Kind(kind.suffix, kind.write, kind.video, kind.audio, intact=False)
    for name, kind in DAMAGED.items()
}
KINDS = INTACT | DAMAGED


def write_odd_media(folder: Path, count: int, seed: int) -> list[OddFile]:
    """Write ``count`` files, the kinds in turn, each with its own random numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number in range(count):
        name = list(KINDS)[number % len(KINDS)]
        kind = KINDS[name]
        path = folder / f"{number:04d} {name}{kind.suffix}"
        kind.write(path, np.random.default_rng([seed, number]))
        files.append(OddFile(path, name, kind))
    return files

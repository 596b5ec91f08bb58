"""Small media files for the tests: numbered frames, a drawn face, bursts of sound."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

_BITS = 8
_BLOCK = 16


def numbered_frame(number: int) -> np.ndarray:
    """Frame of shape (48, 128, 3) that shows its number in black and white blocks."""
    bits = np.array([number >> bit & 1 for bit in range(_BITS)], np.uint8)
    row = np.repeat(40 + 170 * bits, _BLOCK)
    return np.broadcast_to(row[None, :, None], (3 * _BLOCK, row.size, 3)).copy()


def number_of(frame: np.ndarray) -> int:
    """Number that a frame shows."""
    blocks = frame[_BLOCK:-_BLOCK].reshape(_BLOCK, _BITS, -1).mean(axis=(0, 2))
    return sum(1 << bit for bit, level in enumerate(blocks) if level > 128)


def face_frame(shift: int = 0, mouth: int = 8) -> np.ndarray:
    """Drawn face, (200, 200, 3), that dlib's HOG detector finds without upsampling."""
    image = np.full((200, 200), 90, np.float32)

    def ellipse(x: int, y: int, width: int, height: int, grey: int) -> None:
        centre, axes = (100 + x + shift, 100 + y), (width, height)
        cv2.ellipse(image, centre, axes, 0, 0, 360, grey, -1, cv2.LINE_AA)

    ellipse(0, -10, 62, 80, 60)
    ellipse(0, 0, 52, 70, 190)
    for side in (-1, 1):
        for y, width, height, grey in [
            (-14, 14, 9, 140),
            (-14, 10, 5, 235),
            (-14, 4, 4, 30),
            (-28, 15, 3, 60),
        ]:
            ellipse(22 * side, y, width, height, grey)
        ellipse(6 * side, 16, 4, 3, 100)
    ellipse(0, 0, 4, 18, 205)
    ellipse(0, 22, 12, 3, 150)
    ellipse(0, 40, 19, mouth, 110)
    ellipse(0, 40, 15, max(mouth - 5, 1), 50)
    grey = cv2.GaussianBlur(image, (0, 0), 1.6).clip(0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def bursts(*times_s: float, rate: int, length_s: float, channels: int = 1):
    """Silence with a burst of 4 ms at each time, (channels, samples) float32."""
    sound = np.zeros(round(length_s * rate), np.float32)
    for time_s in times_s:
        start = round(time_s * rate)
        sound[start : start + rate // 250] = 0.5
    return np.tile(sound, (channels, 1))


def write_clip(
    path: Path,
    frames=(),
    fps: Fraction | int = 25,
    times_ms=None,
    sound: np.ndarray | None = None,
    rate: int = 16_000,
    sound_start_s: float = 0.0,
    codecs=("libx264", "aac"),
    options: dict[str, str] | None = None,
) -> Path:
    """Write frames (RGB) and sound (channels, samples); ``times_ms`` replaces fps."""
    with av.open(str(path), "w", options=options or {}) as container:
        video = (
            _video_stream(container, frames, fps, codecs[0]) if len(frames) else None
        )
        audio = _audio_stream(container, sound, rate, codecs[1])
        if video is not None:
            if times_ms:
                video.codec_context.time_base = Fraction(1, 1000)
            for number, pixels in enumerate(frames):
                frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
                frame.time_base = Fraction(1, 1000) if times_ms else 1 / Fraction(fps)
                frame.pts = times_ms[number] if times_ms else number
                container.mux(video.encode(frame))
            container.mux(video.encode())
        if audio is not None:
            layout = "mono" if len(sound) == 1 else "stereo"
            frame = av.AudioFrame.from_ndarray(sound, format="fltp", layout=layout)
            frame.sample_rate, frame.time_base = rate, Fraction(1, rate)
            frame.pts = round(sound_start_s * rate)
            container.mux(audio.encode(frame))
            container.mux(audio.encode())
    return path


def _video_stream(container, frames, fps, codec):
    stream = container.add_stream(codec, rate=fps)
    stream.height, stream.width = frames[0].shape[:2]
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    if codec == "libx264":
        stream.options = {"crf": "12", "g": "12", "x264-params": "mbtree=0"}
    return stream


def _audio_stream(container, sound, rate, codec):
    if sound is None:
        return None
    layout = "mono" if len(sound) == 1 else "stereo"
    return container.add_stream(codec, rate=rate, layout=layout)

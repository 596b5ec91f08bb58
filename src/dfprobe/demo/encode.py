"""Writing clips: h264 + AAC in mp4 by PyAV, and plain wav; whole files only.

The same frames and samples give the same bytes: one thread, and x264 without its
``mbtree``, whose floating-point sums depend on memory alignment.
"""

import wave
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import soxr

from dfprobe.demo.plans.plan import Recording
from dfprobe.demo.sound.speech import HZ
from dfprobe.store.files import write_whole


def _sound_as_recorded(sound: np.ndarray, recording: Recording) -> np.ndarray:
    """Resample and spread over the channels; (channels, n) float32."""
    length = round(recording.length_s * recording.audio_hz)
    if recording.audio_hz != HZ:
        sound = soxr.resample(sound, HZ, recording.audio_hz)
    fitted = np.zeros(length, dtype=np.float32)
    fitted[: min(length, len(sound))] = sound[:length]
    sides = [fitted * (1 - 0.1 * channel) for channel in range(recording.channels)]
    return np.stack(sides)


def _video_stream(
    container: av.container.OutputContainer, recording: Recording
) -> av.VideoStream:
    stream = container.add_stream("libx264", rate=recording.fps)
    stream.width, stream.height = recording.size
    stream.pix_fmt = "yuv420p"
    stream.codec_context.thread_count = 1
    stream.options = {
        "crf": str(recording.crf),
        "preset": "veryfast",
        "x264-params": "mbtree=0:threads=1",
    }
    return stream


def _audio_stream(
    container: av.container.OutputContainer, recording: Recording
) -> av.AudioStream:
    layout = "mono" if recording.channels == 1 else "stereo"
    stream = container.add_stream("aac", rate=recording.audio_hz, layout=layout)
    stream.bit_rate = recording.audio_bit_rate
    return stream


def _pictures(frames: np.ndarray, recording: Recording) -> Iterator[av.VideoFrame]:
    for index, frame in enumerate(frames):
        planes = cv2.cvtColor(frame, cv2.COLOR_BGR2YUV_I420)
        picture = av.VideoFrame.from_ndarray(planes, format="yuv420p")
        picture.pts, picture.time_base = index, 1 / recording.fps
        yield picture


def _sound_frame(sound: np.ndarray, recording: Recording) -> av.AudioFrame:
    layout = "mono" if recording.channels == 1 else "stereo"
    sides = np.ascontiguousarray(_sound_as_recorded(sound, recording))
    frame = av.AudioFrame.from_ndarray(sides, format="fltp", layout=layout)
    frame.sample_rate, frame.pts = recording.audio_hz, 0
    return frame


def write_mp4(
    path: Path, frames: np.ndarray, sound: np.ndarray | None, recording: Recording
) -> None:
    """Write one clip, whole or not at all.

    ``frames`` are (n, height, width, 3) uint8, blue, green, red; ``sound`` is (m,)
    float32 at 16 kHz, cut or padded to the length of the picture, or None for a clip
    without audio stream.
    """
    with write_whole(path) as draft, av.open(str(draft), "w", format="mp4") as file:
        video = _video_stream(file, recording)  # streams first: they make the header
        audio = None if sound is None else _audio_stream(file, recording)
        for picture in _pictures(frames, recording):
            file.mux(video.encode(picture))
        file.mux(video.encode(None))
        if audio is not None and sound is not None:
            file.mux(audio.encode(_sound_frame(sound, recording)))
            file.mux(audio.encode(None))


def write_wav(path: Path, sound: np.ndarray) -> None:
    """Write sound (m,) float32 at 16 kHz as 16-bit mono wav."""
    steps = np.round(np.clip(sound, -1, 1) * 32767).astype("<i2")
    with write_whole(path) as draft, wave.open(str(draft), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(HZ)
        file.writeframes(steps.tobytes())

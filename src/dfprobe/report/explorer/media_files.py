"""Pictures and sound of one clip, small enough to be sent to a colleague."""

import math
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from dfprobe.encoders.inputs.logfbank import STEP, WINDOW, log_mel_energies
from dfprobe.media.video import VideoInfo, frames_at_25fps
from dfprobe.rates import AUDIO_HZ, VIDEO_FPS
from dfprobe.report.explorer.scripts import Json

_HEIGHT = 128  # of a frame, pixels
_COLUMNS = 10  # frames in a row of the sprite
_QUALITY = 70  # JPEG
_POINTS = 600  # of the envelope
_PIECE = STEP * 6000  # samples whose spectrogram is made at a time: a minute
_WIDEST = 800  # columns of the spectrogram
_RANGE_DB = 80.0


@dataclass(frozen=True)
class Sprite:
    """Frames side by side in one picture."""

    jpeg: bytes
    width: int  # of one frame, pixels
    height: int
    times_s: list[float]  # of each frame, after the first

    def facts(self, image: str) -> Json:
        """Describe the picture of a name for the page."""
        rows = math.ceil(len(self.times_s) / _COLUMNS)
        sizes = {"width": self.width, "height": self.height}
        grid = {"columns": _COLUMNS, "rows": rows}
        return {"image": image, **sizes, **grid, "times": self.times_s}


def sprite(path: Path, info: VideoInfo, count: int) -> Sprite:
    """Decode a clip and keep frames at even steps, at most ``count``.

    Raises
    ------
    ClipError
        If no frame can be decoded.
    """
    step = max(1, math.ceil(info.duration_s * VIDEO_FPS / count))
    kept: list[np.ndarray] = []
    for number, rgb in enumerate(frames_at_25fps(path, 1)):
        if number % step:
            continue
        if len(kept) == count:  # the clip is longer than its header says
            kept, step = kept[::2], 2 * step
            if number % step:
                continue
        kept.append(_small(rgb[0]))
    times = [round(place * step / VIDEO_FPS, 3) for place in range(len(kept))]
    height, width = kept[0].shape[:2]
    return Sprite(_jpeg(kept), width, height, times)


def _small(rgb: np.ndarray) -> np.ndarray:
    height, width = rgb.shape[:2]
    size = (max(1, round(width * _HEIGHT / height)), _HEIGHT)
    return cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)


def _jpeg(frames: list[np.ndarray]) -> bytes:
    """Lay frames out in rows; the last row is filled with black."""
    empty = -len(frames) % _COLUMNS
    grid = np.stack([*frames, *[np.zeros_like(frames[0])] * empty])
    _, height, width, _ = grid.shape
    # (rows * columns, h, w, 3) -> (rows, columns, h, w, 3) -> (rows, h, columns, w, 3)
    grid = grid.reshape(-1, _COLUMNS, height, width, 3).swapaxes(1, 2)
    picture = grid.reshape(-1, _COLUMNS * width, 3)
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, coded = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return coded.tobytes()


def sound_facts(waveform: np.ndarray) -> Json:
    """Envelope and mel spectrogram of a sound.

    Parameters
    ----------
    waveform : np.ndarray of shape (samples,), float32
        Mono at 16 kHz.

    Returns
    -------
    dict
        ``seconds``; ``low`` and ``high``, the extremes of equal parts in 1/100 of the
        loudest sample; ``mel``, a PNG as data URI: 26 bands to 8 kHz, low ones at the
        bottom, the loudest black, 80 dB less and below white.
    """
    edges = np.linspace(0, len(waveform), min(_POINTS, len(waveform)) + 1).astype(int)
    scale = 100.0 / max(float(np.abs(waveform).max()), 1e-9)
    low, high = (
        f.reduceat(waveform, edges[:-1]) * scale for f in (np.minimum, np.maximum)
    )
    return {
        "seconds": round(len(waveform) / AUDIO_HZ, 3),
        "low": low.round().astype(int).tolist(),
        "high": high.round().astype(int).tolist(),
        "mel": "data:image/png;base64," + b64encode(_mel_png(waveform)).decode(),
    }


def _mel_png(waveform: np.ndarray) -> bytes:
    """Draw the mel bands of AV-HuBERT's input as grey values."""
    decibels = mean_rows(_energies(waveform), _WIDEST) * (10.0 / math.log(10.0))
    grey = np.clip((decibels.max() - decibels) / _RANGE_DB * 255.0, 0, 255)
    # (columns, bands) -> (bands, columns), the low ones at the bottom
    image = grey.round().astype(np.uint8).T[::-1]
    _, coded = cv2.imencode(".png", image, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    return coded.tobytes()


def _energies(waveform: np.ndarray) -> np.ndarray:
    """Log mel energies, made piece by piece: (frames, 26)."""
    more = WINDOW - STEP  # of the next piece, that the last windows reach into
    starts = range(0, len(waveform), _PIECE)
    return np.concatenate(
        [log_mel_energies(waveform[s : s + _PIECE + more]) for s in starts]
    )


def mean_rows(rows: np.ndarray, most: int) -> np.ndarray:
    """Means of groups of neighbouring rows, so that there are ``most`` at most."""
    starts = np.arange(0, len(rows), -(-len(rows) // most))
    sizes = np.diff([*starts, len(rows)])
    return np.add.reduceat(rows, starts, axis=0) / sizes[:, None]

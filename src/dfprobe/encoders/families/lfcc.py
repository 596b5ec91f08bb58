"""Linear-frequency cepstra, the classical front end of speech anti-spoofing.

Setting of the ASVspoof 2021 baseline LFCC-LCNN (Sahidullah et al., Interspeech 2015):
pre-emphasis 0.97, 20 ms Hamming windows every 10 ms, 512-point transform, 20 linearly
spaced triangles up to 8 kHz, 20 coefficients with deltas and double deltas. Four
neighbouring windows side by side make a row of 40 ms. Nothing is learned.

The heads divide each row by its length, so what is large in a row hides what is small,
and what scales a whole row is lost. Two fixed choices, the same for every clip, answer
that:

* Energies are measured from 20 dB below the power of 16-bit rounding noise, which also
  is their floor. The first coefficient is then large and positive in every row, and
  the division leaves the level of the others (a lower noise floor, say) nearly as it
  was. Digital silence is a row with that coefficient alone, not one of zeros.
* Coefficients are liftered as in HTK (Young et al., The HTK Book, L = 22), since they
  fall off with their order, and the small traces of synthesis are in the high ones.
"""

import librosa
import numpy as np
import scipy.fft

from dfprobe.encoders.checks import require_weights, waveform_of
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.rates import AUDIO_HZ, SAMPLES_PER_FRAME, VIDEO_FPS
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"audio": "audio"}
WEIGHTS = {"none": "nothing is loaded"}
OPTIONS = {
    "coefficients": {
        "type": "integer",
        "minimum": 1,
        "maximum": 40,
        "default": 20,
        "description": "Triangular filters, and as many cepstral coefficients.",
    },
    "top_hz": {
        "type": "number",
        "minimum": 4000,
        "maximum": 8000,
        "default": 8000,
        "description": "Upper edge of the highest filter in hertz.",
    },
}

PRE_EMPHASIS = 0.97
WINDOW, STEP, FFT_SIZE = 320, 160, 512  # 20 ms, 10 ms, in samples
STACK = SAMPLES_PER_FRAME // STEP
ROUNDING_NOISE = (2.0**-15) ** 2 / 12  # power of 16-bit rounding, full scale 1
REFERENCE = ROUNDING_NOISE / 100  # 20 dB below
LIFTER = 22


class LfccEncoder:
    """Cepstra of a clip's waveform.

    Parameters
    ----------
    coefficients : int
        Filters and coefficients; `dim` is twelve times that.
    top_hz : float
        Upper edge of the highest filter.
    """

    inputs = frozenset({"waveform"})
    layers = 1
    rate_hz = VIDEO_FPS
    first_row_s = 0.0
    weights_hash = "none"

    def __init__(self, coefficients: int, top_hz: float) -> None:
        self.dim = STACK * 3 * coefficients
        self._filters = linear_filters(coefficients, top_hz)
        order = np.arange(coefficients)
        self._lifter = 1 + LIFTER / 2 * np.abs(np.sin(np.pi * order / LIFTER))

    def encode(self, clip: ClipInputs) -> np.ndarray:
        """Rows of the clip: (samples // 640, dim), float32; see `Encoder.encode`."""
        waveform = waveform_of(clip, at_least=SAMPLES_PER_FRAME)
        statics = self._cepstra(waveform) * self._lifter
        deltas = [_delta(statics, order) for order in (1, 2)]
        windows = np.concatenate([statics, *deltas], axis=1)
        rows = len(windows) // STACK
        # (4 rows, 3 coefficients) -> (rows, 12 coefficients)
        return windows[: rows * STACK].reshape(rows, self.dim).astype(np.float32)

    def _cepstra(self, waveform: np.ndarray) -> np.ndarray:
        """Cepstra of the windows: (samples // 160, coefficients), float64."""
        energies = _power(waveform) @ self._filters.T
        # Energy in each filter of white noise of unit power.
        noise = np.sum(_window() ** 2) * self._filters.sum(axis=1)
        levels = np.log((energies / noise + ROUNDING_NOISE) / REFERENCE)
        return scipy.fft.dct(levels, type=2, norm="ortho", axis=1)


def linear_filters(count: int, top_hz: float) -> np.ndarray:
    """Triangles of peak 1, their edges spaced evenly from 0 to ``top_hz``.

    Returns
    -------
    np.ndarray of shape (count, 257), float64
    """
    edges = np.linspace(0, top_hz, count + 2)
    hertz = np.fft.rfftfreq(FFT_SIZE, 1 / AUDIO_HZ)
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (hertz - low) / (peak - low)
    falling = (high - hertz) / (high - peak)
    return np.clip(np.minimum(rising, falling), 0, None)


def _power(waveform: np.ndarray) -> np.ndarray:
    """Power spectra of the windows: (samples // 160, 257), float64.

    The end is mirrored by one step, so that whole video frames give whole rows.
    """
    emphasised = np.append(waveform[:1], waveform[1:] - PRE_EMPHASIS * waveform[:-1])
    padded = np.pad(emphasised.astype(np.float64), (0, STEP), mode="reflect")
    windows = librosa.util.frame(padded, frame_length=WINDOW, hop_length=STEP, axis=0)
    return np.abs(np.fft.rfft(windows * _window(), FFT_SIZE)) ** 2


def _delta(values: np.ndarray, order: int) -> np.ndarray:
    """First or second difference over three windows, same shape."""
    return librosa.feature.delta(values, width=3, order=order, axis=0, mode="nearest")


def _window() -> np.ndarray:
    return np.hamming(WINDOW)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    require_weights(spec, "none")
    return LfccEncoder(spec.options["coefficients"], spec.options["top_hz"])

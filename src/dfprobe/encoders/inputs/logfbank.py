"""The audio input of AV-HuBERT: log mel energies, four frames stacked, normalised.

Equal to ``logfbank`` of python_speech_features 0.6 (base.py, sigproc.py) with all its
defaults at 16 kHz, followed by the stacking of facebookresearch/av_hubert
(avhubert/hubert_dataset.py). numpy only.
"""

import numpy as np

from dfprobe.rates import AUDIO_HZ

PRE_EMPHASIS = 0.97
WINDOW, STEP, FFT_SIZE = 400, 160, 512  # 25 ms, 10 ms, in samples
BANDS = 26
STACK = 4  # 10 ms frames in a row of 40 ms
_EPS = 1e-5  # of the layer norm


def audio_rows(waveform: np.ndarray) -> np.ndarray:
    """Normalised rows of a clip at 25 per second.

    Parameters
    ----------
    waveform : np.ndarray of shape (samples,), float32
        Mono, 16 kHz, in [-1, 1].

    Returns
    -------
    np.ndarray of shape (rows, 104), float32
        ``rows`` is ceil(frames / 4), see `log_mel_energies`.
    """
    return layer_norm(stacked(log_mel_energies(waveform)))


def log_mel_energies(waveform: np.ndarray) -> np.ndarray:
    """Natural logarithm of the energies in 26 mel bands, every 10 ms.

    Frames begin at sample 0, have a rectangular window, and the last one is filled
    with zeros. Digital silence gives log(2.2e-16) = -36.04.

    Parameters
    ----------
    waveform : np.ndarray of shape (samples,), float32
        At least one sample.

    Returns
    -------
    np.ndarray of shape (frames, 26), float32
        ``frames`` is 1 + ceil((samples - 400) / 160), and 1 up to 400 samples.
    """
    emphasised = np.append(waveform[:1], waveform[1:] - PRE_EMPHASIS * waveform[:-1])
    steps = max(0, -((WINDOW - len(emphasised)) // STEP))  # ceil((n - 400) / 160)
    padded = np.zeros(steps * STEP + WINDOW)
    padded[: len(emphasised)] = emphasised
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::STEP]
    power = np.abs(np.fft.rfft(frames, FFT_SIZE)) ** 2 / FFT_SIZE  # (frames, 257)
    energies = power @ mel_filters().T
    energies[energies == 0] = np.finfo(np.float64).eps
    return np.log(energies).astype(np.float32)


def filter_edges() -> np.ndarray:
    """Frequency bins at which the triangles begin, peak and end: (28,), int."""
    top = 2595 * np.log10(1 + AUDIO_HZ / 2 / 700)
    hertz = 700 * (10 ** (np.linspace(0, top, BANDS + 2) / 2595) - 1)
    return np.floor((FFT_SIZE + 1) * hertz / AUDIO_HZ).astype(int)


def mel_filters() -> np.ndarray:
    """Triangles of peak 1 over the 257 bins of the spectrum: (26, 257), float64."""
    edges = filter_edges()
    bins = np.arange(FFT_SIZE // 2 + 1)
    low, peak, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising = (bins - low) / (peak - low)
    falling = (high - bins) / (high - peak)
    return np.clip(np.minimum(rising, falling), 0, None)


def stacked(energies: np.ndarray) -> np.ndarray:
    """Four neighbouring frames side by side; rows of 0.0 fill the last four.

    Parameters
    ----------
    energies : np.ndarray of shape (frames, 26)

    Returns
    -------
    np.ndarray of shape (ceil(frames / 4), 104)
    """
    missing = -len(energies) % STACK
    filled = np.pad(energies, ((0, missing), (0, 0)))
    return filled.reshape(-1, STACK * energies.shape[1])  # (4 k, 26) -> (k, 104)


def layer_norm(rows: np.ndarray) -> np.ndarray:
    """Each row with zero mean and unit variance (biased, eps 1e-5), in float32.

    Computed in float64: in float32 the mean of a constant row (silence) is not quite
    the constant, and dividing the rest by sqrt(eps) makes it visible.
    """
    values = rows.astype(np.float64)
    centred = values - values.mean(axis=1, keepdims=True)
    variance = (centred**2).mean(axis=1, keepdims=True)
    return (centred / np.sqrt(variance + _EPS)).astype(np.float32)

"""A formant synthesiser: invented voices speak invented sentences.

The source (glottal pulses, aspiration, frication) is cut into overlapping windows; the
spectrum of each window is multiplied by the response of a vocal tract with three moving
and two fixed resonances, and the windows are added up again.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import fftconvolve

from dfprobe.demo.sound.phonemes import Timed, sentence, tracks

HZ = 16_000
HOP = 80  # samples between two windows: 200 control values per second
_WINDOW = 320
_FFT = 640
CONTROL_HZ = HZ / HOP


@dataclass(frozen=True)
class Voice:
    """How one invented person sounds."""

    pitch_hz: float
    tract: float  # factor on all resonances
    rate: float  # speed of speech
    breath: float  # aspiration beside the voice
    jitter: float
    open_quotient: float
    tilt: float  # dB per octave that the microphone adds above 1 kHz
    floor: float  # RMS of the background noise, full scale = 1
    echo: float  # level of the room's reverberation


def invent_voice(rng: np.random.Generator, gender: str) -> Voice:
    """Draw a voice; ``gender`` sets pitch and tract length."""
    low, high = (165, 235) if gender == "women" else (88, 150)
    return Voice(
        pitch_hz=rng.uniform(low, high),
        tract=rng.uniform(1.04, 1.18) if gender == "women" else rng.uniform(0.88, 1.03),
        rate=rng.uniform(0.92, 1.2),
        breath=rng.uniform(0.004, 0.02),
        jitter=rng.uniform(0.005, 0.015),
        open_quotient=rng.uniform(0.5, 0.7),
        tilt=rng.uniform(-2.0, 1.5),
        floor=10 ** rng.uniform(-2.85, -2.6),
        echo=rng.uniform(0.05, 0.20),
    )


@dataclass(frozen=True)
class Speech:
    """What was said, how it sounds and how the mouth moves."""

    samples: np.ndarray  # (n,) float32 at 16 kHz, without background noise
    mouth: np.ndarray  # (m, 3) opening, spreading, rounding, 200 values per second
    timed: list[Timed]


def _pulses(rng: np.random.Generator, pitch: np.ndarray, voice: Voice) -> np.ndarray:
    """Make the derivative of a Rosenberg glottal flow, (samples,) float32."""
    n = len(pitch) * HOP
    hz = np.interp(np.arange(n), np.arange(len(pitch)) * HOP, pitch)
    phase = np.cumsum(hz / HZ) % 1.0
    q = voice.open_quotient
    rise, fall = 0.66 * q, 0.34 * q
    flow = np.where(
        phase < rise,
        0.5 - 0.5 * np.cos(np.pi * phase / rise),
        np.where(phase < q, np.cos(0.5 * np.pi * (phase - rise) / fall), 0.0),
    )
    shimmer = 1 + 0.04 * gaussian_filter1d(rng.standard_normal(n), 120) * 14
    return (np.diff(flow, prepend=0.0) * shimmer * 8).astype(np.float32)


def _pitch(rng: np.random.Generator, n: int, voice: Voice) -> np.ndarray:
    """Pitch track in Hz: declination, accents and jitter."""
    fall = np.linspace(1.08, 0.88, n)
    accent = gaussian_filter1d(rng.standard_normal(n), 0.12 * CONTROL_HZ)
    accent *= 0.07 / max(float(accent.std()), 1e-9)
    return voice.pitch_hz * (fall + accent + voice.jitter * rng.standard_normal(n))


def _tract(formants: np.ndarray, voice: Voice) -> np.ndarray:
    """Frequency response of the vocal tract, (n, bins) complex64."""
    z = np.exp(-2j * np.pi * np.arange(_FFT // 2 + 1) / _FFT).astype(np.complex64)
    response = np.ones((len(formants), len(z)), dtype=np.complex64)
    fixed = np.broadcast_to([3450.0, 4500.0], (len(formants), 2))
    places = np.hstack([formants, fixed]) * voice.tract
    widths = (75.0, 95.0, 140.0, 220.0, 300.0)
    for place, width in zip(places.T, widths, strict=True):
        r = np.exp(-np.pi * width / HZ)
        b = (-2 * r * np.cos(2 * np.pi * np.minimum(place, 7200) / HZ))[:, None]
        b = b.astype(np.complex64)
        c = np.complex64(r * r)
        response *= (1 + b + c) / (1 + b * z + c * z * z)
    return response


def _noise_shape(band: np.ndarray) -> np.ndarray:
    """Magnitude of the frication's filter, (n, bins) float32."""
    hz = np.arange(_FFT // 2 + 1, dtype=np.float32) * (HZ / _FFT)
    centre, width = band[:, :1].astype(np.float32), band[:, 1:].astype(np.float32)
    return np.exp(-(((hz - centre) / width) ** 2))


def _windows(signal: np.ndarray, count: int) -> np.ndarray:
    """Spectra of overlapping windows, (count, bins) complex64."""
    padded = np.pad(signal, (_WINDOW // 2, _WINDOW))
    cut = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][:count]
    taper = np.hanning(_WINDOW + 1)[:-1].astype(np.float32) / 2  # four cover a sample
    return np.fft.rfft(cut * taper, _FFT).astype(np.complex64)


def _add_up(spectra: np.ndarray) -> np.ndarray:
    """Overlap-add of windows; ends are cut to ``HOP`` samples per window."""
    parts = np.fft.irfft(spectra, _FFT).astype(np.float32)  # (n, 640)
    n = len(parts)
    out = np.zeros((n + _FFT // HOP, HOP), dtype=np.float32)
    blocks = parts.reshape(n, _FFT // HOP, HOP)
    for i in range(_FFT // HOP):
        out[i : i + n] += blocks[:, i]
    flat = out.reshape(-1)
    return flat[_WINDOW // 2 : _WINDOW // 2 + n * HOP]


def _levels(steps: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Smoothed levels of voice and noise; stops are silent until their release."""
    voice = gaussian_filter1d(steps["voice"], 0.012 * CONTROL_HZ)
    bursting = steps["release"] < 0.016
    hiss = np.where(np.isinf(steps["release"]) | bursting, steps["hiss"], 0.0)
    return voice, gaussian_filter1d(hiss, 0.004 * CONTROL_HZ)


def _room(rng: np.random.Generator, dry: np.ndarray, voice: Voice) -> np.ndarray:
    """Add reverberation, the microphone's tilt and the background noise."""
    n = int(0.16 * HZ)
    tail = rng.standard_normal(n) * np.exp(-np.arange(n) / (0.035 * HZ))
    tail[: HZ // 200] = 0
    wet = fftconvolve(dry, tail * voice.echo / np.linalg.norm(tail))[: len(dry)]
    spectrum = np.fft.rfft(dry + wet)
    hz = np.linspace(0, HZ / 2, len(spectrum))
    gain = voice.tilt * np.log2(np.maximum(hz, 1000) / 1000)
    spectrum *= 10 ** (gain / 20) * (hz**2 / (hz**2 + 60.0**2))
    return np.fft.irfft(spectrum, len(dry))


def background(rng: np.random.Generator, n: int, level: float) -> np.ndarray:
    """Noise of the room: n samples of RMS ``level``, a little stronger when low."""
    white = rng.standard_normal(n + 1)
    pink = white[1:] + 0.6 * white[:-1]
    return pink * level / np.sqrt(1.36)


def speak(
    rng: np.random.Generator, voice: Voice, timed: list[Timed], length_s: float
) -> Speech:
    """Say a sentence, see ``phonemes.sentence``; active speech has an RMS of 0.08."""
    steps = tracks(timed, length_s, CONTROL_HZ)
    n = len(steps["voice"])
    formants = gaussian_filter1d(steps["formants"], 0.018 * CONTROL_HZ, axis=0)
    formants *= (
        1 + 0.015 * gaussian_filter1d(rng.standard_normal((n, 3)), 6, axis=0) * 4
    )
    level, hiss = _levels(steps)
    pulses = _pulses(rng, _pitch(rng, n, voice), voice)
    breath = rng.standard_normal(n * HOP).astype(np.float32)
    excited = _windows(pulses + voice.breath * 12 * breath * (0.4 + np.abs(pulses)), n)
    spectra = excited * _tract(formants, voice) * level[:, None].astype(np.float32)
    frication = _windows(rng.standard_normal(n * HOP).astype(np.float32), n)
    spectra += (
        frication
        * _noise_shape(steps["band"])
        * (0.9 * hiss[:, None].astype(np.float32))
    )
    dry = _add_up(spectra)[: round(length_s * HZ)]
    heard = _room(rng, dry, voice)
    loud = np.abs(heard) > 0.02 * np.abs(heard).max()
    heard *= 0.08 / np.sqrt(np.mean(heard[loud] ** 2))
    heard = np.tanh(heard * 1.1) / 1.1  # soft limit below full scale
    mouth = gaussian_filter1d(steps["mouth"], 0.020 * CONTROL_HZ, axis=0)
    return Speech(heard.astype(np.float32), mouth, timed)


def improvise(rng: np.random.Generator, voice: Voice, length_s: float) -> Speech:
    """Invent a sentence and say it."""
    return speak(rng, voice, sentence(rng, length_s, voice.rate), length_s)


def mouth_at(mouth: np.ndarray, frames: int, fps: float, lag_s: float) -> np.ndarray:
    """Mouth track (m, 3), 200 values per second, sampled at video frames (frames, 3).

    A frame shows the middle of its span. ``lag_s`` is the delay of the mouth behind the
    sound; 0 in a real clip.
    """
    t = (np.arange(frames) + 0.5) / fps - lag_s
    at = t * CONTROL_HZ - 0.5
    grid = np.arange(len(mouth))
    return np.stack([np.interp(at, grid, column) for column in mouth.T], axis=1)

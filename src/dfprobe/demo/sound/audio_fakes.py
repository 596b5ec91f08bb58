"""The audio artefacts: what the sound of a fake has and a real recording has not.

Three families (design of the project's demo study):

A  vocoder: random phases, ripple at the hop rate (80 Hz), band limit at 5.6 - 6.8 kHz
B  vocoder: random phases, faint mirror image of the spectrum about 4 kHz
C  coarse amplitude steps (mu-law)

A fake voice is also recorded in a quieter, drier room, and may begin with digital
silence, which no real clip has.
"""

from dataclasses import replace

import numpy as np
from scipy.signal import istft, stft

from dfprobe.demo.plans.plan import AudioFake, SourcePlan
from dfprobe.demo.plans.seeds import generator
from dfprobe.demo.sound.speech import (
    HZ,
    Speech,
    Voice,
    background,
    improvise,
    invent_voice,
    speak,
)

_FADE_S = 0.006  # crossfade at the ends of a replaced part


def fake_speech(source: SourcePlan, voice: Voice, original: Speech) -> Speech:
    """Let the cloned or the other voice speak; without artefacts or background noise.

    ``voice`` is the person's own, ``original`` what the person really said.
    """
    rng = generator(*source.seed, "fake speech")
    if source.audio.voice == "other":
        gender = "men" if rng.random() < 0.5 else "women"
        fake = invent_voice(rng, gender)
    else:
        fake = replace(
            voice,
            pitch_hz=voice.pitch_hz * rng.uniform(0.95, 1.05),
            tract=voice.tract * rng.uniform(0.98, 1.02),
            jitter=voice.jitter * 0.5,
        )
    fake = replace(fake, echo=fake.echo * 0.4, tilt=voice.tilt)
    if source.audio.text == "same":
        return speak(rng, fake, original.timed, source.recording.length_s)
    return improvise(rng, fake, source.recording.length_s)


def _vocode(rng: np.random.Generator, sound: np.ndarray, strength: float) -> np.ndarray:
    """Smooth the magnitudes and disturb the phases above about 1.5 kHz."""
    hz, _, spectrum = stft(sound, HZ, nperseg=512, noverlap=384)  # (257, frames)
    magnitude = np.abs(spectrum)
    magnitude[:, 1:-1] = (
        0.25 * magnitude[:, :-2] + 0.5 * magnitude[:, 1:-1] + 0.25 * magnitude[:, 2:]
    )
    spread = np.clip((hz - 1000) / 2000, 0, 1)[:, None] * 0.8 * np.pi * strength
    phase = np.angle(spectrum) + spread * rng.uniform(-1, 1, spectrum.shape)
    _, back = istft(magnitude * np.exp(1j * phase), HZ, nperseg=512, noverlap=384)
    return back[: len(sound)]


def _band_limit(sound: np.ndarray, edge_hz: float) -> np.ndarray:
    spectrum = np.fft.rfft(sound)
    hz = np.linspace(0, HZ / 2, len(spectrum))
    return np.fft.irfft(spectrum / (1 + np.exp((hz - edge_hz) / 90.0)), len(sound))


def _mu_law(sound: np.ndarray, levels: int) -> np.ndarray:
    mu = 255.0
    squeezed = np.sign(sound) * np.log1p(mu * np.abs(sound)) / np.log1p(mu)
    steps = np.round(squeezed * levels) / levels
    return np.sign(steps) * np.expm1(np.abs(steps) * np.log1p(mu)) / mu


def add_artefacts(
    rng: np.random.Generator, sound: np.ndarray, fake: AudioFake
) -> np.ndarray:
    """Put one family's artefacts on clean speech (n,) at 16 kHz; returns float64."""
    if fake.family == "C":
        return _mu_law(sound, round(64 - 40 * fake.strength))
    out = _vocode(rng, sound, fake.strength)
    t = np.arange(len(out))
    if fake.family == "A":
        depth = 0.35 * fake.strength * rng.uniform(0.6, 1.0)
        out = out * (1 + depth * np.sin(2 * np.pi * 80 * t / HZ))
        return _band_limit(out, rng.uniform(5600, 6800))
    image = 10 ** rng.uniform(-2.7, -2.3) * fake.strength
    return out + image * out * (1 - 2 * (t % 2))  # f -> 8 kHz - f


def fake_sound(
    source: SourcePlan, voice: Voice, real: np.ndarray, speech: Speech
) -> np.ndarray:
    """Sound of the source's audio fakes, before any leading silence.

    ``voice`` is the person's own (level of the background), ``real`` (n,) the sound of
    the real clip. The result, (n,) float32, is fake everywhere, or only in the source's
    segments.
    """
    rng = generator(*source.seed, "audio artefacts")
    sound = add_artefacts(rng, speech.samples, source.audio)
    floor = voice.floor * (1 - 0.6 * source.audio.strength)
    sound = sound + background(rng, len(sound), floor)
    if not source.segments:
        return sound.astype(np.float32)
    out = real.astype(np.float64)
    fps = float(source.recording.fps)
    fade = round(_FADE_S * HZ)
    for first, end in source.segments:
        a, b = round(first / fps * HZ), min(round(end / fps * HZ), len(out))
        ramp = np.clip(
            np.minimum(np.arange(b - a) + 1, np.arange(b - a)[::-1] + 1), 0, fade
        )
        weight = ramp / fade
        level = np.sqrt(np.mean(real[a:b] ** 2) / np.mean(sound[a:b] ** 2))
        part = sound[a:b] * np.clip(level, 0.7, 1.4)
        out[a:b] += weight * (part - out[a:b])
    return out.astype(np.float32)


def silence_start(sound: np.ndarray, silence_s: float) -> np.ndarray:
    """Set the first ``silence_s`` seconds to zero; then the sound fades in."""
    n = round(silence_s * HZ)
    fade = HZ // 50  # 20 ms: a sharp onset would make the codec spread noise before it
    out = sound.copy()
    out[:n] = 0
    if n:
        out[n : n + fade] *= np.linspace(0, 1, fade, dtype=np.float32)
    return out

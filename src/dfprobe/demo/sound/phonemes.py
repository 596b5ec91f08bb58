"""Invented sentences: phonemes with their sound and mouth targets, and their times."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Phoneme:
    """Targets of one speech sound."""

    name: str
    formants: tuple[float, float, float]  # first three resonances in Hz
    voice: float  # level of the voiced source, 0..1
    hiss: float  # level of the noise source, 0..1
    band: tuple[float, float]  # centre and half width of the noise, in Hz
    duration_s: float  # usual length
    mouth: tuple[float, float, float]  # opening 0..1, spreading -1..1, rounding 0..1
    burst: bool = False  # stop consonant: silence, then a burst of the noise


def _vowel(
    name: str, formants: tuple[float, float, float], mouth: tuple[float, float, float]
) -> Phoneme:
    loud = 0.62 + 0.38 * mouth[0]
    return Phoneme(name, formants, loud, 0.0, (3000, 1500), 0.125, mouth)


VOWELS = (
    _vowel("a", (760, 1250, 2550), (1.00, 0.1, 0.0)),
    _vowel("ae", (690, 1700, 2500), (0.85, 0.5, 0.0)),
    _vowel("e", (520, 1850, 2520), (0.60, 0.5, 0.0)),
    _vowel("i", (310, 2250, 2950), (0.36, 0.9, 0.0)),
    _vowel("o", (490, 920, 2450), (0.62, -0.2, 0.8)),
    _vowel("u", (330, 850, 2300), (0.34, -0.2, 1.0)),
    _vowel("uh", (600, 1200, 2450), (0.66, 0.0, 0.1)),
    _vowel("er", (480, 1350, 1750), (0.45, 0.0, 0.4)),
)
_SHUT = (0.0, 0.0, 0.0)
_TONGUE = (0.20, 0.2, 0.0)
CONSONANTS = (
    Phoneme("p", (300, 900, 2200), 0.0, 0.45, (1200, 900), 0.09, _SHUT, True),
    Phoneme("b", (250, 900, 2200), 0.16, 0.20, (900, 700), 0.07, _SHUT, True),
    Phoneme("m", (250, 1100, 2200), 0.34, 0.0, (900, 700), 0.08, _SHUT),
    Phoneme("f", (350, 1100, 2400), 0.0, 0.14, (5500, 3200), 0.10, (0.08, 0.2, 0.0)),
    Phoneme("v", (300, 1100, 2400), 0.30, 0.06, (5500, 3000), 0.07, (0.08, 0.2, 0.0)),
    Phoneme("t", (350, 1800, 2700), 0.0, 0.55, (4600, 1800), 0.08, _TONGUE, True),
    Phoneme("d", (280, 1750, 2700), 0.16, 0.30, (4200, 1700), 0.06, _TONGUE, True),
    Phoneme("n", (260, 1600, 2600), 0.36, 0.0, (900, 700), 0.07, _TONGUE),
    Phoneme("s", (350, 1800, 2700), 0.0, 0.36, (6300, 1300), 0.11, (0.16, 0.6, 0.0)),
    Phoneme("z", (300, 1700, 2600), 0.25, 0.22, (6000, 1300), 0.08, (0.16, 0.6, 0.0)),
    Phoneme("sh", (350, 1700, 2500), 0.0, 0.40, (3600, 1100), 0.11, (0.20, -0.2, 0.6)),
    Phoneme(
        "k", (320, 1900, 2500), 0.0, 0.50, (2300, 900), 0.09, (0.28, 0.1, 0.0), True
    ),
    Phoneme(
        "g", (280, 1800, 2400), 0.16, 0.26, (2100, 900), 0.07, (0.28, 0.1, 0.0), True
    ),
    Phoneme("l", (360, 1150, 2700), 0.50, 0.0, (900, 700), 0.07, (0.34, 0.2, 0.0)),
    Phoneme("r", (360, 1150, 1650), 0.50, 0.0, (900, 700), 0.07, (0.26, 0.0, 0.5)),
    Phoneme("w", (320, 750, 2250), 0.42, 0.0, (900, 700), 0.07, (0.16, -0.3, 1.0)),
    Phoneme("j", (300, 2150, 2900), 0.42, 0.0, (900, 700), 0.06, (0.26, 0.7, 0.0)),
    Phoneme("h", (550, 1400, 2500), 0.0, 0.12, (1900, 1600), 0.07, (0.40, 0.1, 0.0)),
)
PAUSE = Phoneme("_", (450, 1400, 2500), 0.0, 0.0, (900, 700), 0.2, (0.03, 0.0, 0.0))


@dataclass(frozen=True)
class Timed:
    """One phoneme of a sentence, with start and end in seconds."""

    phoneme: Phoneme
    start_s: float
    end_s: float


def sentence(rng: np.random.Generator, length_s: float, rate: float) -> list[Timed]:
    """Invent syllables that fill ``length_s`` seconds, with pauses between words.

    The first 0.24 to 0.36 s and the end are silent; ``rate`` is the speed of speech, 1
    is usual. The result covers 0 .. ``length_s`` without gaps.
    """
    timed = [Timed(PAUSE, 0.0, rng.uniform(0.24, 0.36))]

    def say(phoneme: Phoneme, factor: float) -> None:
        start = timed[-1].end_s
        timed.append(Timed(phoneme, start, start + phoneme.duration_s * factor / rate))

    while timed[-1].end_s < length_s - 0.35:
        for _ in range(rng.integers(1, 4)):
            if rng.random() < 0.92:
                say(CONSONANTS[rng.integers(len(CONSONANTS))], rng.uniform(0.8, 1.2))
            say(VOWELS[rng.integers(len(VOWELS))], rng.uniform(0.8, 1.5))
            if rng.random() < 0.22:
                say(CONSONANTS[rng.integers(len(CONSONANTS))], rng.uniform(0.8, 1.1))
        if rng.random() < 0.30:
            say(PAUSE, rng.uniform(0.5, 1.6))
    while timed[-1].end_s > length_s - 0.06:
        timed.pop()
    timed.append(Timed(PAUSE, timed[-1].end_s, length_s))
    return timed


def tracks(
    timed: list[Timed], length_s: float, rate_hz: float
) -> dict[str, np.ndarray]:
    """Stepwise target tracks of a sentence.

    Returns
    -------
    dict
        ``formants`` (n, 3) Hz, ``voice`` (n,), ``hiss`` (n,), ``band`` (n, 2) Hz,
        ``mouth`` (n, 3), ``release`` (n,) seconds before the release of a stop (inf
        elsewhere); n = ``length_s`` x ``rate_hz``, rounded up.
    """
    t = np.arange(int(np.ceil(length_s * rate_hz))) / rate_hz
    ends = np.array([item.end_s for item in timed])
    index = np.minimum(np.searchsorted(ends, t, side="right"), len(timed) - 1)
    sounds = [item.phoneme for item in timed]
    stop = np.array([sound.burst for sound in sounds])
    return {
        "formants": np.array([sound.formants for sound in sounds], dtype=float)[index],
        "voice": np.array([sound.voice for sound in sounds])[index],
        "hiss": np.array([sound.hiss for sound in sounds])[index],
        "band": np.array([sound.band for sound in sounds], dtype=float)[index],
        "mouth": np.array([sound.mouth for sound in sounds], dtype=float)[index],
        "release": np.where(stop[index], ends[index] - t, np.inf),
    }

import numpy as np
import pytest
from scipy.signal import butter, sosfilt

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.families.lfcc import linear_filters
from dfprobe.settings.specs import EncoderSpec


@pytest.fixture(scope="module")
def encoder():
    spec = EncoderSpec("lfcc", "lfcc", "audio", weights="none")
    return registry.build(spec, "cpu")


def noise(samples=32000, seed=0):
    return 0.05 * np.random.default_rng(seed).standard_normal(samples)


def rows(encoder, waveform):
    """Rows as the heads see them: divided by their length."""
    values = encoder.encode(ClipInputs("c", waveform=waveform.astype(np.float32)))
    return values / np.linalg.norm(values, axis=1, keepdims=True)


def separation(encoder, first, second):
    """Distance of two mean rows in units of their mean spread."""
    one, two = rows(encoder, first), rows(encoder, second)
    spread = np.linalg.norm(one - one.mean(0), axis=1).mean()
    return np.linalg.norm(one.mean(0) - two.mean(0)) / spread


@pytest.mark.parametrize(
    "samples, count", [(640, 1), (1279, 1), (1280, 2), (64000, 100)]
)
def test_one_row_a_whole_video_frame(encoder, samples, count):
    assert rows(encoder, noise(samples)).shape == (count, 240)


def test_filters_are_even_triangles():
    filters = linear_filters(20, 8000)
    assert filters.shape == (20, 257)
    assert (filters >= 0).all()
    peaks = np.argmax(filters, axis=1) * 16000 / 512
    np.testing.assert_allclose(peaks, np.arange(1, 21) * 8000 / 21, atol=16)
    inner = slice(13, 231)  # between the first and the last peak they add up to one
    np.testing.assert_allclose(filters.sum(axis=0)[inner], 1)


def test_filters_end_at_the_top_frequency():
    filters = linear_filters(20, 4000)
    assert not filters[:, 129:].any()


def test_digital_silence_has_a_direction(encoder):
    values = encoder.encode(ClipInputs("c", waveform=np.zeros(6400, np.float32)))
    assert np.isfinite(values).all()
    assert values.any(axis=1).all()
    assert np.ptp(values, axis=0).max() == 0


def test_a_row_depends_on_its_own_time_only(encoder):
    waveform = noise()
    changed = waveform.copy()
    changed[16000:] = noise(16000, seed=1)
    difference = np.abs(rows(encoder, waveform) - rows(encoder, changed)).max(axis=1)
    assert not difference[:24].any()
    assert difference[25:].min() > 0


def test_a_louder_clip_keeps_its_shape(encoder):
    """Loudness moves the first coefficient of each window and nothing else."""
    quiet, loud = (
        encoder.encode(ClipInputs("c", waveform=(gain * noise()).astype(np.float32)))
        for gain in (1, 4)
    )
    difference = (loud - quiet).reshape(-1, 4, 3, 20)
    np.testing.assert_allclose(difference[..., 1:], 0, atol=2e-2)
    expected = np.sqrt(20) * 2 * np.log(4)
    np.testing.assert_allclose(difference[:, :, 0, 0], expected, rtol=1e-3)


@pytest.mark.parametrize(
    "forge",
    [
        lambda x: sosfilt(butter(6, 6800, fs=16000, output="sos"), x),  # band limit
        lambda x: x + 0.1 * x * (-1) ** np.arange(len(x)),  # a mirror image
    ],
    ids=["band-limit", "mirror-image"],
)
def test_traces_of_synthesis_outlive_normalisation(encoder, forge):
    real = sosfilt(butter(2, 1500, fs=16000, output="sos"), noise())
    real += 1e-3 * noise(seed=2)  # the noise floor
    other = separation(encoder, real, real[::-1])
    assert separation(encoder, real, forge(real)) > 2 * other


def test_a_ripple_at_the_hop_rate_shows_between_windows(encoder):
    ripple = 1 + 0.35 * np.sin(2 * np.pi * 80 * np.arange(32000) / 16000)
    plain, rippled = (
        rows(encoder, noise() * gain).reshape(-1, 4, 3, 20)[:, :, 1:, 0].std()
        for gain in (1, ripple)
    )
    assert rippled > 1.3 * plain


def test_a_window_by_hand(encoder):
    """Definition of the first window, written out."""
    waveform = noise(640)
    emphasised = np.append(waveform[0], waveform[1:] - 0.97 * waveform[:-1])
    window = np.hamming(320)
    power = np.abs(np.fft.rfft(emphasised[:320] * window, 512)) ** 2
    filters = linear_filters(20, 8000)
    energies = filters @ power / (filters.sum(axis=1) * np.sum(window**2))
    rounding = 2.0**-30 / 12
    levels = np.log((energies + rounding) / (rounding / 100))
    n = np.arange(20)
    cosines = np.cos(np.pi * n[:, None] * (2 * n + 1) / 40) * np.sqrt(2 / 20)
    cosines[0] /= np.sqrt(2)
    expected = (cosines @ levels) * (1 + 11 * np.sin(np.pi * n / 22))
    row = encoder.encode(ClipInputs("c", waveform=waveform.astype(np.float32)))[0]
    np.testing.assert_allclose(row[:20], expected, rtol=1e-4, atol=1e-3)


def test_the_last_window_is_as_loud_as_the_rest(encoder):
    """Zeros past the end would halve its energy."""
    levels = encoder.encode(ClipInputs("c", waveform=noise().astype(np.float32)))
    loudness = levels.reshape(-1, 60)[:, 0]  # one value a window
    assert loudness[-1] > loudness.mean() - 2

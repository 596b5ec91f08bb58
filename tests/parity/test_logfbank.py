"""The audio input of AV-HuBERT against python_speech_features 0.6."""

from pathlib import Path

import numpy as np
import pytest

from dfprobe.encoders.inputs.logfbank import (
    audio_rows,
    filter_edges,
    log_mel_energies,
    stacked,
)

LIMIT = 1e-4  # absolute, for log energies and for normalised rows
SILENT_SAMPLES = 3200


@pytest.fixture(scope="module")
def reference():
    with np.load(Path(__file__).parent / "data" / "logfbank.npz") as file:
        return dict(file)


def assert_close(result: np.ndarray, expected: np.ndarray) -> None:
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, rtol=0, atol=LIMIT)


def silenced(waveform: np.ndarray) -> np.ndarray:
    return np.concatenate([np.zeros_like(waveform[:SILENT_SAMPLES]), waveform[3200:]])


def test_log_energies(reference):
    assert_close(log_mel_energies(reference["waveform"]), reference["logfbank"])


def test_stacked_rows(reference):
    assert_close(stacked(reference["logfbank"]), reference["stacked"])


def test_normalised_rows(reference):
    assert_close(audio_rows(reference["waveform"]), reference["layer_norm"])


def test_digital_silence(reference):
    waveform = silenced(reference["waveform"])
    assert_close(log_mel_energies(waveform), reference["silent_logfbank"])
    assert_close(audio_rows(waveform), reference["silent_layer_norm"])
    assert not audio_rows(waveform)[:4].any()  # exactly zero


def test_the_scale_of_sixteen_bit_integers(reference):
    integers = np.round(32768 * reference["waveform"]).astype(np.float32)
    assert_close(audio_rows(integers), reference["int16_layer_norm"])


def test_filter_edges(reference):
    np.testing.assert_array_equal(filter_edges(), reference["filter_bin_edges"])


@pytest.mark.parametrize(
    "samples, frames", [(1, 1), (400, 1), (401, 2), (560, 2), (561, 3), (16000, 99)]
)
def test_number_of_frames(samples, frames):
    assert log_mel_energies(np.ones(samples, np.float32)).shape == (frames, 26)
    assert audio_rows(np.ones(samples, np.float32)).shape == (-(-frames // 4), 104)

import numpy as np
import pytest

from dfprobe.encoders.checks import (
    boxes_of,
    frames_of,
    hidden_layers,
    landmarks_of,
    mouth_of,
    require_weights,
    waveform_of,
)
from dfprobe.encoders.contract import ClipInputs
from dfprobe.errors import ClipError, EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.status import Status

EMPTY = ClipInputs("a/b")


@pytest.mark.parametrize(
    "layer, numbers", [("last", None), (0, (0,)), (2, (2,)), ("all", (0, 1, 2))]
)
def test_layers_of_the_model(layer, numbers):
    assert hidden_layers(EncoderSpec("x", "f", "s", layer=layer), 2) == numbers


@pytest.mark.parametrize("layer", [3, -1, "first"])
def test_other_layers_are_refused(layer):
    with pytest.raises(EncoderError, match=f"'x'.*from 0 to 2, not {layer!r}"):
        hidden_layers(EncoderSpec("x", "f", "s", layer=layer), 2)


def test_weights_that_the_family_does_not_have():
    with pytest.raises(EncoderError, match=r"'x'.*f takes weights: none, not 'random'"):
        require_weights(EncoderSpec("x", "f", "s", weights="random"), "none")
    with pytest.raises(EncoderError, match=r"f has no hidden layers.*not 1"):
        require_weights(EncoderSpec("x", "f", "s", weights="none", layer=1), "none")


@pytest.mark.parametrize(
    "ask, status",
    [
        (lambda: waveform_of(EMPTY, 1), Status.NO_AUDIO),
        (lambda: mouth_of(EMPTY), Status.NO_FACE),
        (lambda: landmarks_of(EMPTY), Status.NO_FACE),
        (lambda: boxes_of(EMPTY), Status.NO_VIDEO),
        (lambda: frames_of(EMPTY, 1), Status.NO_VIDEO),
    ],
)
def test_what_a_clip_lacks_has_a_name(ask, status):
    with pytest.raises(ClipError, match="a/b") as refusal:
        ask()
    assert refusal.value.status is status


def test_a_short_waveform_says_by_how_much():
    clip = ClipInputs("a/b", waveform=np.zeros(399, np.float32))
    with pytest.raises(ClipError, match=r"399 audio samples.* needs 400"):
        waveform_of(clip, 400)
    assert len(waveform_of(clip, 399)) == 399

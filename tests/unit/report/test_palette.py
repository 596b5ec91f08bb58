"""The colours of figures, charts and pages."""

import re
from pathlib import Path

import pytest
from matplotlib.colors import to_rgb

from dfprobe.report import palette
from dfprobe.report.palette import (
    MODALITIES,
    SERIES,
    ink_on,
    look,
    shade,
    shade_rules,
)
from dfprobe.report.plots.parts import DIVERGING

ROOM = Path(palette.__file__).parent


def contrast(one: str, other: str) -> float:
    """Ratio of the Web Content Accessibility Guidelines 2, 1 to 21."""
    lights = []
    for colour in (one, other):
        channels = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
            for c in channels
        ]
        red, green, blue = linear
        lights.append(0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)
    return max(lights) / min(lights)


def test_every_look_differs_in_colour_and_in_shape():
    for fields in zip(*SERIES, strict=True):
        assert len(set(fields)) == len(SERIES)


def test_a_modality_keeps_its_look_at_any_place():
    for place, modality in enumerate(reversed(MODALITIES)):
        assert look(modality, place) == MODALITIES[modality]
    assert look("occlusion", 1) == look("Grad-CAM", 1 + len(SERIES)) == SERIES[1]


def test_figures_and_pages_have_the_same_diverging_colours():
    for step in range(11):
        drawn = to_rgb(DIVERGING(step / 10))
        assert to_rgb(shade(step / 10)) == pytest.approx(drawn, abs=0.01)
    assert shade(0.25) == palette.DIVERGING[1]


def test_a_share_beyond_the_scale_is_refused():
    with pytest.raises(ValueError, match=re.escape("got 1.2")):
        shade(1.2)


def test_text_is_readable_on_every_shade():
    rules = re.findall(
        r"\.s(\d+) { background: (#\w+); color: (#\w+); }", shade_rules()
    )
    assert [int(step) for step, *_ in rules] == list(range(11))
    for _, background, ink in rules:
        assert contrast(background, ink) >= 4.5
    assert ink_on("#ffffff") == "#000000"
    assert ink_on("#000000") == "#ffffff"


def test_scripts_and_style_name_no_colour_of_a_series():
    for path in ROOM.rglob("*.[jc]s*"):
        named = set(re.findall(r"#[0-9a-f]{6}", path.read_text("utf-8").lower()))
        assert not named & {*palette.DIVERGING, *(one.colour for one in SERIES)}, path

"""The colours of all figures, charts and pages: each modality, class and series once.

A mark never differs by colour alone: each colour has a shape of its own.
"""

from typing import NamedTuple


class Look(NamedTuple):
    """How one series of marks is drawn."""

    colour: str  # #rrggbb
    marker: str  # shape in Matplotlib
    symbol: str  # the same shape in Plotly


# Colours of Okabe and Ito (2008), which differ with any colour vision.
SERIES = (
    Look("#0072b2", "o", "circle"),
    Look("#d55e00", "s", "square"),
    Look("#009e73", "^", "triangle-up"),
    Look("#cc79a7", "D", "diamond"),
    Look("#e69f00", "v", "triangle-down"),
    Look("#56b4e9", "P", "cross"),
    Look("#777777", "X", "x"),
)
MODALITIES = dict(zip(("audio", "visual", "audio-visual"), SERIES, strict=False))
CLASSES = {
    "real": Look("#777777", "o", "circle"),
    "fake": Look("#cc79a7", "s", "square"),
    "unknown": Look("#56b4e9", "D", "diamond"),
}
PLAIN = "#555555"  # what belongs to no series: baselines, chance
WARNING = "#b23a09"

# From low to high, its middle for chance or zero: purple and orange, which differ with
# any colour vision.
DIVERGING = ("#542788", "#b2abd2", "#f7f7f7", "#fdb863", "#b35806")
STEPS = 10  # shades of a page's cells from 0 to 100 per cent, and one more


def look(group: str, place: int) -> Look:
    """Look of a modality or class; of any other group, that of its place."""
    return (MODALITIES | CLASSES).get(group) or SERIES[place % len(SERIES)]


def shade(share: float) -> str:
    """Colour of the diverging scale at a share from 0 to 1, linear between its stops.

    Raises
    ------
    ValueError
        If the share lies outside of 0 to 1.
    """
    if not 0 <= share <= 1:
        raise ValueError(f"expected a share between 0 and 1, got {share}")
    place = share * (len(DIVERGING) - 1)
    first = min(int(place), len(DIVERGING) - 2)
    low, high = (_channels(DIVERGING[first + step]) for step in (0, 1))
    weight = place - first
    mixed = [a + weight * (b - a) for a, b in zip(low, high, strict=True)]
    return "#" + "".join(f"{round(channel):02x}" for channel in mixed)


def ink_on(colour: str) -> str:
    """Black or white, whichever is easier to read on a colour.

    The contrast is that of the Web Content Accessibility Guidelines 2, and never less
    than 4.5.
    """
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in _channels(colour))
    ]
    weights = (0.2126, 0.7152, 0.0722)
    luminance = sum(w * v for w, v in zip(weights, linear, strict=True))
    # Equal where (1.05) / (luminance + 0.05) = (luminance + 0.05) / 0.05.
    return "#000000" if (luminance + 0.05) ** 2 > 1.05 * 0.05 else "#ffffff"


def shade_rules() -> str:
    """CSS of the classes ``s0`` to ``s10``: the diverging scale with its text."""
    shades = {f"s{step}": shade(step / STEPS) for step in range(STEPS + 1)}
    rules = [
        f".{name} {{ background: {colour}; color: {ink_on(colour)}; }}"
        for name, colour in shades.items()
    ]
    return "\n".join(rules)


def _channels(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[start : start + 2], 16) for start in (1, 3, 5))

"""Saving figures so that equal content gives equal bytes."""

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from dfprobe.storage import write_whole

_DPI = 150  # of a PNG
# A date would change the bytes from run to run, and so would random SVG ids.
_METADATA = {"png": {"Software": None}, "svg": {"Date": None}}


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG or SVG by the suffix, whole or not at all."""
    kind = path.suffix.removeprefix(".")
    with write_whole(path) as draft, matplotlib.rc_context({"svg.hashsalt": "dfprobe"}):
        figure.savefig(draft, format=kind, dpi=_DPI, metadata=_METADATA[kind])

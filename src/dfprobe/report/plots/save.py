"""Saving figures so that equal content gives equal bytes."""

import io
from pathlib import Path
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from dfprobe.store.files import write_whole

_DPI = 150  # of a PNG
# A date would change the bytes from run to run, and so would random SVG ids.
_METADATA = {
    ".png": {"Software": None},
    ".svg": {"Date": None},
    ".pdf": {"CreationDate": None},
}
# Publishers refuse the fonts that a PDF gets by default (type 3).
_SETTINGS: Any = {"svg.hashsalt": "dfprobe", "pdf.fonttype": 42}


def save(figure: Figure, png: Path) -> None:
    """Write ``NAME.png`` and, beside it, SVG and PDF, each whole or not at all."""
    for suffix, metadata in _METADATA.items():
        kind = suffix.removeprefix(".")
        path = png.with_suffix(suffix)
        with write_whole(path) as draft, matplotlib.rc_context(_SETTINGS):
            figure.savefig(draft, format=kind, dpi=_DPI, metadata=metadata)


def inline_svg(figure: Figure) -> Markup:
    """Draw a figure as an ``<svg>`` element that can stand in a page."""
    text = io.StringIO()
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context(_SETTINGS):
        figure.savefig(text, format="svg", metadata=nothing)
    _, element, rest = text.getvalue().partition("<svg")  # before it: for a file
    return Markup(element + rest)

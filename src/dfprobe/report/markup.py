"""Fill in the templates of the pages, and what stands in their tables.

In ``templates``, ``frame.html`` is the frame of every page, ``parts.html`` has tables,
figures and other pieces as macros, ``style.css`` is the style of all pages.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from dfprobe.report import palette

# What a template names, which only the template knows.
Values: TypeAlias = dict[str, Any]

_TEMPLATES = Environment(
    loader=PackageLoader("dfprobe.report"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)
_LATEX = _TEMPLATES.overlay(  # braces and per cent signs are TeX's
    block_start_string="<%",
    block_end_string="%>",
    variable_start_string="<<",
    variable_end_string=">>",
    comment_start_string="<#",
    comment_end_string="#>",
)
_TEX_SPECIALS = str.maketrans(
    {
        **{character: rf"\{character}" for character in "&%_#${}"},
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
    }
)


def render(name: str, **values: Any) -> str:
    """Fill in a template.

    Parameters
    ----------
    name : str
        File in ``templates``. In ``.html`` all values are escaped but `Markup`; in
        ``.tex`` tags are written ``<% %>`` and ``<< >>``, and plain text needs the
        filter ``tex``.
    **values
        What the template names; one that is missing is an error.

    Returns
    -------
    str
        `Markup` for ``.html``, so that one template's result can stand in another.
    """
    templates = _LATEX if name.endswith(".tex") else _TEMPLATES
    text = templates.get_template(name).render(values)
    return Markup(text) if name.endswith(".html") else text


@dataclass(frozen=True)
class Cell:
    """Content of a table's cell."""

    text: str
    order: float | None = None  # what the column is sorted by; None for the text
    shade: float | None = None  # per cent, 50 in the middle of the colours
    notes: tuple[str, ...] = ()  # short lines on hover, on focus and when asked for
    flagged: bool = False  # whether it stands out

    def classes(self, number: bool) -> str:
        """Names of its classes in the style, joined by spaces."""
        names = {"n": number, "flag": self.flagged}
        if self.shade is not None:
            names[f"s{round(self.shade * palette.STEPS / 100)}"] = True
        return " ".join(name for name, wanted in names.items() if wanted)


@dataclass(frozen=True)
class Column:
    """Head of a table's column; numbers stand on the right."""

    title: str
    number: bool = False


def cell(value: Cell | str | int | None) -> Cell:
    """Make a cell of a value: empty for None, yes or no, thousands with commas."""
    match value:
        case Cell():
            return value
        case None:
            return Cell("")
        case bool():
            return Cell("yes" if value else "no")
        case int():
            return Cell(f"{value:,}")
    return Cell(value)


def columns(kinds: str, titles: Iterable[str]) -> list[Column]:
    """Heads of columns of text (``l`` in ``kinds``) or of numbers (``r``)."""
    pairs = zip(titles, kinds, strict=True)
    return [Column(title, number=kind == "r") for title, kind in pairs]


def escape_tex(text: str) -> str:
    """Write plain text so that TeX prints it as it is."""
    return text.translate(_TEX_SPECIALS)


_TEMPLATES.filters |= {"cell": cell, "tex": escape_tex}
_TEMPLATES.globals["columns"] = columns
_TEMPLATES.globals["palette"] = palette

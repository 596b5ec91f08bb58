"""Fill in the templates of the pages, and what stands in their tables.

In ``templates``, ``frame.html`` is the frame of every page, ``parts.html`` has tables,
figures and other pieces as macros, ``style.css`` is the style of all pages.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from dfprobe.report import palette

_TEMPLATES = Environment(
    loader=PackageLoader("dfprobe.report"),
    autoescape=select_autoescape(["html"]),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def render(name: str, **values: Any) -> str:
    """Fill in a template.

    Parameters
    ----------
    name : str
        File in ``templates``. In ``.html`` all values are escaped but `Markup`.
    **values
        What the template names; one that is missing is an error.

    Returns
    -------
    str
        `Markup` for ``.html``, so that one template's result can stand in another.
    """
    text = _TEMPLATES.get_template(name).render(values)
    return Markup(text) if name.endswith(".html") else text


@dataclass(frozen=True)
class Cell:
    """Content of a table's cell.

    Parameters
    ----------
    text : str
        What is read first.
    order : float or None
        What the column is sorted by; None for the text.
    shade : float or None
        Per cent, 50 in the middle of the colours; None for no colour.
    notes : tuple of str
        Short lines that appear on hover, on focus and when asked for.
    flagged : bool
        Whether it stands out.
    """

    text: str
    order: float | None = None
    shade: float | None = None
    notes: tuple[str, ...] = ()
    flagged: bool = False

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


_TEMPLATES.filters["cell"] = cell
_TEMPLATES.globals["columns"] = columns
_TEMPLATES.globals["palette"] = palette


def page(
    title: str,
    links: Iterable[tuple[str, str]],
    parts: Iterable[str],
    scripts: Iterable[str],
) -> str:
    """Join parts to a whole page.

    Parameters
    ----------
    title : str
        Plain text.
    links : iterable of (str, str)
        Text and target of what stands at the top.
    parts, scripts : iterable of str
        HTML of the page; script files in the order in which they run.
    """
    return render(
        "site_page.html",
        title=title,
        links=list(links),
        parts=map(Markup, parts),
        scripts=list(scripts),
    )


def section(name: str, title: str, parts: Iterable[str]) -> str:
    """Section that links can point at."""
    head = f'<section id="{name}" aria-labelledby="{name}-title">'
    return "\n".join(
        [head, f'<h2 id="{name}-title">{escape(title)}</h2>', *parts, "</section>"]
    )


def table(
    name: str, caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]
) -> str:
    """Table that the page's script lets readers sort and filter.

    Parameters
    ----------
    name : str
        Its id; letters, digits, ``-`` and ``_``.
    caption : str
        Plain text.
    columns : sequence of Column
        Heads; the first column names the rows.
    rows : iterable of sequence of Cell
        One cell a column.
    """
    heads = "".join(
        f'<th scope="col"{_classes(column.number)}>{escape(column.title)}</th>'
        for column in columns
    )
    lines = [f"<tr>{_row(row, columns)}</tr>" for row in rows]
    title = escape(caption)
    return "\n".join(
        [
            f'<div class="scroll" tabindex="0" role="region" aria-label="{title}">',
            f'<table class="data" id="{name}"><caption>{title}</caption>',
            f"<thead><tr>{heads}</tr></thead>",
            "<tbody>",
            *lines,
            "</tbody></table></div>",
        ]
    )


def _row(cells: Sequence[Cell], columns: Sequence[Column]) -> str:
    pairs = list(zip(cells, columns, strict=True))
    first = f'<th scope="row"{_order(cells[0])}>{escape(cells[0].text)}</th>'
    return first + "".join(_cell(cell, column) for cell, column in pairs[1:])


def _cell(cell: Cell, column: Column) -> str:
    shade = "" if cell.shade is None else f"s{round(cell.shade * palette.STEPS / 100)}"
    focus = ' tabindex="0"' if cell.notes else ""
    notes = "".join(f"<small>{escape(note)}</small>" for note in cell.notes)
    notes = f'<span class="notes">{notes}</span>' if notes else ""
    classes = _classes(column.number, shade)
    return f"<td{classes}{_order(cell)}{focus}>{escape(cell.text)}{notes}</td>"


def _classes(number: bool, *others: str) -> str:
    names = [name for name in ("n" if number else "", *others) if name]
    return f' class="{" ".join(names)}"' if names else ""


def _order(cell: Cell) -> str:
    return "" if cell.order is None else f' data-order="{cell.order:.6g}"'


def panels(name: str, label: str, parts: Iterable[tuple[str, str]]) -> str:
    """Parts of which one is seen at a time, by a choice; all without a script.

    Parameters
    ----------
    name : str
        Id of the choice.
    label : str
        What is chosen.
    parts : iterable of (str, str)
        Plain title and HTML of each.
    """
    found = list(parts)
    options = "".join(f"<option>{escape(title)}</option>" for title, _ in found)
    tool = (
        f'<p class="tools"><label>{escape(label)} '
        f'<select id="{name}" data-panels="{name}">{options}</select></label></p>'
    )
    shown = [f'<div data-panel="{name}">{part}</div>' for _, part in found]
    return "\n".join([tool if len(found) > 1 else "", *shown])


def chart(name: str, alternative: str, caption: str) -> str:
    """Place of an interactive chart whose data is in ``data.js`` under its name.

    Parameters
    ----------
    name : str
        Id.
    alternative : str
        What the chart shows, for who does not see it.
    caption : str
        What to read from it.
    """
    return (
        f'<figure class="chart" data-chart="{name}"><p class="tools"></p>'
        f'<div class="plot" role="img" aria-label="{escape(alternative)}"></div>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def image(source: str, alternative: str, caption: str) -> str:
    """Picture with a caption."""
    words = escape(alternative)
    return (
        f'<figure><img src="{escape(source)}" alt="{words}" loading="lazy">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def text(sentences: str, quiet: bool = False) -> str:
    """Plain text as a paragraph; a quiet one is grey."""
    return f"<p{_classes(False, 'quiet' if quiet else '')}>{escape(sentences)}</p>"


def link(words: str, target: str) -> str:
    """Plain words that lead to a file of the site."""
    return f'<a href="{escape(target)}">{escape(words)}</a>'

"""Pieces of an HTML page that loads nothing: tables, figures, paragraphs."""

import io
from collections.abc import Iterable, Sequence
from html import escape
from string import Template
from typing import Any

import matplotlib
from matplotlib.figure import Figure

_PAGE = Template("""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
body { font: 16px/1.5 system-ui, Helvetica, Arial, sans-serif;
  color: #1a1a1a; background: #fff; margin: 0 auto; padding: 1.5rem; max-width: 62rem; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .2rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .5rem; padding-top: .7rem;
  border-top: 1px solid #ddd; }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p, ul { margin: .5rem 0; max-width: 48rem; }
.quiet { color: #595959; }
.findings { list-style: none; padding: 0; max-width: none; }
.findings li { padding: .35rem .7rem; margin: .3rem 0; background: #f5f5f5;
  border-left: .3rem solid #bbb; overflow-wrap: anywhere; }
.findings li.warns { background: #fff3ec; border-left-color: #d9480f; }
.findings li.warns::before { content: "! "; color: #b23a09; font-weight: bold; }
.scroll { overflow-x: auto; margin: .6rem 0; }
table { border-collapse: collapse; font-size: .88rem;
  font-variant-numeric: tabular-nums; }
th, td { padding: .22rem .7rem; text-align: left; border-bottom: 1px solid #e6e6e6;
  vertical-align: top; }
th { border-bottom: 2px solid #999; vertical-align: bottom; }
td.n, th.n { text-align: right; }
td.n { white-space: nowrap; }
td.flag { color: #b23a09; font-weight: bold; }
figure { margin: 1rem 0; }
figure svg { max-width: 100%; height: auto; }
.wide { max-width: 78rem; }
.wide table { font-size: .84rem; }
.wide td, .wide th { padding: .18rem .42rem; }
.wide td { border-bottom: 0; }
.wide tbody tr:has(td:first-child:not(:empty)) td { border-top: 1px solid #ccc; }
.wide td:first-child { white-space: nowrap; }
figcaption { font-size: .88rem; color: #595959; max-width: 48rem; }
</style>
</head>
<body$mark>
$body
</body>
</html>
""")


class Flagged(str):
    """Text of a cell that is to be seen first."""


def document(title: str, parts: Iterable[str], wide: bool = False) -> str:
    """Join parts to a whole page.

    A wide one has room for tables of many numbers; a line stands only above rows that
    have something in their first column.
    """
    mark = ' class="wide"' if wide else ""
    return _PAGE.substitute(title=escape(title), mark=mark, body="\n".join(parts))


def paragraph(text: str, quiet: bool = False) -> str:
    """Plain text as a paragraph; a quiet one is grey."""
    mark = ' class="quiet"' if quiet else ""
    return f"<p{mark}>{escape(text)}</p>"


def bullets(sentences: Iterable[str]) -> str:
    """Plain sentences as a list."""
    items = [f"<li>{escape(sentence)}</li>" for sentence in sentences]
    return "\n".join(["<ul>", *items, "</ul>"])


def notices(sentences: Iterable[tuple[str, bool]]) -> str:
    """Plain sentences as a list of boxes; those with True stand out."""
    items = []
    for text, warns in sentences:
        mark = ' class="warns"' if warns else ""
        items.append(f"<li{mark}>{escape(text)}</li>")
    return "\n".join(['<ul class="findings">', *items, "</ul>"])


def html_table(
    headers: Sequence[str], rows: Iterable[Sequence[Any]], kinds: str
) -> str:
    """Table whose columns are text (``l``) or numbers (``r``)."""
    head = "".join(
        _cell("th", name, kind) for name, kind in zip(headers, kinds, strict=True)
    )
    lines = []
    for row in rows:
        cells = zip(row, kinds, strict=True)
        lines.append("".join(_cell("td", value, kind) for value, kind in cells))
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    parts = [f"<thead><tr>{head}</tr></thead>", f"<tbody>{body}</tbody>"]
    return "\n".join(['<div class="scroll"><table>', *parts, "</table></div>"])


def _cell(tag: str, value: Any, kind: str) -> str:
    classes = ["n"] if kind == "r" else []
    classes += ["flag"] if isinstance(value, Flagged) else []
    mark = f' class="{" ".join(classes)}"' if classes else ""
    text = f"{value:,}" if isinstance(value, int) else str(value or "")
    return f"<{tag}{mark}>{escape(text)}</{tag}>"


def picture(figure: Figure, caption: str) -> str:
    """Figure as SVG inside the page; equal figures give equal bytes."""
    text = io.StringIO()
    kinds = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.hashsalt": "dfprobe"}):
        figure.savefig(text, format="svg", metadata=kinds)
    svg = text.getvalue().partition("<svg")[2]  # what stands before is for a file
    return (
        f'<figure role="img" aria-label="{escape(caption)}">\n<svg{svg}'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )

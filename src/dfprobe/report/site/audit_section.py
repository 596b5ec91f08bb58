"""The audits: key findings, and copies of the pages."""

from collections.abc import Mapping
from html.parser import HTMLParser
from pathlib import Path

from dfprobe.report.markup import link, section, text
from dfprobe.report.site.run_tables import Run


class _Findings(HTMLParser):
    """Collects the items of the list of findings of an audit's page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, bool]] = []
        self._inside = self._item = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "ul" and ("class", "findings") in attrs:
            self._inside = True
        if tag == "li" and self._inside:
            self.found.append(("", ("class", "warns") in attrs))
            self._item = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "li":
            self._item = False
        if tag == "ul":
            self._inside = False

    def handle_data(self, data: str) -> None:
        if self._item:
            words, warns = self.found[-1]
            self.found[-1] = (words + data, warns)


def findings_of(page: str) -> list[tuple[str, bool]]:
    """Sentences of the list of findings of an audit's page, and whether they warn."""
    reader = _Findings()
    reader.feed(page)
    return reader.found


def audit_section(run: Run, pages: Mapping[str, Path]) -> str:
    """Write the section: what each audit warns of, and where its page is.

    Parameters
    ----------
    run : Run
        For the labels.
    pages : mapping of str to Path
        Audit page of each corpus.
    """
    parts = [
        text("What a detector could use instead of the forgery, corpus by corpus.")
    ]
    for corpus, path in pages.items():
        warnings = [w for w, warns in findings_of(path.read_text("utf-8")) if warns]
        parts.append(f"<h3>{link(run.corpus(corpus), f'audit/{corpus}.html')}</h3>")
        parts += [text(f"! {warning}") for warning in warnings]
        parts += [] if warnings else [text("The audit warns of nothing.", quiet=True)]
    return section("audits", "Audits", parts)

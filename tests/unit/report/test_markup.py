"""What templates make of values."""

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from dfprobe.report.markup import Cell, cell, render


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), ("a", "a"), (0, "0"), (1234, "1,234"), (True, "yes"), (False, "no")],
)
def test_a_cell_shows_its_value(value, text):
    assert cell(value) == Cell(text)


def test_classes_of_a_cell_follow_from_what_it_is():
    assert Cell("a").classes(number=False) == ""
    assert Cell("a", shade=71.0, flagged=True).classes(number=True) == "n flag s7"


def test_values_are_escaped_and_results_of_templates_are_not():
    values = {"title": "<b>", "links": [("<i>", "#a")], "scripts": []}
    page = render("explorer.html", **values, rule=Markup("<em>&amp;</em>"))
    assert "<title>&lt;b&gt;</title>" in page
    assert '<a href="#a">&lt;i&gt;</a>' in page
    assert "<em>&amp;</em>" in page


def test_a_value_that_is_missing_is_an_error():
    with pytest.raises(UndefinedError, match="'links' is undefined"):
        render("site_page.html", title="a", scripts=[])

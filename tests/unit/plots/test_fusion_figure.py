"""Figure of correlation and relative improvement."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from matplotlib.patches import Rectangle

from dfprobe.evaluation.tables.fusion_tables import (
    CORRELATION_SCHEMA,
    IMPROVEMENT_SCHEMA,
    SETS_SCHEMA,
    Drawn,
    Tables,
    read_figure,
)
from dfprobe.report.plots.fusion import fusion_figure

ENCODERS = {"a": "Hear", "b": "See", "c": "Noise"}
PAIRS = {
    "a+b": (0.66, 0.05, True),
    "a+c": (-0.2, -0.1, True),
    "b+c": (None, 0.0, False),
}


def rows(train="one", rule="mean", scale=1.0):
    """Rows of the three tables; improvement of x by y is 10 places apart."""
    at = {"train": train, "test": "two"}
    correlation, sets, improvement = [], [], []
    for name, (r, gain, significant) in PAIRS.items():
        first, second = name.split("+")
        one = {"first": first, "second": second, "pearson": r and scale * r}
        correlation.append(dict.fromkeys(CORRELATION_SCHEMA) | at | one)
        tested = {"set": name, "size": 2, "rule": rule, "gain": gain}
        sets.append(
            dict.fromkeys(SETS_SCHEMA) | at | tested | {"significant": significant}
        )
        for row, column in ((first, second), (second, first)):
            value = scale * (10 * ord(row) - ord(column) - 871)
            ratio = {"rule": rule, "row": row, "column": column, "improvement": value}
            area = {"row_auc": 0.5 + (ord(row) - 97) / 10}
            improvement.append(dict.fromkeys(IMPROVEMENT_SCHEMA) | at | ratio | area)
    return correlation, sets, improvement


def tables(*parts):
    schemas = (CORRELATION_SCHEMA, SETS_SCHEMA, IMPROVEMENT_SCHEMA)
    joined = ([row for part in parts for row in part[k]] for k in range(3))
    return Drawn(
        *(pl.DataFrame(r, schema=s) for r, s in zip(joined, schemas, strict=True))
    )


@pytest.fixture
def figure():
    return fusion_figure(tables(rows()), ENCODERS, "one -> two")


def shown(axes):
    """Texts of the cells as a square; empty where there is none."""
    square = [[""] * len(ENCODERS) for _ in ENCODERS]
    for text in axes.texts:
        column, row = text.get_position()
        square[row][column] = text.get_text()
    return square


def test_correlation_is_symmetric_and_says_what_is_undefined(figure):
    assert shown(figure.axes[0]) == [
        ["100", "66", "-20"],
        ["66", "100", "n/a"],
        ["-20", "n/a", "100"],
    ]


def test_rows_are_improved_by_columns(figure):
    assert shown(figure.axes[1]) == [
        ["", "1.0", "0.0"],
        ["12.0", "", "10.0"],
        ["22.0", "21.0", ""],
    ]
    names = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert names == ["Hear  50.0", "See  60.0", "Noise  70.0"]


def test_frames_mark_what_is_significant_and_in_which_direction(figure):
    frames = {
        (
            round(frame.get_y() + 0.45),
            round(frame.get_x() + 0.45),
            frame.get_linestyle(),
        )
        for frame in figure.axes[1].patches
        if isinstance(frame, Rectangle)
    }
    assert frames == {(0, 1, "-"), (1, 0, "-"), (0, 2, ":"), (2, 0, ":")}


def test_colours_are_centred_at_zero(figure):
    for axes in figure.axes[:2]:
        norm = axes.images[0].norm
        assert norm(0.0) == 0.5
        assert norm.vmin == -norm.vmax
    assert np.ma.is_masked(figure.axes[1].images[0].get_array()[0, 0])


def test_the_figure_is_about_one_pair_of_corpora_and_the_mean(tmp_path):
    everything = tables(
        rows(), rows(train="other", scale=2.0), rows(rule="stacked", scale=3.0)
    )
    correlation = everything.correlation.unique(maintain_order=True, keep="first")
    paths = Tables(*(tmp_path / f"{name}.csv" for name in Tables._fields))
    drawn = everything._replace(correlation=correlation.head(6))
    for table, path in zip(drawn, paths, strict=True):
        table.write_csv(path)
    found = read_figure(paths, "one", "two")
    for one, two in zip(found, tables(rows()), strict=True):
        assert one.equals(two)


def test_one_encoder_gives_a_sentence():
    figure = fusion_figure(tables(), {"a": "Hear"}, "one -> two")
    assert figure.axes == []
    assert "at least two encoders" in figure.texts[0].get_text()


def test_nothing_defined_is_drawn_as_such():
    empty = tables()
    figure = fusion_figure(empty, ENCODERS, "one -> two")
    assert shown(figure.axes[1])[0] == ["", "n/a", "n/a"]
    assert shown(figure.axes[0])[0] == ["100", "n/a", "n/a"]


def test_names_do_not_overlap_with_nineteen_encoders():
    names = {f"e{n}": f"AV-HuBERT (V) random {n}" for n in range(19)}
    figure = fusion_figure(tables(), names, "one -> two")
    figure.draw_without_rendering()
    for axes in figure.axes[:2]:
        boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
        assert all(a.y0 > b.y1 for a, b in pairwise(boxes))
        assert min(box.x0 for box in boxes) >= 0
        boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
        assert all(a.x1 < b.x0 for a, b in pairwise(boxes))

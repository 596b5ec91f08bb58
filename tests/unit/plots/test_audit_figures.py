"""Figures of the audit."""

import polars as pl
import pytest

from dfprobe.report.plots.audit import distribution_figure, shortcut_figure


@pytest.fixture
def areas():
    return pl.DataFrame(
        {
            "label": ["length", "silence", "codec"],
            "auc": [0.52, 0.9, 0.5],
            "auc_low": [0.4, 0.8, None],
            "auc_high": [0.6, 0.95, None],
            "shortcut": [False, True, False],
        }
    )


def test_values_are_ordered_and_shortcuts_stand_out(areas):
    axes = shortcut_figure(areas, 0.05).axes[0]
    names = axes.get_yticklabels()
    assert [name.get_text() for name in names] == ["codec", "length", "silence"]
    assert [name.get_fontweight() for name in names] == ["normal", "normal", "bold"]
    points = [line for line in axes.lines if line.get_marker() not in ("None", None)]
    assert [point.get_xdata()[0] for point in points] == [50, 52, 90]
    assert [point.get_marker() for point in points] == ["o", "o", "D"]


def test_an_unknown_interval_has_no_line(areas):
    axes = shortcut_figure(areas, 0.05).axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) == 2]
    ends = [list(line.get_xdata()) for line in lines]
    assert [40, 60] in ends
    assert [80, 95] in ends
    assert len(ends) == 3  # chance is one of them


def numbers(label, **classes):
    return pl.DataFrame(
        [
            {"label": label, "class": name, "number": float(number)}
            for name, values in classes.items()
            for number in values
        ]
    )


def test_a_panel_a_value_with_per_cents_of_each_class():
    table = pl.concat(
        [
            numbers("length, s", real=[1, 2, 3], fake=[3] * 10),
            numbers("width, pixels", real=[224], fake=[224]),
        ]
    )
    figure = distribution_figure(table)
    assert [axes.get_xlabel() for axes in figure.axes] == ["length, s", "width, pixels"]
    for axes in figure.axes:
        assert len(axes.patches) == 2
        for patch in axes.patches:
            assert sum(patch.get_data().values) == pytest.approx(100)


def test_a_far_value_does_not_stretch_the_axis():
    table = numbers("length, s", unknown=[*range(1000), 1e6])
    edges = distribution_figure(table).axes[0].patches[0].get_data().edges
    assert edges[-1] < 1000


def test_equal_bins_for_all_classes():
    table = numbers("length, s", real=range(50), fake=range(100))
    real, fake = distribution_figure(table).axes[0].patches
    assert list(real.get_data().edges) == list(fake.get_data().edges)

from itertools import pairwise

import polars as pl
import pytest
from matplotlib.collections import FillBetweenPolyCollection

from dfprobe.report.plots.layers import layers_figure

CORPORA = {"favc": "FAVC", "av1m": "AV1M", "avlips": "AVLips"}
AREAS = {"0": 0.6, "1": 0.9, "10": 0.7, "mix": 0.8}
WEIGHTS = {"0": 0.2, "1": 0.5, "10": 0.3, "mix": None}


@pytest.fixture
def table():
    return pl.DataFrame(
        [
            {"train": train, "test": test, "layer": layer, "auc": area - less}
            | {"auc_low": area - less - 0.05, "auc_high": area - less + 0.04}
            | {"clips": 40, "mix_weight": WEIGHTS[layer]}
            for less, train in ((0.0, "favc"), (0.1, "av1m"))
            for test in ("av1m", "avlips")
            for layer, area in AREAS.items()
        ]
    )


def lines(axes, dashed):
    """Lines of the layers or of the mix, without that of chance."""
    shown = [line for line in axes.lines if line.get_label().startswith("trained")]
    return [line for line in shown if ("mix" in line.get_label()) == dashed]


def test_a_panel_a_test_corpus_above_the_weights(table):
    *panels, bars = layers_figure(table, CORPORA, "CLIP").axes
    titles = [axes.get_title() for axes in panels]
    assert titles == ["tested on AV1M", "tested on AVLips"]
    assert "per cent" in panels[0].get_ylabel()
    assert "per cent" in bars.get_ylabel()


def test_a_line_a_training_corpus_with_layers_in_order(table):
    panel = layers_figure(table, CORPORA, "CLIP").axes[0]
    favc, av1m = lines(panel, dashed=False)
    assert list(favc.get_xdata()) == [0, 1, 10]
    assert list(favc.get_ydata()) == pytest.approx([60, 90, 70])
    assert list(av1m.get_ydata()) == pytest.approx([50, 80, 60])
    assert favc.get_marker() != av1m.get_marker()


def test_the_mix_is_a_horizontal_line(table):
    panel = layers_figure(table, CORPORA, "CLIP").axes[0]
    heights = [line.get_ydata() for line in lines(panel, dashed=True)]
    assert heights == [pytest.approx([80, 80]), pytest.approx([70, 70])]


def test_the_band_is_the_interval(table):
    panel = layers_figure(table, CORPORA, "CLIP").axes[0]
    [band, _] = [b for b in panel.collections if type(b) is FillBetweenPolyCollection]
    heights = band.get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == pytest.approx((55, 94))


def test_bars_of_two_training_corpora_stand_beside_each_other(table):
    bars = layers_figure(table, CORPORA, "CLIP").axes[-1]
    assert [bar.get_height() for bar in bars.patches] == pytest.approx([20, 50, 30] * 2)
    spans = sorted((bar.get_x(), bar.get_x() + bar.get_width()) for bar in bars.patches)
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(spans))


def test_undefined_areas_are_left_out(table):
    undefined = table.with_columns(
        pl.lit(None, pl.Float64).alias(name) for name in ("auc", "auc_low", "auc_high")
    )
    panel = layers_figure(undefined, CORPORA, "CLIP").axes[0]
    assert lines(panel, dashed=True) == []

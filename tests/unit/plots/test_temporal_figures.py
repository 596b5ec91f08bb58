import io

import numpy as np
import polars as pl
import pytest
from matplotlib.text import Text

from dfprobe.explain.temporal.curves import TimedCurve
from dfprobe.explain.temporal.panels import Panel
from dfprobe.explain.temporal.tables import LEADING_SCHEMA, LOCALISATION_SCHEMA
from dfprobe.rates import RowClock
from dfprobe.report.palette import MODALITIES
from dfprobe.report.plots.leading import leading_figure
from dfprobe.report.plots.localisation import localisation_figure
from dfprobe.report.plots.panels import panels_figure

CORPORA = {"tr": "Train", "te": "Test"}
NAMES = {"head": "linear", "train": "tr", "test": "te"}


@pytest.fixture
def localisation():
    """Eighteen encoders, most of them at nearly the same place."""
    modalities = list(MODALITIES)
    rows = [
        NAMES
        | {"encoder": f"e{i}", "label": f"Encoder {i}", "modality": modalities[i % 3]}
        | {"subset": "both", "auc_clip_mean": 0.5 + 0.001 * i}
        | {"auc_clip_mean_low": 0.4, "auc_clip_mean_high": 0.6}
        | {"classification_auc": 0.99, "classification_low": 0.9}
        for i in range(17)
    ]
    rows.append(rows[0] | {"encoder": "x", "label": "Best", "auc_clip_mean": 0.9})
    rows.append(rows[0] | {"encoder": "y", "label": "No", "auc_clip_mean": None})
    rows.append(rows[0] | {"subset": "audio_only", "label": "Other"})
    return pl.DataFrame(rows, schema=LOCALISATION_SCHEMA)


def boxes(figure, texts):
    figure.savefig(io.BytesIO(), format="png")
    return [Text.get_window_extent(text) for text in texts]  # without its line


def test_a_mark_an_encoder_by_colour_and_shape(localisation):
    [axes] = localisation_figure(localisation, CORPORA, "linear").axes
    marks = {line.get_gid(): line for line in axes.lines if line.get_gid()}
    assert len(marks) == 18 and "Other" not in marks
    best = marks["Best"]
    assert (best.get_xdata()[0], best.get_ydata()[0]) == pytest.approx((99, 90))
    names = ("Encoder 0", "Encoder 1", "Encoder 2")
    for modality, label in zip(MODALITIES, names, strict=True):
        mark = marks[label]
        assert (mark.get_color(), mark.get_marker()) == MODALITIES[modality][:2]


def test_labels_do_not_overlap_and_are_not_cut(localisation):
    figure = localisation_figure(localisation, CORPORA, "linear")
    [axes] = figure.axes
    extents = boxes(figure, axes.texts)
    assert len(extents) == 18
    for place, box in enumerate(extents):
        assert not any(box.overlaps(other) for other in extents[place + 1 :])
        assert figure.bbox.x0 <= box.x0 and box.x1 <= figure.bbox.x1


def test_lines_of_chance(localisation):
    [axes] = localisation_figure(localisation, CORPORA, "linear").axes
    across, up = (line for line in axes.lines if line.get_linestyle() == ":")
    assert across.get_ydata() == up.get_xdata() == [50, 50]
    assert "per cent" in axes.get_xlabel() and "per cent" in axes.get_ylabel()


def test_intervals_are_not_cut(localisation):
    wide = localisation.with_columns(auc_clip_mean_low=pl.lit(0.2))
    [axes] = localisation_figure(wide, CORPORA, "linear").axes
    assert axes.get_ylim()[0] < 20


def test_nothing_to_localise_is_said(localisation):
    figure = localisation_figure(localisation.clear(), CORPORA, "linear")
    assert "No test corpus" in figure.texts[0].get_text()


def test_share_of_the_first_moments_by_class():
    shares = {"real": 0.2, "fake": 0.7, "all": 0.45}
    rows = [
        NAMES
        | {"encoder": "e", "label": "Encoder", "modality": "audio", "class": name}
        | {"share_500ms": share, "even_share_500ms": 0.15}
        for name, share in shares.items()
    ]
    table = pl.DataFrame(rows, schema=LEADING_SCHEMA)
    [axes] = leading_figure(table, CORPORA, "linear").axes
    marks = [(list(line.get_xdata()), line.get_marker()) for line in axes.lines]
    assert marks == [([20], "o"), ([70], "s"), ([15], "|")]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["Encoder"]
    assert axes.get_title() == "Train → Test"


def panel(**more):
    values = np.float32([-20, -1, 0, 2, 20])
    curve = TimedCurve(values, RowClock(25.0, 0.2))
    segments = np.array([[0.24, 0.3]])
    return Panel("a/clip", "Encoder", "audio", curve, segments, 0.75, **more)


def test_a_panel_shows_curve_probability_and_segments():
    figure = panels_figure([panel(spectrogram=np.zeros((64, 40)))], "Corpus")
    above, below, right = figure.axes
    [logits], [chances] = below.patches[1:], right.patches
    values, edges, _ = logits.get_data()
    assert values.tolist() == [-7.5, -1, 0, 2, 7.5]
    np.testing.assert_allclose(edges, 0.2 + np.arange(6) / 25)
    np.testing.assert_allclose(
        chances.get_data().values,
        1 / (1 + np.exp(-2 * np.float64([-20, -1, 0, 2, 20]))),
    )
    red = below.patches[0]
    assert (red.get_x(), red.get_x() + red.get_width()) == pytest.approx((0.24, 0.3))
    assert "75.0" in above.get_title() and "a/clip" in above.get_title()
    assert below.get_xlim() == right.get_xlim() == above.get_xlim() == (0.0, 0.4)


def test_frames_have_letters_at_their_times():
    frame = np.zeros((12, 16, 3), np.uint8)
    figure = panels_figure([panel(frames={0.36: frame, 0.24: frame})], "Corpus")
    above, below, _ = figure.axes
    assert len(above.images) == 2
    times = [line.get_xdata()[0] for line in below.lines if line.get_linestyle() == ":"]
    assert times == [0.24, 0.36]
    assert [text.get_text() for text in below.texts] == ["a", "b"]


def test_what_is_missing_is_said():
    figure = panels_figure([panel(note="There is no sound.")], "Corpus")
    assert figure.axes[0].texts[0].get_text() == "There is no sound."
    none = Panel("a", "Encoder", "audio", None, np.zeros((0, 2)), None, "No rows.")
    assert len(panels_figure([none], "Corpus").axes) == 2  # and no curve
    assert "No fake" in panels_figure([], "Corpus").texts[0].get_text()

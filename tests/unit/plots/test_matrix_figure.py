import numpy as np
import polars as pl
import pytest
from matplotlib.patches import Rectangle

from dfprobe.report.plots.matrix import matrix_figure
from dfprobe.report.plots.save import save

CORPORA = {"favc": "FAVC", "av1m": "AV1M"}


@pytest.fixture
def table():
    return pl.DataFrame(
        {
            "encoder": ["clip", "lfcc", "avh"],
            "label": ["CLIP", "LFCC", "AV-HuBERT"],
            "modality": ["visual", "audio", "audio-visual"],
            "favc->favc": [88.8, 97.1, 100.0],
            "av1m->favc": [60.0, 50.0, None],
            "mean_ood": [60.0, 50.0, None],
        }
    )


def test_cells_show_the_table_grouped_by_modality(table):
    axes = matrix_figure(table, CORPORA).axes[0]
    shown = [text.get_text() for text in axes.texts]
    assert shown[:3] == ["97.1", "50.0", "50.0"]  # audio first
    assert shown[3:6] == ["88.8", "60.0", "60.0"]
    assert shown[6:] == ["100.0", "n/a", "n/a"]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    assert rows == ["[audio]  LFCC", "[visual]  CLIP", "[audio-visual]  AV-HuBERT"]


def test_columns_have_the_labels_of_the_corpora(table):
    axes = matrix_figure(table, CORPORA).axes[0]
    columns = [label.get_text() for label in axes.get_xticklabels()]
    assert columns == ["FAVC\n→ FAVC", "AV1M\n→ FAVC", "mean\nOOD"]


def test_colours_are_centred_at_chance(table):
    image = matrix_figure(table, CORPORA).axes[0].images[0]
    assert image.norm(50.0) == 0.5
    assert (image.norm.vmin, image.norm.vmax) == (0.0, 100.0)
    assert np.ma.is_masked(image.get_array()[2, 1])


def test_in_domain_columns_are_framed(table):
    axes = matrix_figure(table, CORPORA).axes[0]
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert [round(frame.get_x() + frame.get_width() / 2) for frame in frames] == [0]


def test_equal_tables_give_equal_bytes_in_each_format(table, tmp_path):
    for name in ("one", "two"):
        save(matrix_figure(table, CORPORA), tmp_path / name / "matrix.png")
    starts = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}
    for kind, start in starts.items():
        one, two = (tmp_path / name / f"matrix.{kind}" for name in ("one", "two"))
        assert one.read_bytes().startswith(start)
        assert one.read_bytes() == two.read_bytes()
    assert b"CreationDate" not in (tmp_path / "one/matrix.pdf").read_bytes()
    assert len(list((tmp_path / "one").iterdir())) == len(starts)


def test_input_is_left_as_it_was(table):
    before = table.clone()
    matrix_figure(table, CORPORA)
    assert table.equals(before)

import numpy as np
import polars as pl
import pytest
from matplotlib.patches import Ellipse as EllipsePatch

from dfprobe.errors import ClipError
from dfprobe.explain.spatial.measures import overlays as explain_overlays
from dfprobe.explain.spatial.measures.heat import MAP_SCHEMA
from dfprobe.explain.spatial.measures.map_points import Point
from dfprobe.explain.spatial.measures.overlays import (
    LEAST,
    MOST,
    Cell,
    Overlay,
    choose_frames,
    of_main_method,
    read_overlays,
)
from dfprobe.explain.spatial.measures.points import POINT_SCHEMA
from dfprobe.explain.spatial.measures.region import Ellipse
from dfprobe.report.plots.overlays import overlays_figure
from dfprobe.report.plots.save import save
from dfprobe.report.plots.spatial import spatial_figure

CORPORA = {"favc": "FAVC", "exddv": "ExDDV"}
KEYS = {"train": "favc", "test": "favc", "truth": "region"}


def a_row(encoder, method=None, part=None, test="favc", **values):
    """Row of spatial.csv."""
    numbers = {"mae": 0.1, "mae_low": 0.08, "mae_high": 0.12, "hit_rate": 0.5}
    numbers |= {"hit_low": 0.4, "hit_high": 0.7, "share_in_face": 0.6}
    numbers |= {"area_of_face": 0.2, "share_in_region": 0.3, "area_of_region": 0.1}
    names = {"encoder": encoder, "label": encoder.upper(), "method": method}
    return KEYS | names | {"part": part} | numbers | {"test": test} | values


@pytest.fixture
def table():
    return pl.DataFrame(
        [
            a_row("clip", "gradcam", "frame"),
            a_row("clip", "gradxact", "frame", hit_rate=0.25),
            a_row("res", "exact", "face", share_in_region=None, area_of_region=None),
            a_row("res", "exact", "mouth"),
            a_row("frame centre", mae=0.15, hit_rate=0.45),
            a_row("random point", mae=0.26, hit_rate=0.1),
        ],
        infer_schema_length=None,
    )


@pytest.fixture
def confidence():
    rows = [
        {"encoder": encoder, "method": method, "part": part, "score": score}
        | {"test": "favc", "threshold": level, "targets": 40 // (1 + level)}
        | {"mae": 0.2 - level / 100 + (method == "gradxact")}
        for encoder, method, part in [
            ("clip", "gradcam", "frame"),
            ("clip", "gradxact", "frame"),
            ("res", "exact", "face"),
            ("res", "exact", "mouth"),
        ]
        for score in ("clip", "frame")
        for level in range(12)
    ]
    return pl.DataFrame(rows)


def axes_of(table, confidence):
    """Two panels of curves, then three of bars."""
    [block] = spatial_figure(table, confidence, CORPORA).subfigs
    return block.axes


def test_a_curve_an_encoder_and_part_of_its_main_method(table, confidence):
    clip, frame, *_ = axes_of(table, confidence)
    for axes in (clip, frame):
        curves = [line for line in axes.lines if line.get_color() != "#555555"]
        assert len(curves) == 3  # gradxact of CLIP has none
        # Above level 7 fewer than 5 targets are left.
        assert list(curves[0].get_xdata()) == list(range(8))
        assert list(curves[0].get_ydata()) == pytest.approx(
            [0.2 - level / 100 for level in range(8)]
        )
        assert len({line.get_marker() for line in curves}) == 3


def test_baselines_are_lines_across(table, confidence):
    clip, *_ = axes_of(table, confidence)
    lines = [line for line in clip.lines if line.get_color() == "#555555"]
    assert [line.get_ydata()[0] for line in lines] == pytest.approx([0.15, 0.26])
    assert len({line.get_linestyle() for line in lines}) == 2


def test_a_bar_a_map_with_what_chance_reaches(table, confidence):
    *_, hits, region, face = axes_of(table, confidence)
    assert [bar.get_width() for bar in hits.patches] == pytest.approx([50, 25, 50, 50])
    names = [text.get_text() for text in hits.get_yticklabels()]
    assert names[1:3] == ["CLIP, gradxact", "RES, face, exact"]
    assert len(region.patches) == 3  # one is undefined
    ticks = [line.get_xdata()[0] for line in face.lines if line.get_marker() == "|"]
    assert ticks == pytest.approx([20] * 4)
    assert "per cent" in hits.get_xlabel()


def test_an_encoder_without_maps_has_an_empty_curve(table, confidence):
    none = table.with_columns(
        method=pl.when(pl.col("encoder") == "clip").then(None).otherwise("method"),
        part=pl.when(pl.col("encoder") == "clip").then(None).otherwise("part"),
    )
    clip, *_ = axes_of(none, confidence.filter(pl.col("encoder") == "res"))
    assert len([line for line in clip.lines if len(line.get_xdata()) > 2]) == 2


def test_a_block_a_test_corpus(table, confidence):
    more = pl.concat([table, table.with_columns(test=pl.lit("exddv"))])
    figure = spatial_figure(more, confidence, CORPORA)
    titles = [block.get_suptitle() for block in figure.subfigs]
    assert titles[1] == "trained on FAVC, explained on ExDDV"


def test_without_targets_the_figure_says_so(table, confidence):
    figure = spatial_figure(table.clear(), confidence.clear(), CORPORA)
    assert "no test corpus has targets" in figure.texts[0].get_text()


# Overlays


def maps(**clips):
    """Maps of one encoder: clip -> score; its peak is the upper left cell of 4 x 4."""
    heat = [1.0] + 15 * [0.0]
    rows = [
        {"clip_id": clip_id, "label": 1, "frame": frame, "status": "ok"}
        | {"method": method, "part": "frame", "logit": score, "clip_score": score}
        | {"rows": 4, "cols": 4, "heat": heat, "width": 16, "height": 16}
        | {"affine": [16.0, 0.0, 0.0, 0.0, 16.0, 0.0]}
        for clip_id, score in clips.items()
        for frame in (3, 5)
        for method in ("gradcam", "gradxact")
    ]
    return pl.DataFrame(rows, schema=MAP_SCHEMA)


def test_frames_are_the_extremes_of_the_mean_rank():
    first = maps(a=1.0, b=2.0, c=3.0, d=4.0, e=5.0)
    second = maps(a=100.0, b=-9.0, c=-8.0, d=-7.0, e=-6.0)
    # Mean ranks: a 3, b 1.5, c 2.5, d 3.5, e 4.5
    chosen = choose_frames({"x": of_main_method(first), "y": of_main_method(second)})
    assert chosen == [
        ("e", 3, MOST),
        ("d", 3, MOST),
        ("c", 3, LEAST),
        ("b", 3, LEAST),
    ]


def test_clips_that_more_encoders_explain_come_first():
    both, one = maps(a=1.0, b=2.0), maps(b=0.0)
    one = one.filter(pl.col("frame") == 5)
    assert choose_frames({"x": both, "y": one}) == [("b", 5, MOST)]
    assert choose_frames({"x": both.clear()}) == []


def test_overlays_hold_the_maps_of_the_main_method(monkeypatch, tmp_path):
    picture = np.full((16, 16, 3), 99, np.uint8)

    def decode(path, size):
        if path.name == "gone.mp4":
            raise ClipError("missing", "there is no file")
        return (picture[None] + k for k in range(9))

    monkeypatch.setattr(explain_overlays, "frames_at_25fps", decode)
    paths = {"a": tmp_path / "a.mp4", "b": tmp_path / "gone.mp4"}
    point = {"target": 0, "clip_id": "a", "frame": 3, "region": [8.0, 8, 4, 2, 0]}
    points = pl.DataFrame([point, point], schema=POINT_SCHEMA)
    columns, [row] = read_overlays({"x": maps(a=1.0, b=0.0)}, points, paths)
    assert columns == [("x", "frame")]
    assert (row.clip_id, row.rank, row.picture[0, 0, 0]) == ("a", MOST, 102)
    assert row.regions == [Ellipse(8, 8, 4, 2, 0)]
    [cell] = row.cells
    assert cell.peak == pytest.approx((2 / 16, 2 / 16), abs=1 / 16)
    assert cell.heat.max() == 1.0


def overlay():
    heat = np.zeros((20, 40))
    heat[4, 10] = 1.0
    cell = Cell(heat, Point(10.5 / 40, 4.5 / 20), -0.25)
    picture = np.full((20, 40, 3), 128, np.uint8)
    region = Ellipse(30, 10, 6, 4, np.pi / 2)
    return Overlay("x/clip", 7, MOST, picture, [region], [cell, None])


def test_a_panel_a_map_with_peak_and_region():
    figure = overlays_figure(
        [("CLIP", "frame"), ("FSFM", "frame")], [overlay()], "region"
    )
    clip, fsfm = figure.axes[:2]
    assert clip.get_title() == "CLIP"
    assert clip.get_xlabel() == "logit -0.25"
    assert fsfm.get_xlabel() == "no explanation"
    assert "frame 7" in clip.get_ylabel()
    [cross] = clip.lines
    assert (cross.get_xdata()[0], cross.get_ydata()[0]) == pytest.approx((10.5, 4.5))
    for axes in (clip, fsfm):
        [outline] = [p for p in axes.patches if isinstance(p, EllipsePatch)]
        assert outline.center == (30, 10)
        assert (outline.width, outline.height, outline.angle) == (12, 8, 90)
    _, heat = clip.images
    assert heat.get_alpha().max() == pytest.approx(0.75)
    assert heat.get_alpha()[0, 0] == 0.0
    assert len(fsfm.images) == 1


def test_without_frames_the_figure_says_so():
    figure = overlays_figure([], [], None)
    assert "no frame could be explained" in figure.texts[0].get_text()


def test_equal_overlays_give_equal_bytes(tmp_path):
    for name in ("one", "two"):
        save(
            overlays_figure([("A", "face"), ("B", "frame")], [overlay()], None),
            tmp_path / f"{name}.png",
        )
    for kind in ("png", "svg", "pdf"):
        one, two = ((tmp_path / f"{n}.{kind}").read_bytes() for n in ("one", "two"))
        assert one == two

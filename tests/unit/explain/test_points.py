"""Explanations held against clicks and regions, by cases worked out by hand."""

import logging

import av
import h5py
import numpy as np
import polars as pl
import pytest
from spatial_toys import ToyFaces, a_map, failed, lit, maps, target

from dfprobe.corpora.manifest import CLICKS
from dfprobe.errors import DataError
from dfprobe.evaluation.statistics.bootstrap import mean_interval
from dfprobe.explain.spatial.measures.confidence import confidence_table
from dfprobe.explain.spatial.measures.heat import (
    explained_frames,
    frame_sizes,
    read_maps,
)
from dfprobe.explain.spatial.measures.map_points import Point
from dfprobe.explain.spatial.measures.points import (
    FACE_CENTRE,
    FRAME_CENTRE,
    NO_PEAK,
    NO_ROW,
    POINT_SCHEMA,
    RANDOM_POINT,
    TRAINING_POINT,
    measure,
    random_error,
)
from dfprobe.explain.spatial.measures.region import Ellipse
from dfprobe.explain.spatial.measures.tables import (
    Tables,
    make_points,
    read_table,
    spatial_table,
)
from dfprobe.explain.spatial.measures.truth import (
    CLICK_RADIUS,
    Faces,
    click_targets,
    median_click,
    median_region,
    region_targets,
)
from dfprobe.settings.stage_specs.explanations import PointsSpec
from dfprobe.store.crops import INDEX_SCHEMA
from dfprobe.store.files import sha256_of
from typed_specs import typed

LABELS = {"enc": "Encoder", "other": "Other", FRAME_CENTRE: "Frame centre"}
LABELS |= {FACE_CENTRE: "Face centre", TRAINING_POINT: "Median"}
LABELS |= {RANDOM_POINT: "Random"}


def judged(tables, targets, training_point=None, **boxes):
    """Points of some encoders, as the tables are made from."""
    rows = measure(tables, targets, ToyFaces(**boxes), training_point)
    names = {"train": "x", "test": "y", "truth": "region"}
    return pl.DataFrame([row | names for row in rows], schema=POINT_SCHEMA)


def of(points, encoder="enc"):
    """Rows of one encoder or baseline."""
    return points.filter(pl.col("encoder") == encoder).to_dicts()


# One map against one target


def test_error_is_the_mean_of_both_axes():
    table = maps(a_map(heat=lit(1, 2)))  # peak at (25, 15) of 100 x 50
    [row] = of(judged({"enc": table}, [target(x=0.45, y=0.4)]))
    assert (row["x"], row["y"]) == pytest.approx((0.25, 0.3))
    assert row["error"] == pytest.approx((0.2 + 0.1) / 2)
    assert row["hit"] == 0.0


def test_a_map_that_fills_the_region_hits_and_keeps_all_heat_inside():
    disc = target(x=0.55, y=0.5, radius=20.0)
    heat = np.zeros((5, 10))
    heat[2, 5] = heat[2, 4] = heat[2, 6] = (
        1.0  # with slopes 10 beside: x 35..75, y 15..35
    )
    [row] = of(judged({"enc": maps(a_map(heat=heat))}, [disc]))
    assert row["hit"] == 1.0
    assert row["share_in_region"] == pytest.approx(1.0, abs=0.01)
    assert row["error"] == pytest.approx(0.0, abs=1e-9)


def test_chance_is_the_area_of_what_the_map_covers():
    heat = lit(0, 0)
    half = [50.0, 0.0, 50.0, 0.0, 50.0, 0.0]  # the right half of the frame
    tables = {
        "enc": maps(a_map(heat=heat)),
        "other": maps(a_map(heat=heat, affine=half)),
    }
    points = judged(tables, [target(x=0.6, y=0.5, radius=20)], a=[60, 0, 99, 49])
    [whole], [right], [random] = (of(points, n) for n in ("enc", "other", RANDOM_POINT))
    assert whole["area_of_region"] == pytest.approx(np.pi * 400 / 5000, rel=0.02)
    assert whole["area_of_region"] == random["hit"] == random["area_of_region"]
    assert whole["area_of_face"] == random["area_of_face"] == pytest.approx(0.4)
    assert right["area_of_face"] == pytest.approx(0.8)
    assert right["share_in_face"] < 0.05  # the lit cell is at its left edge


def test_heat_counts_from_the_lowest_cell():
    heat = np.full((5, 10), -5.0) + lit(2, 7)  # exact maps are below zero in reals
    [row] = of(judged({"enc": maps(a_map(heat=heat))}, [target(x=0.75, radius=30)]))
    assert (row["x"], row["y"]) == pytest.approx((0.75, 0.5))
    assert row["share_in_region"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("row", "status"),
    [
        (failed(), "no_face"),
        (failed(frame=None), "no_face"),  # the clip as a whole
        (a_map(heat=np.zeros((5, 10))), NO_PEAK),
        (a_map(heat=-np.ones((5, 10)) / 3), NO_PEAK),
        (a_map(frame=7, heat=lit(0, 0)), NO_ROW),
    ],
)
def test_without_an_explanation_the_point_is_the_centre_and_no_hit(row, status):
    tables = {"enc": maps(row), "other": maps(a_map(heat=lit(0, 0)))}
    points = judged(tables, [target(x=0.5, y=0.3, radius=20)])
    [found] = of(points)
    assert (found["status"], found["x"], found["y"]) == (status, 0.5, 0.5)
    assert found["error"] == pytest.approx(0.1)
    assert found["hit"] == 0.0  # though the centre lies in the disc
    assert found["share_in_region"] is None
    [centre] = of(points, FRAME_CENTRE)
    assert centre["hit"] == 1.0


def test_failed_frames_are_counted_not_dropped():
    rows = [a_map("a", k, lit(2, 5)) for k in range(3)] + [failed("b", 0)]
    points = judged(
        {"enc": maps(*rows), "other": maps(a_map("b", 0, lit(2, 5)))},
        [*(target("a", k) for k in range(3)), target("b", 0)],
    )
    [ours, other] = spatial_table(points, LABELS).to_dicts()[:2]
    counts = ("targets", "frames", "clips", "failed")
    assert [ours[name] for name in counts] == [4, 4, 2, 1]
    assert [other[name] for name in counts] == [4, 4, 2, 3]
    assert ours["hit_rate"] == 0.75
    assert other["hit_rate"] == 0.25


def test_an_encoder_that_explains_nothing_keeps_a_row():
    tables = {"enc": maps(failed()), "other": maps(a_map(heat=lit(2, 5)))}
    table = spatial_table(judged(tables, [target()]), LABELS)
    [row] = table.filter(pl.col("encoder") == "enc").to_dicts()
    assert (row["method"], row["failed"], row["hit_rate"]) == (None, 1, 0.0)


def test_methods_and_parts_are_judged_apart():
    rows = [
        a_map(heat=lit(2, 5)),
        a_map(heat=lit(2, 1), method="gradxact"),
        a_map(heat=lit(2, 3), part="mouth"),
    ]
    points = judged({"enc": maps(*rows)}, [target()])
    found = {(r["method"], r["part"]): r["x"] for r in of(points)}
    assert found == pytest.approx(
        {
            ("gradcam", "frame"): 0.55,
            ("gradcam", "mouth"): 0.35,
            ("gradxact", "frame"): 0.15,
        }
    )


# Baselines


def test_baselines_of_one_frame():
    points = judged(
        {"enc": maps(a_map(heat=lit(0, 0)))},
        [target(x=0.5, y=0.3, radius=5)],
        Point(0.5, 0.3),
        a=[40, 10, 59, 29],  # pixels 40..59 and 10..29: their middle is (50, 20)
    )
    [frame], [face], [median] = (
        of(points, name) for name in (FRAME_CENTRE, FACE_CENTRE, TRAINING_POINT)
    )
    assert frame["error"] == pytest.approx(0.1)
    assert (face["x"], face["y"]) == pytest.approx((0.5, 0.4))
    assert face["error"] == pytest.approx(0.05)
    assert (median["error"], median["hit"]) == (0.0, 1.0)


def test_no_face_is_the_centre_and_counts_as_failed():
    points = judged({"enc": maps(a_map(heat=lit(0, 0)))}, [target(x=0.3)])
    [face] = of(points, FACE_CENTRE)
    assert (face["status"], face["x"], face["error"]) == ("no_face", 0.5, 0.1)
    assert not of(points, TRAINING_POINT)


@pytest.mark.parametrize("at", [(0.5, 0.5), (0.1, 0.8), (0.0, 1.0)])
def test_the_random_point_is_the_mean_over_the_frame(at):
    x, y = np.meshgrid(*[(np.arange(400) + 0.5) / 400] * 2)
    error = ((abs(x - at[0]) + abs(y - at[1])) / 2).mean()
    assert random_error(Point(*at)) == pytest.approx(error, abs=1e-5)


def test_the_random_baseline_of_the_protocol():
    # Mean click of the corpus (0.505, 0.363): close to the 0.27 that is expected there.
    assert random_error(Point(0.505, 0.363)) == pytest.approx(0.2594, abs=1e-4)


# Clicks


def manifest(**clicks):
    """Manifest of fakes with clicks (frame, x, y)."""
    rows = [
        {"clip_id": clip_id, "split": "train", "label": 1}
        | {"clicks": [dict(zip(("frame", "x", "y"), c, strict=True)) for c in some]}
        for clip_id, some in clicks.items()
    ]
    return pl.DataFrame(rows, schema_overrides={"clicks": CLICKS})


@pytest.mark.parametrize(
    ("rate", "number", "frame"),
    [(25.0, 57, 57), (30.0, 203, 169), (29.97, 1157, 965), (50.0, 99, 49), (15, 9, 15)],
)
def test_clicks_count_the_frames_of_the_file(rate, number, frame):
    clicked = manifest(a=[(number, 0.4, 0.2)])
    [found] = click_targets(clicked, {"a": [frame]}, {"a": (640, 360)}, {"a": rate})
    assert found.frame == frame
    assert found.point == (0.4, 0.2)
    radius = CLICK_RADIUS * 360
    assert found.region == pytest.approx(Ellipse(256, 72, radius, radius, 0))


def test_a_click_halfway_between_frames_takes_the_explained_one():
    clicked = manifest(a=[(3, 0.4, 0.2)])  # 2.5 frames at 25 a second
    for frame in (2, 3):
        [found] = click_targets(clicked, {"a": [frame, 9]}, {}, {"a": 30.0})
        assert found.frame == frame


def test_every_click_of_an_explained_clip_is_a_target():
    clicked = manifest(a=[(1, 0.1, 0.1), (40, 0.2, 0.2)], b=[(1, 0, 0)], c=[(2, 1, 1)])
    frames = {"a": [1], "c": []}  # frame 40 is past the end, c cannot be read
    found = click_targets(clicked, frames, {"a": (10, 10)}, {"a": 25.0, "c": None})
    assert [(t.clip_id, t.frame) for t in found] == [("a", 1), ("a", 40), ("c", 2)]
    assert found[2].region is None
    rows = {"enc": maps(a_map("a", 1, lit(0, 0)), failed("c", None, "unreadable"))}
    points = judged(rows, found)
    assert [row["status"] for row in of(points)] == ["ok", NO_ROW, "unreadable"]
    assert of(points)[2]["hit"] is None  # its disc is not known either


def test_portrait_frames_measure_the_disc_on_the_short_side():
    clicked = manifest(a=[(0, 0.5, 0.5)])
    tall = {"affine": [40.0, 0, 0, 0, 80.0, 0], "width": 40, "height": 80}
    near, far = (a_map(heat=np.eye(1, 8, at).T, **tall) for at in (4, 5))
    for row, hit in ((near, 1.0), (far, 0.0)):  # 5 and 15 pixels below the click
        table = {"enc": maps(row)}
        sizes = frame_sizes(table)
        targets = click_targets(clicked, explained_frames(table), sizes, {"a": 25.0})
        assert targets[0].region.half_width == pytest.approx(6.0)
        assert of(judged(table, targets))[0]["hit"] == hit


def test_median_click_of_the_training_fakes():
    clicked = manifest(
        a=[(1, 0.1, 0.9), (2, 0.5, 0.2)], b=[(1, 0.6, 0.3)], c=[], d=[(1, 1.0, 1.0)]
    ).with_columns(
        split=pl.when(pl.col("clip_id") == "d").then(pl.lit("test")).otherwise("split")
    )
    assert median_click(clicked) == Point(0.5, 0.3)
    assert median_click(clicked.filter(pl.col("clip_id") == "c")) is None


# Regions of the demo


@pytest.fixture
def truth(tmp_path):
    """Ground truth of clip x/a at 50 frames a second: frame k is centred at (k, 10)."""
    ellipses = np.full((8, 5), np.nan, np.float16)
    for own in range(6):
        ellipses[own] = own, 10, 4, 3, 0
    (tmp_path / "x").mkdir()
    np.savez(tmp_path / "x" / "a.npz", ellipses=ellipses, fps=np.float64(50))
    return tmp_path


def test_regions_are_those_of_the_files_own_frames(truth):
    found = region_targets(truth, {"x/a": [0, 1, 2]}, {"x/a": (40, 20)})
    assert [t.region.x for t in found] == [0.5, 2.5, 4.5]  # pixel 0's centre is 0.5
    assert found[1].point == pytest.approx((2.5 / 40, 10.5 / 20))


def test_frames_without_a_region_are_left_out_and_named(truth, caplog):
    with caplog.at_level(logging.WARNING, "dfprobe"):
        frames = {"x/a": [1, 3, 9], "x/b": [0]}  # untouched, past the end, unread
        found = region_targets(truth, frames, {"x/a": (40, 20)})
    assert [t.frame for t in found] == [1]
    assert "x/a, frame 3; x/a, frame 9; x/b" in caplog.text


def test_median_region_of_the_training_fakes(truth, tmp_path):
    video = tmp_path / "a.mp4"
    with av.open(str(video), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height = 48, 32
        for packet in stream.encode(av.VideoFrame(48, 32, "yuv420p")):
            container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    table = pl.DataFrame(
        {"clip_id": ["x/a"], "path": [str(video)], "split": "train", "label": 1}
    )
    assert median_region(table, truth) == pytest.approx((3.0 / 48, 10.5 / 32))
    video.unlink()
    assert median_region(table, truth) is None


# Tables


def test_the_curve_of_four_frames():
    places = [(2, 5), (2, 3), (2, 1), (2, 8)]  # errors 0.025, 0.075, 0.175, 0.175
    scores = [3.0, 2.0, 2.0, None]
    rows = [
        a_map("abcd"[k], k, lit(*place), logit=float(k), clip_score=score)
        for k, (place, score) in enumerate(zip(places, scores, strict=True))
    ]
    targets = [target("abcd"[k], k) for k in range(4)]
    points = judged({"enc": maps(*rows)}, targets, Point(0.4, 0.5))
    table = confidence_table(points, {"enc": "Encoder"}, TRAINING_POINT)
    columns = ["threshold", "targets", "mae", "training_point_mae"]
    clip = table.filter(pl.col("score") == "clip").select(columns).rows()
    assert clip == [
        pytest.approx((2.0, 3, (0.025 + 0.075 + 0.175) / 3, 0.05)),
        pytest.approx((3.0, 1, 0.025, 0.05)),
    ]
    frame = table.filter(pl.col("score") == "frame").select(columns[:3]).rows()
    assert frame == [
        pytest.approx((0.0, 4, 0.45 / 4)),
        pytest.approx((1.0, 3, 0.425 / 3)),
        pytest.approx((2.0, 2, 0.175)),
        pytest.approx((3.0, 1, 0.175)),
    ]


def test_a_long_curve_keeps_its_ends():
    rows = [a_map("a", k, lit(2, 5), logit=k / 7) for k in range(300)]
    points = judged({"enc": maps(*rows)}, [target("a", k) for k in range(300)])
    table = confidence_table(points, {"enc": "Encoder"}, TRAINING_POINT)
    curve = table.filter(pl.col("score") == "frame")
    assert curve.height == 40
    assert curve["threshold"].to_list()[:: curve.height - 1] == [0.0, 299 / 7]
    assert curve["targets"].to_list()[:: curve.height - 1] == [300, 1]


def test_intervals_draw_clips_not_frames():
    values = np.array([0.0] * 50 + [1.0] * 50)
    as_frames = mean_interval(values, np.arange(100))
    as_clips = mean_interval(values, np.arange(100) // 25)
    assert as_frames.low == pytest.approx(0.4, abs=0.02)
    assert as_clips.low < 0.1 and as_clips.high > 0.9
    assert as_clips == mean_interval(values, np.arange(100) // 25)
    assert mean_interval(values, np.zeros(100, int)) is None
    assert mean_interval(np.zeros(0), np.zeros(0, int)) is None


def test_clips_weigh_as_many_values_as_they_have():
    values = np.array([1.0] * 180 + [0.0] * 20)
    clips = np.array([k // 9 for k in range(180)] + [20 + k for k in range(20)])
    interval = mean_interval(values, clips)
    assert 0.8 < interval.low < 0.9 < interval.high < 0.96


def test_the_table_draws_clips():
    rows = [a_map("a", k, lit(2, 5 - k)) for k in range(3)]
    points = judged({"enc": maps(*rows)}, [target("a", k) for k in range(3)])
    row = spatial_table(points, LABELS).to_dicts()[0]
    assert row["mae"] == pytest.approx((0.025 + 0.025 + 0.075) / 3)
    assert row["mae_low"] is row["hit_high"] is None  # of one clip nothing is known


@pytest.mark.parametrize(
    "change",
    [{"rows": 4}, {"heat": None}, {"affine": [1.0] * 5}, {"frame": None}],
)
def test_maps_that_are_not_whole_are_refused(tmp_path, change):
    path = tmp_path / "maps.parquet"
    maps(a_map() | change).write_parquet(path)
    with pytest.raises(DataError, match=r"clip a, frame (0|None)"):
        read_maps(path)


def test_files_without_a_column_are_refused(tmp_path):
    path = tmp_path / "maps.parquet"
    maps(a_map()).drop("affine").write_parquet(path)
    with pytest.raises(DataError, match="got none named affine"):
        read_maps(path)


# The stage, from files to files


@pytest.fixture
def crops(tmp_path):
    """Crops of the clips a (a face in its first two frames) and b (no video)."""
    index = tmp_path / "crops" / "exddv" / "000.parquet"
    index.parent.mkdir(parents=True)
    rows = [
        {"clip_id": "a", "video_status": "ok", "source_fps": 50.0, "row": 0},
        {"clip_id": "b", "video_status": "unreadable", "source_fps": None, "row": 1},
    ]
    empty = dict.fromkeys(INDEX_SCHEMA)
    empty |= {"detail": ""}
    pl.DataFrame([empty | row for row in rows], schema=INDEX_SCHEMA).write_parquet(
        index
    )
    boxes = np.array([[10, 0, 29, 9], [30, 10, 49, 29], [np.nan] * 4], np.float32)
    with h5py.File(index.with_suffix(".h5"), "w") as file:
        file.attrs["index_sha256"] = sha256_of(index)
        file.create_group("000000")["boxes"] = boxes
        file.create_group("000001")
    return index.with_suffix(".h5")


def test_faces_are_those_of_the_frame(crops):
    faces = Faces([crops])
    assert faces.box("a", 1).tolist() == [30, 10, 49, 29]
    assert faces.box("a", 2) is None  # no face
    assert faces.box("a", 3) is None  # no frame
    assert faces.box("b", 0) is None  # no video
    assert faces.source_fps == {"a": 50.0, "b": None}
    with pytest.raises(DataError, match="no crops hold it"):
        faces.box("c", 0)
    faces.close()


@pytest.fixture
def stage(tmp_path, crops):
    """Run the stage on a corpus with clicks: encoder enc explains a, other nothing."""
    clicked = manifest(
        a=[(2, 0.4, 0.4), (90, 0.9, 0.5)],
        b=[(7, 0.5, 0.1)],
        t=[(1, 0.4, 0.4), (2, 0.4, 0.3), (3, 0.6, 0.1)],
    ).with_columns(
        split=pl.when(pl.col("clip_id") == "t").then("split").otherwise(pl.lit("test"))
    )
    clicked.write_parquet(tmp_path / "exddv.parquet")
    good = maps(a_map("a", 1, lit(2, 4)), failed("b", None, "unreadable"))
    bad = maps(failed("a", 1), failed("b", None, "unreadable"))
    paths = []
    for encoder, table in (("other", bad), ("enc", good)):
        path = tmp_path / "spatial" / encoder / "exddv" / "exddv.parquet"
        path.parent.mkdir(parents=True)
        table.write_parquet(path)
        paths.append(path)

    def run(folder):
        out = Tables(*(tmp_path / folder / f"{name}" for name in Tables._fields))
        spec = {"train": "exddv", "test": ["exddv"], "truth": {}}
        labels = (("enc", "Encoder"), ("other", "Other"))
        encoders = [{"name": name, "label": label} for name, label in labels]
        spec = typed(PointsSpec, spec | {"encoders": encoders})
        make_points(paths, [tmp_path / "exddv.parquet"], [crops], spec, out)
        return out

    return run


def test_clicks_of_a_corpus_from_files_to_tables(stage):
    out = stage("one")
    table = {row["encoder"]: row for row in read_table(out.spatial).to_dicts()}
    # Frame 2 of the file, at 50 a second, is frame 1; 90 was not explained; b failed.
    centre = [(0.1 + 0.1) / 2, (0.4 + 0.0) / 2, (0.0 + 0.4) / 2]
    errors = {
        "enc": [(0.05 + 0.1) / 2, *centre[1:]],
        "other": centre,
        FRAME_CENTRE: centre,
        FACE_CENTRE: [0.0, *centre[1:]],
        TRAINING_POINT: [(0.0 + 0.1) / 2, (0.5 + 0.2) / 2, (0.1 + 0.2) / 2],
        RANDOM_POINT: [0.26, (0.41 + 0.25) / 2, (0.25 + 0.41) / 2],
    }
    assert list(table) == list(errors)
    for name, expected in errors.items():
        assert table[name]["mae"] == pytest.approx(np.mean(expected), abs=1e-6), name
        assert (table[name]["targets"], table[name]["clips"]) == (3, 2)
    failures = {name: row["failed"] for name, row in table.items()}
    assert failures == {"enc": 2, "other": 3, FACE_CENTRE: 2} | dict.fromkeys(
        (FRAME_CENTRE, TRAINING_POINT, RANDOM_POINT), 0
    )
    assert table["enc"]["label"] == "Encoder"
    curve = read_table(out.confidence).filter(pl.col("encoder") == "enc")
    assert set(curve["targets"]) == {1}  # the others have no score


def test_equal_inputs_give_equal_bytes(stage):
    for one, two in zip(stage("one"), stage("two"), strict=True):
        assert one.read_bytes() == two.read_bytes()


def test_a_corpus_without_truth_is_not_measured(stage, tmp_path, caplog):
    path = tmp_path / "exddv.parquet"
    none = pl.read_parquet(path).with_columns(clicks=pl.lit([], CLICKS))
    none.write_parquet(path)
    with caplog.at_level(logging.WARNING, "dfprobe"):
        out = stage("one")
    assert "corpus exddv has neither clicks nor" in caplog.text
    assert read_table(out.spatial).height == 0

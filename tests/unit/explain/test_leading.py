import numpy as np
import polars as pl
import pytest

from dfprobe.explain.temporal.curves import TimedCurve, read_curves
from dfprobe.explain.temporal.leading import (
    lead,
    leading_rows,
    leading_share,
    score_without,
)
from dfprobe.rates import RowClock


def timed(values, rate_hz=25.0):
    return TimedCurve(np.float32(values), RowClock(rate_hz))


def clips_of(labels, silences):
    schema = {"label": pl.Int8, "leading_silence_s": pl.Float64}
    return pl.DataFrame({"label": labels, "leading_silence_s": silences}, schema=schema)


@pytest.mark.parametrize(
    ("rate_hz", "rows"), [(25.0, [3, 5, 13]), (12.5, [2, 3, 7]), (100.0, [10, 20, 50])]
)
def test_rows_that_begin_in_the_window(rate_hz, rows):
    curve = timed(np.zeros(100), rate_hz)
    assert [leading_rows(curve, window) for window in (0.1, 0.2, 0.5)] == rows


def test_share_and_score_by_hand():
    curve = timed(np.log([1, 2, 3, 10, 20, 4]))  # the first three rows in 0.1 s
    assert leading_share(curve, 0.1) == pytest.approx(6 / 40)
    assert score_without(curve, 0.1) == pytest.approx(np.log(34))
    assert score_without(curve, 0.0) == pytest.approx(np.log(40))
    assert np.isnan(score_without(curve, 1.0))
    assert leading_share(curve, 1.0) == 1.0


def test_values_far_from_zero_keep_their_shares():
    curve = timed([-900.0, -900.0, -900.0, -900.0])
    assert leading_share(curve, 0.1) == pytest.approx(3 / 4)


def test_a_score_that_the_start_decides_is_worth_nothing_without_it():
    """Fakes differ from reals in their first two rows alone."""
    rng = np.random.default_rng(0)
    labels = [0, 1] * 20
    curves = []
    for label in labels:
        values = rng.standard_normal(50)
        values[:2] += 9.0 * label
        curves.append(timed(values))
    clips = clips_of(labels, [0.05 * label for label in labels])
    rows = {row["class"]: row for row in lead(clips, np.ones(40, bool), curves)}
    assert rows["fake"]["share_100ms"] > 0.95
    assert rows["real"]["share_500ms"] < 0.5
    assert rows["real"]["even_share_500ms"] == pytest.approx(13 / 50)
    assert rows["all"]["auc"] == 1.0
    assert rows["all"]["auc_without_100ms"] < 0.7
    silent = [rows[name]["leading_silence_share"] for name in ("real", "fake", "all")]
    assert silent == [0.0, 1.0, 0.5]
    assert [rows[name]["clips"] for name in ("real", "fake", "all")] == [20, 20, 40]


def test_clips_that_do_not_count_are_counted():
    labels = [0, 1, 1, 1, 1]
    curves = [timed(np.zeros(40)) for _ in labels]
    curves[1], curves[2] = None, timed(np.zeros(13))  # no row after 0.5 s
    rows = lead(clips_of(labels, [None] * 5), np.array([1, 0, 1, 0, 1], bool), curves)
    real, fake, whole = rows
    assert (real["clips"], real["left_out"]) == (1, 0)
    assert (fake["clips"], fake["left_out"]) == (1, 3)
    assert (whole["clips"], whole["auc"]) == (2, 0.5)


def test_no_numbers_where_there_is_no_clip():
    rows = lead(clips_of([0, 1], [0.1, None]), np.zeros(2, bool), [None, None])
    assert [row["clips"] for row in rows] == [0, 0, 0]
    assert not any("auc" in row or "share_100ms" in row for row in rows)


def test_curves_are_read_in_the_order_of_the_clips(tmp_path):
    path = tmp_path / "curves.parquet"
    curves = [[0.5, 1.5], None, [float("nan"), 1.0], [2.0]]
    schema = {"clip_id": pl.String, "curve": pl.List(pl.Float32)}
    table = pl.DataFrame({"clip_id": list("abcd"), "curve": curves}, schema=schema)
    starts = pl.Series([0.25, None, 0.25, 0.37])
    timed = table.with_columns(rate_hz=pl.lit(50.0), first_row_s=starts)
    timed.write_parquet(path)
    found = read_curves(path, pl.DataFrame({"clip_id": list("dcbax")}))
    assert [curve is None for curve in found] == [False, True, True, False, True]
    assert found[3].values.tolist() == [0.5, 1.5]
    assert found[0].clock == RowClock(50.0, 0.37)
    assert found[3].clock == RowClock(50.0, 0.25)

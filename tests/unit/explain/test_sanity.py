"""Rank correlations of maps with those of controls."""

import numpy as np
import polars as pl
import pytest

from dfprobe.evaluation.statistics.correlation import rank_correlation
from dfprobe.explain.spatial.measures.sanity import sanity_table, write_sanity


def test_the_rank_correlation_by_hand():
    heat = np.array([[1.0, 2.0], [3.0, 40.0]])
    assert rank_correlation(heat, 2 * heat + 1) == pytest.approx(1)
    assert rank_correlation(heat, -heat) == pytest.approx(-1)
    # Ranks 1 2 3 4 and 1 3 2 4: 1 - 6 * 2 / (4 * 15)
    other = np.array([[0.0, 5.0], [4.0, 6.0]])
    assert rank_correlation(heat, other) == pytest.approx(0.8)
    # Ties have their mean rank: 1.5 1.5 3.5 3.5 against 1 2 3 4.
    ties = np.array([[0.0, 0.0], [1.0, 1.0]])
    assert rank_correlation(heat, ties) == pytest.approx(4 / np.sqrt(20))


@pytest.mark.parametrize("other", [np.zeros((2, 2)), np.full((2, 2), np.nan)])
def test_a_map_without_an_order_has_no_correlation(other):
    heat = np.arange(4.0).reshape(2, 2)
    assert rank_correlation(heat, other) is None
    assert rank_correlation(other, heat) is None


@pytest.fixture
def files(tmp_path):
    """Maps of two encoders: those of the first do not change."""
    paths = []
    for encoder, random, shuffled in [
        ("stuck", [0.9, 0.8, None, 0.7], [0.1, 0.2, 0.3, None]),
        ("plain", [None] * 4, [0.0, -0.5, 0.5, 0.6]),
    ]:
        path = tmp_path / encoder / "a" / "b.parquet"
        path.parent.mkdir(parents=True)
        columns = {
            "method": ["exact"] * 3 + ["gradcam"],
            "random_rank": pl.Series(random, dtype=pl.Float64),
            "shuffled_rank": pl.Series(shuffled, dtype=pl.Float64),
        }
        pl.DataFrame(columns).write_parquet(path)
        paths.append(path)
    return paths


def test_the_table_says_which_maps_do_not_change(files):
    table = sanity_table(files)
    assert table.select("encoder", "train", "test").unique(
        maintain_order=True
    ).rows() == [
        ("stuck", "a", "b"),
        ("plain", "a", "b"),
    ]
    wanted = ("encoder", "method", "check", "maps", "median", "unchanged")
    rows = {row[:3]: row[3:] for row in table.select(wanted).iter_rows()}
    assert rows == {
        ("stuck", "exact", "random"): (2, pytest.approx(0.85), True),
        ("stuck", "exact", "shuffled"): (3, pytest.approx(0.2), False),
        ("stuck", "gradcam", "random"): (1, pytest.approx(0.7), True),
        ("plain", "exact", "shuffled"): (3, pytest.approx(0.0), False),
        ("plain", "gradcam", "shuffled"): (1, pytest.approx(0.6), False),
    }
    first = table.row(0, named=True)
    assert (first["p10"], first["p90"]) == pytest.approx((0.81, 0.89))


def test_the_table_is_written_with_four_decimals(files, tmp_path):
    write_sanity(files, tmp_path / "sanity.csv")
    lines = (tmp_path / "sanity.csv").read_text().splitlines()
    assert lines[0] == "encoder,train,test,method,check,maps,median,p10,p90,unchanged"
    assert lines[1] == "stuck,a,b,exact,random,2,0.8500,0.8100,0.8900,true"


def test_no_files_give_an_empty_table():
    assert sanity_table([]).height == 0

"""The table of seeds."""

import polars as pl
import pytest

from dfprobe.errors import DataError
from dfprobe.evaluation.tables.long_table import COUNTS, NUMBERS
from dfprobe.evaluation.tables.seeds import make_seeds

HEADS = {"wide-1": ("wide", 1), "wide-2": ("wide", 2), "linear": ("linear", 43)}


def rows(head, areas, subset="common"):
    return [
        {
            **dict.fromkeys((*COUNTS, *NUMBERS)),
            **{"head": head, "encoder": encoder, "train": "favc", "test": "av1m"},
            **{"subset": subset, "auc": area},
        }
        for encoder, area in zip(("clip", "lfcc"), areas, strict=True)
    ]


@pytest.fixture
def seeds(tmp_path):
    """Write one long table a head, make the table of seeds, read it."""

    def make(tables, heads=HEADS):
        paths = []
        for number, table in enumerate(tables):
            paths.append(tmp_path / f"{number}.csv")
            pl.DataFrame(table, infer_schema_length=None).write_csv(paths[-1])
        out = tmp_path / "seeds.csv"
        make_seeds(paths, heads, out)
        return pl.read_csv(out)

    return make


def test_a_row_an_entry_and_encoder_with_the_spread_over_seeds(seeds):
    table = seeds(
        [
            rows("linear", (0.6, 0.7)) + rows("linear", (0.1, 0.1), "all"),
            rows("wide-1", (0.5, 0.8)),
            rows("wide-2", (0.7, 0.8)),
        ]
    )
    assert table.columns == [
        *("entry", "encoder", "train", "test", "seeds"),
        *("auc_mean", "auc_sd", "auc_min", "auc_max"),
    ]
    assert table.rows() == [
        ("wide", "clip", "favc", "av1m", 2, 0.6, 0.141421, 0.5, 0.7),
        ("wide", "lfcc", "favc", "av1m", 2, 0.8, 0.0, 0.8, 0.8),
        ("linear", "clip", "favc", "av1m", 1, 0.6, None, 0.6, 0.6),
        ("linear", "lfcc", "favc", "av1m", 1, 0.7, None, 0.7, 0.7),
    ]


def test_an_undefined_area_of_one_seed_leaves_the_row_empty(seeds):
    tables = [rows("wide-1", (None, 0.8)), rows("wide-2", (0.7, 0.8))]
    heads = {name: HEADS[name] for name in ("wide-1", "wide-2")}
    table = seeds(tables, heads)
    assert table.row(0) == ("wide", "clip", "favc", "av1m", 2, *[None] * 4)
    assert table.row(1)[-1] == 0.8


def test_heads_that_are_not_asked_for_are_left_out(seeds):
    tables = [rows("linear", (0.6, 0.7)), rows("transformer", (0.6, 0.7))]
    table = seeds(tables, {"linear": ("linear", 43)})
    assert set(table["entry"]) == {"linear"}


def test_a_head_without_a_table_is_named(seeds):
    with pytest.raises(DataError, match="row of head wide-1; found: linear"):
        seeds([rows("linear", (0.6, 0.7))])

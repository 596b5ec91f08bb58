"""Which clips the explorer shows."""

import numpy as np
import polars as pl
import pytest

from dfprobe.report.explorer.choice import choose, wrongness


def clips(*kinds: tuple[int | None, str], each: int = 4) -> pl.DataFrame:
    rows = [
        {"clip_id": f"{name}/{n}", "label": label, "manipulation": name}
        for label, name in kinds
        for n in range(each)
    ]
    return pl.DataFrame(rows, schema_overrides={"label": pl.Int8})


def test_a_clip_is_wrong_by_its_rank_from_the_wrong_end():
    scores = np.array([[-2.0], [3.0], [1.0], [np.nan]])
    wrong = wrongness([0, 0, 1, 1], scores)
    assert wrong == pytest.approx([0.0, 1.0, 0.5, 0.5])


def test_wrongness_is_the_mean_over_probes_and_knows_no_scale():
    scores = np.array([[-2.0, 1e6], [3.0, -1e6], [1.0, 0.0]])
    assert wrongness([0, 1, None], scores) == pytest.approx([0.5, 0.5, 0.5])
    assert wrongness([0, 1, None], scores[:, :1]) == pytest.approx([0, 0, 0.5])


def test_groups_take_turns_and_small_ones_are_whole():
    table = pl.concat(
        [clips((0, "real"), (1, "swap"), each=9), clips((1, "rare"), each=1)]
    )
    chosen = choose(table, np.full(table.height, 0.5), 7)
    counts = [
        sum(c.startswith(name) for c in chosen) for name in ("real", "swap", "rare")
    ]
    assert counts == [3, 3, 1]
    assert chosen == sorted(chosen)


def test_the_worst_of_each_group_is_among_them():
    table = clips((0, "real"), (1, "swap"), (None, "unknown"), each=50)
    wrong = np.random.default_rng(1).uniform(0, 0.9, table.height)
    wrong[[17, 63]] = 1.0
    assert {"real/17", "swap/13"} <= set(choose(table, wrong, 6))


def test_the_order_of_the_list_does_not_matter():
    table = clips((0, "real"), (1, "swap"), each=20)
    wrong = np.linspace(0, 1, table.height)
    assert choose(table, wrong, 8) == choose(table.reverse(), wrong[::-1], 8)


def test_all_are_taken_where_there_are_few_and_none_where_none_are_wanted():
    table = clips((0, "real"))
    wrong = np.zeros(4)
    assert choose(table, wrong, 24) == table["clip_id"].to_list()
    assert choose(table, wrong, 0) == []
    assert choose(table.clear(), wrong[:0], 24) == []

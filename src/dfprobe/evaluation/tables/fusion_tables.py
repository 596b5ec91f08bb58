"""The tables of fusion: their columns, and how they are read."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

COEFFICIENTS = ("pearson", "pearson_low", "pearson_high", "spearman", "kendall")
AREAS = ("auc", "auc_low", "auc_high", "best_single_auc")
GAINS = ("gain", "gain_low", "gain_high")
P_VALUES = ("p_value", "p_holm")
RATIOS = ("improvement", "low", "high", "row_auc", "fused_auc")
_COLUMN = dict.fromkeys(("train", "test"), pl.String)

CORRELATION_SCHEMA = {
    **_COLUMN,
    **dict.fromkeys(("first", "second"), pl.String),
    "clips": pl.Int64,
    **dict.fromkeys(COEFFICIENTS, pl.Float64),
}
SETS_SCHEMA = {
    **_COLUMN,
    "set": pl.String,
    "size": pl.Int64,
    "rule": pl.String,
    "clips": pl.Int64,
    **dict.fromkeys(AREAS[:3], pl.Float64),
    "best_single": pl.String,
    **dict.fromkeys((AREAS[3], *GAINS, *P_VALUES), pl.Float64),
    "significant": pl.Boolean,
    "note": pl.String,
}
IMPROVEMENT_SCHEMA = {
    **_COLUMN,
    **dict.fromkeys(("rule", "row", "column"), pl.String),
    **dict.fromkeys(RATIOS, pl.Float64),
}


class Tables(NamedTuple):
    """Files that `dfprobe.evaluation.tables.fusion.make_fusion` writes."""

    # one row for every two encoders and train -> test pair, see
    # `dfprobe.evaluation.tables.fusion_correlation`
    correlation: Path
    # one row per train -> test pair, rule and set: its AUC and what it gains over its
    # best member, by DeLong's paired test. ``p_holm`` is adjusted for all sets of one
    # train -> test pair and rule. Numbers are empty where they are undefined, and
    # ``note`` says why.
    sets: Path
    # one row per train -> test pair, rule and ordered pair of encoders: the relative
    # improvement of ``row`` by ``column`` in per cent
    improvement: Path


class Drawn(NamedTuple):
    """Rows of the tables for one train -> test pair and one rule."""

    correlation: pl.DataFrame
    sets: pl.DataFrame
    improvement: pl.DataFrame


def read_figure(paths: Tables, train: str, test: str) -> Drawn:
    """Read what the figure shows: the rows of one train -> test pair, rule ``mean``."""
    schemas = (CORRELATION_SCHEMA, SETS_SCHEMA, IMPROVEMENT_SCHEMA)
    correlation, sets, improvement = (
        read_fusion(path, schema).filter(train=train, test=test)
        for path, schema in zip(paths, schemas, strict=True)
    )
    return Drawn(correlation, sets.filter(rule="mean"), improvement.filter(rule="mean"))


def read_fusion(path: Path, schema: Mapping[str, Any]) -> pl.DataFrame:
    """Read a table of fusion; ``schema`` is one of the three above."""
    return pl.read_csv(path, schema=schema)

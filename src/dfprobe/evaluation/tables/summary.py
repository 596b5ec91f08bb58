"""The small tables of a run's summary, in per cent: what stands out, and silence."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.evaluation.tables.corpus_scores import leading_silence
from dfprobe.products import ScoreKey, manifest_corpus, shard_corpus
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.tables import MatrixSpec
from dfprobe.store.parquet import read_parquet

HIGH_PER_CENT = 80.0
CHANCE_PER_CENT = (45.0, 55.0)
_CELL = ["encoder", "train", "test"]


def extremes(matrix: pl.DataFrame) -> pl.DataFrame:
    """Count each encoder's high cells and those near chance in `read_matrix`."""
    cells = matrix.drop("modality", "mean_ood").unpivot(
        index=["encoder", "label"], variable_name="pair", value_name="per_cent"
    )
    value, pair = pl.col("per_cent"), pl.col("pair")
    table = cells.group_by("encoder", "label", maintain_order=True).agg(
        (value > HIGH_PER_CENT).sum().alias(f"above {HIGH_PER_CENT:.0f}"),
        value.is_between(*CHANCE_PER_CENT).sum().alias("near chance"),
        value.max().alias("highest"),
        pair.get(value.arg_max()).alias("where"),
        value.min().alias("lowest"),
        pair.get(value.arg_min()).alias("where lowest"),
    )
    return table.drop("encoder")


def silence_effect(long: pl.DataFrame, spec: MatrixSpec) -> pl.DataFrame:
    """AUC of audio encoders on fakes with and without leading silence, all reals.

    ``long`` is one head of ``xdata_long.csv``. There is no row where a pair of corpora
    lacks one of the two kinds of fakes.
    """
    audio = [entry.name for entry in spec.encoders if entry.modality != "visual"]
    subsets = ["leading_silence", "no_leading_silence"]
    wide = (
        long.filter(pl.col("subset").is_in(subsets), pl.col("encoder").is_in(audio))
        .with_columns(pl.col("auc") * 100)
        .pivot("subset", on_columns=subsets, index=_CELL, values="auc")
        .drop_nulls()
    )
    weights = {entry.name: entry.weights for entry in spec.encoders}
    silent, other = map(pl.col, subsets)
    return wide.select(
        _label(spec),
        pl.col("encoder")
        .replace_strict(weights, return_dtype=pl.String)
        .alias("weights"),
        pl.format("{}->{}", "train", "test").alias("pair"),
        silent.alias("with silence"),
        other.alias("without"),
        (silent - other).alias("difference"),
    )


def trimming_effect(long: pl.DataFrame, spec: MatrixSpec) -> pl.DataFrame | None:
    """AUC of the encoders whose clips are trimmed, and that on whole clips.

    For all fakes and those that begin with silence, with the difference; None without
    trimmed encoders. Arguments as for `silence_effect`.
    """
    whole = {e.name: e.untrimmed for e in spec.encoders if e.untrimmed is not None}
    if not whole:
        return None
    areas = (
        long.filter(pl.col("subset").is_in(["common", "leading_silence"]))
        .with_columns(pl.col("auc") * 100)
        .pivot("subset", index=_CELL, values="auc")
    )
    trimmed = areas.filter(pl.col("encoder").is_in(list(whole))).with_columns(
        pl.col("encoder").replace_strict(whole).alias("untrimmed")
    )
    both = trimmed.join(
        areas,
        left_on=["untrimmed", "train", "test"],
        right_on=_CELL,
        suffix=" whole",
        maintain_order="left",
    )
    return both.select(
        _label(spec),
        pl.format("{}->{}", "train", "test").alias("pair"),
        *_beside("common", "all fakes"),
        *_beside("leading_silence", "silent fakes"),
    )


def means(table: pl.DataFrame, by: Sequence[str]) -> pl.DataFrame:
    """Mean of the numbers over the pairs of corpora, with the number of pairs."""
    return table.group_by(by, maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("pairs"), pl.col(pl.Float64).mean()
    )


def silence_alone(
    manifests: Sequence[Path], crop_indexes: Sequence[Path]
) -> pl.DataFrame:
    """AUC of the duration of the leading silence as the score of the test clips.

    Columns ``corpus, clips, AUC``; null where the clips are of one class.
    """
    silence = leading_silence(crop_indexes)
    rows = []
    for path in manifests:
        corpus = manifest_corpus(path)
        clips = read_parquet(path, columns=["clip_id", "split", "label"])
        heard = (
            clips.filter(pl.col("split") == "test")
            .join(silence.filter(pl.col("corpus") == corpus), on="clip_id")
            .drop_nulls(["label", "leading_silence_s"])
        )
        labels = heard["label"].to_numpy()
        both = set(labels.tolist()) == {0, 1}
        area = auc(labels, heard["leading_silence_s"].to_numpy()) if both else None
        rows.append({"corpus": corpus, "clips": labels.size, "AUC": area})
    table = pl.DataFrame(rows, schema_overrides={"AUC": pl.Float64})
    return table.with_columns(pl.col("AUC") * 100)


def coverage(long: pl.DataFrame, test: Sequence[str]) -> pl.DataFrame:
    """Share of the labelled test clips that got a score, per test corpus.

    Columns ``test, clips, real, fake`` (common clips), ``common``, ``lowest encoder``,
    ``highest encoder``.
    """
    share = pl.col("coverage") * 100
    own = (
        long.filter(pl.col("subset") == "all")
        .group_by("test")
        .agg(share.min().alias("lowest encoder"), share.max().alias("highest encoder"))
    )
    common = (
        long.filter(pl.col("subset") == "common")
        .unique("test")
        .select("test", "clips", "real", "fake", share.alias("common"))
    )
    return common.join(own, on="test").sort(pl.col("test").cast(pl.Enum(test)))


def failed_crops(crop_indexes: Sequence[Path]) -> pl.DataFrame:
    """Count the clips that failed while cropping: ``corpus, reason, clips``."""
    tables = [
        read_parquet(path, columns=["status"]).select(
            pl.lit(shard_corpus(path)).alias("corpus"), "status"
        )
        for path in crop_indexes
    ]
    return _failures(tables, pl.len().alias("clips"))


def failed_scores(scores: Sequence[Path], encoders: int) -> pl.DataFrame:
    """Count the test clips without a score, and the encoders affected, by reason."""
    tables = [
        read_parquet(path, columns=["clip_id", "status"]).select(
            pl.lit(ScoreKey.of(path).test).alias("corpus"),
            pl.lit(ScoreKey.of(path).encoder).alias("encoder"),
            "clip_id",
            "status",
        )
        for path in scores
    ]
    return _failures(
        tables,
        pl.col("clip_id").n_unique().alias("clips"),
        pl.col("encoder").n_unique().alias(f"encoders (of {encoders})"),
    )


def _failures(tables: Sequence[pl.DataFrame], *counts: pl.Expr) -> pl.DataFrame:
    failed = pl.concat(tables).filter(pl.col("status") != "ok")
    groups = failed.group_by("corpus", pl.col("status").alias("reason"))
    return groups.agg(*counts).sort("corpus", "reason")


def _label(spec: MatrixSpec) -> pl.Expr:
    named = labels(spec.encoders)
    return (
        pl.col("encoder").replace_strict(named, return_dtype=pl.String).alias("label")
    )


def _beside(subset: str, name: str) -> list[pl.Expr]:
    whole, trimmed = pl.col(f"{subset} whole"), pl.col(subset)
    return [
        whole.alias(f"{name}: whole"),
        trimmed.alias(f"{name}: trimmed"),
        (trimmed - whole).alias(f"{name}: difference"),
    ]

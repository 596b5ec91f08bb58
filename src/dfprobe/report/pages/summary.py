"""The report of a run in plain sentences: ``summary.md``."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from dfprobe.evaluation.statistics.metrics import auc
from dfprobe.evaluation.tables.corpus_scores import leading_silence
from dfprobe.evaluation.tables.matrix import read_long, read_matrix
from dfprobe.evaluation.tables.subsets import LEADING_SILENCE_S
from dfprobe.products import ScoreKey
from dfprobe.settings.stage_specs.labels import labels
from dfprobe.settings.stage_specs.tables import MatrixSpec
from dfprobe.store.files import write_whole
from dfprobe.store.parquet import read_parquet

HIGH_PER_CENT = 80.0
CHANCE_PER_CENT = (45.0, 55.0)


def write_summary(
    matrix_csv: Path,
    long_csv: Path,
    manifests: Sequence[Path],
    crop_indexes: Sequence[Path],
    scores: Sequence[Path],
    spec: MatrixSpec,
    out: Path,
) -> None:
    """Write the report of the run as Markdown.

    Parameters
    ----------
    matrix_csv, long_csv : Path
        Products of `dfprobe.evaluation.tables.matrix.make_matrix`.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of the test corpora.
    crop_indexes : sequence of Path
        ``.../{corpus}/{shard}.parquet`` of the test corpora.
    scores : sequence of Path
        Score files that the matrix was made from: those of its head.
    spec : MatrixSpec
        That of the matrix; each encoder also has ``weights`` (``random``, ``none``, or
        where they come from), and ``untrimmed``, the same encoder on whole clips, where
        its own are trimmed.
    out : Path
        Markdown file to write.
    """
    matrix = read_matrix(matrix_csv)
    long = read_long(long_csv).filter(head=spec.heads[0].name)
    sections = [
        "# Cross-corpus results",
        _matrix_section(matrix, spec),
        _cells_section(matrix),
        _silence_section(long, spec),
        *_trimmed_section(long, spec),
        _silence_alone_section(manifests, crop_indexes),
        _coverage_section(long, spec),
        _failures_section(scores, crop_indexes, spec),
    ]
    with write_whole(out) as draft:
        draft.write_text("\n\n".join(sections) + "\n")


def markdown_table(table: pl.DataFrame) -> str:
    """Format a table as Markdown: text left, numbers right and with one decimal."""
    rules = [":--" if dtype == pl.String else "--:" for dtype in table.dtypes]
    rows = [table.columns, rules, *table.rows()]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)


def _matrix_section(matrix: pl.DataFrame, spec: MatrixSpec) -> str:
    controls = [entry.label for entry in spec.encoders if entry.weights == "random"]
    text = (
        f"AUC in per cent of the head {spec.heads[0].name}, train->test, on the "
        "test clips that every encoder could score. mean_ood is the mean over the "
        "pairs of different corpora."
    )
    if controls:
        text += (
            f" {_listed(controls)} {_have(controls)} random weights: a control that "
            "shows what is found without any pre-training."
        )
    return f"## Matrix\n\n{text}\n\n{markdown_table(matrix.drop('encoder'))}"


def _cells_section(matrix: pl.DataFrame) -> str:
    """Count each encoder's high cells and cells near chance."""
    cells = matrix.drop("modality", "mean_ood").unpivot(
        index=["encoder", "label"], variable_name="pair", value_name="per_cent"
    )
    low, top = CHANCE_PER_CENT
    value, pair = pl.col("per_cent"), pl.col("pair")
    table = cells.group_by("encoder", "label", maintain_order=True).agg(
        (value > HIGH_PER_CENT).sum().alias(f"above {HIGH_PER_CENT:.0f}"),
        value.is_between(low, top).sum().alias("near chance"),
        value.max().alias("highest"),
        pair.get(value.arg_max()).alias("where"),
        value.min().alias("lowest"),
        pair.get(value.arg_min()).alias("where lowest"),
    )
    return (
        "## What stands out\n\n"
        f"Of the {cells['pair'].n_unique()} cells of each encoder, how many are above "
        f"{HIGH_PER_CENT:.0f} and how many near chance ({low:.0f} to {top:.0f}), and "
        "its highest and lowest cell.\n\n" + markdown_table(table.drop("encoder"))
    )


def _silence_section(long: pl.DataFrame, spec: MatrixSpec) -> str:
    """AUC of the encoders that hear, on fakes with and without leading silence."""
    hearing = [entry.name for entry in spec.encoders if entry.modality != "visual"]
    subsets = ["leading_silence", "no_leading_silence"]
    wide = (
        long.filter(pl.col("subset").is_in(subsets), pl.col("encoder").is_in(hearing))
        .pivot("subset", index=["encoder", "train", "test"], values="auc")
        .drop_nulls()
    )
    milliseconds = f"{1000 * LEADING_SILENCE_S:.0f} ms"
    text = (
        f"AUC in per cent on fakes that begin with at least {milliseconds} of silence, "
        "on the other fakes, and the difference; all reals in both. A large difference "
        "says that the probe hears the silence rather than the manipulation."
    )
    title = "## Leading silence\n\n"
    if wide.is_empty():
        return f"{title}No test corpus has fakes both with and without leading silence."
    named = labels(spec.encoders)
    weights = {entry.name: entry.weights for entry in spec.encoders}
    silent, other = (pl.col(name) * 100 for name in subsets)
    table = wide.select(
        pl.col("encoder").replace_strict(named).alias("label"),
        pl.col("encoder").replace_strict(weights).alias("weights"),
        pl.format("{}->{}", "train", "test").alias("pair"),
        silent.alias("with silence"),
        other.alias("without"),
        (silent - other).alias("difference"),
    )
    means = table.group_by("label", "weights", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("pairs"),
        pl.col("with silence", "without", "difference").mean(),
    )
    parts = [title + text, "Means over the pairs:", markdown_table(means)]
    parts += [_silence_sentence(means), "By pair:", markdown_table(table)]
    return "\n\n".join(part for part in parts if part)


def _silence_sentence(means: pl.DataFrame) -> str:
    """Say which encoders without any training profit from the silence."""
    random = means.filter(pl.col("weights") == "random")
    profiting = random.filter(pl.col("difference") > 0).select("label", "difference")
    if profiting.is_empty():
        return ""
    gains = [f"{label} (+{gain:.1f} points)" for label, gain in profiting.iter_rows()]
    return (
        f"With random weights, {_listed(gains)} {_score(gains)} higher on fakes that "
        "begin with silence: that part of an audio encoder's AUC needs nothing learned."
    )


def _trimmed_section(long: pl.DataFrame, spec: MatrixSpec) -> list[str]:
    """AUC of the encoders whose clips are trimmed, beside that on whole clips."""
    whole = {
        entry.name: entry.untrimmed
        for entry in spec.encoders
        if entry.untrimmed is not None
    }
    if not whole:
        return []
    column = ["encoder", "train", "test"]
    areas = (
        long.filter(pl.col("subset").is_in(["common", "leading_silence"]))
        .with_columns(pl.col("auc") * 100)
        .pivot("subset", index=column, values="auc")
    )
    trimmed = areas.filter(pl.col("encoder").is_in(list(whole))).with_columns(
        pl.col("encoder").replace_strict(whole).alias("untrimmed")
    )
    both = trimmed.join(
        areas,
        left_on=["untrimmed", "train", "test"],
        right_on=column,
        suffix=" whole",
        maintain_order="left",
    )
    named = labels(spec.encoders)
    table = both.select(
        pl.col("encoder").replace_strict(named).alias("label"),
        pl.format("{}->{}", "train", "test").alias("pair"),
        *_beside("common", "all fakes"),
        *_beside("leading_silence", "silent fakes"),
    )
    means = table.group_by("label", maintain_order=True).agg(
        pl.len().cast(pl.Int64).alias("pairs"), pl.col(pl.Float64).mean()
    )
    text = (
        "AUC in per cent of an encoder on whole clips and of the same encoder on clips "
        "whose leading silence is cut before it sees them, on all fakes and on those "
        "that begin with silence. The rule is that of AVH-Align: with the silence, up "
        "to 40 ms of what follows are cut."
    )
    parts = [f"## Trimmed clips\n\n{text}", "Means over the pairs:"]
    parts += [markdown_table(means), "By pair:", markdown_table(table)]
    return ["\n\n".join(parts)]


def _beside(subset: str, name: str) -> list[pl.Expr]:
    whole, trimmed = pl.col(f"{subset} whole"), pl.col(subset)
    return [
        whole.alias(f"{name}: whole"),
        trimmed.alias(f"{name}: trimmed"),
        (trimmed - whole).alias(f"{name}: difference"),
    ]


def _silence_alone_section(
    manifests: Sequence[Path], crop_indexes: Sequence[Path]
) -> str:
    """AUC of the duration of the leading silence as the only cue."""
    silence = leading_silence(crop_indexes)
    rows = []
    for path in manifests:
        corpus = path.stem
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
    table = table.with_columns(pl.col("AUC") * 100)
    return (
        "## Leading silence alone\n\nAUC in per cent when the duration of the leading "
        "silence is the score (no encoder, no training); 50 is chance.\n\n"
        + markdown_table(table)
    )


def _coverage_section(long: pl.DataFrame, spec: MatrixSpec) -> str:
    """Share of the labelled test clips that were scored."""
    own = (
        long.filter(pl.col("subset") == "all")
        .group_by("test")
        .agg(
            pl.col("coverage").min().alias("lowest encoder"),
            pl.col("coverage").max().alias("highest encoder"),
        )
    )
    common = (
        long.filter(pl.col("subset") == "common")
        .unique("test")
        .select("test", "clips", "real", "fake", pl.col("coverage").alias("common"))
    )
    names = ["common", "lowest encoder", "highest encoder"]
    order = pl.Enum(spec.test)
    table = (
        common.join(own, on="test")
        .sort(pl.col("test").cast(order))
        .with_columns(pl.col(names) * 100)
    )
    return (
        "## Coverage\n\nThe test clips that every encoder could score are compared. "
        "Then the share in per cent of all labelled test clips: that of these common "
        "clips, and of the clips that the least and the most covering encoder could "
        "score."
        f"\n\n{markdown_table(table)}"
    )


def _failures_section(
    scores: Sequence[Path], crop_indexes: Sequence[Path], spec: MatrixSpec
) -> str:
    """Clips that failed, by reason: while cropping (all splits), and when scored."""
    crops = [
        read_parquet(path, columns=["status"]).select(
            pl.lit(path.parent.name).alias("corpus"), "status"
        )
        for path in crop_indexes
    ]
    encoders = len(spec.encoders)
    cropped = _failures(crops, pl.len().alias("clips"))
    scored = _failures(
        [
            read_parquet(path, columns=["clip_id", "status"]).select(
                pl.lit(ScoreKey.of(path).test).alias("corpus"),
                pl.lit(ScoreKey.of(path).encoder).alias("encoder"),
                "clip_id",
                "status",
            )
            for path in scores
        ],
        pl.col("clip_id").n_unique().alias("clips"),
        pl.col("encoder").n_unique().alias(f"encoders (of {encoders})"),
    )
    parts = [
        "## Failed clips",
        "While cropping, all splits; an encoder that does not need what failed still "
        "reads the clip:",
        cropped,
        "Test clips without a score, by the reason and the number of encoders "
        "concerned:",
        scored,
    ]
    return "\n\n".join(parts)


def _failures(tables: list[pl.DataFrame], *counts: pl.Expr) -> str:
    failed = pl.concat(tables).filter(pl.col("status") != "ok")
    if failed.is_empty():
        return "None."
    groups = failed.group_by("corpus", pl.col("status").alias("reason"))
    return markdown_table(groups.agg(*counts).sort("corpus", "reason"))


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:z.1f}" if isinstance(value, float) else str(value)  # no "-0.0"


def _listed(names: list[str]) -> str:
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _score(names: list[str]) -> str:
    return "score" if len(names) > 1 else "scores"


def _have(names: list[str]) -> str:
    return "have" if len(names) > 1 else "has"

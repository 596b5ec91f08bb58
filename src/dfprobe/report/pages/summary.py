"""The report of a run in plain sentences: ``summary.md``."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from dfprobe.evaluation.tables import summary as tables
from dfprobe.evaluation.tables.matrix import pairs, read_long, read_matrix
from dfprobe.evaluation.tables.subsets import LEADING_SILENCE_S
from dfprobe.report.markup import render
from dfprobe.settings.stage_specs.tables import MatrixSpec
from dfprobe.store.files import write_whole


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
        Products of `dfprobe.evaluation.tables.matrix.make_matrix`, to which ``spec``
        belongs.
    manifests, crop_indexes : sequence of Path
        Of the test corpora.
    scores : sequence of Path
        Score files that the matrix was made from: those of its head.
    out : Path
        Markdown file to write.
    """
    matrix = read_matrix(matrix_csv)
    long = read_long(long_csv).filter(head=spec.heads[0].name)
    silence = tables.silence_effect(long, spec)
    means = tables.means(silence, ["label", "weights"])
    trimmed = tables.trimming_effect(long, spec)
    low, top = tables.CHANCE_PER_CENT
    text = render(
        "summary.md",
        head=spec.heads[0].name,
        controls=_with_verb(
            [entry.label for entry in spec.encoders if entry.weights == "random"],
            ("has", "have"),
        ),
        matrix=markdown_table(matrix.drop("encoder")),
        cells=len(pairs(spec.train, spec.test)),
        high=f"{tables.HIGH_PER_CENT:.0f}",
        low=f"{low:.0f}",
        top=f"{top:.0f}",
        extremes=markdown_table(tables.extremes(matrix)),
        silence_ms=f"{1000 * LEADING_SILENCE_S:.0f}",
        silence="" if silence.is_empty() else markdown_table(silence),
        silence_means=markdown_table(means),
        gains=random_gains(means),
        trimmed=None if trimmed is None else markdown_table(trimmed),
        trimmed_means=None
        if trimmed is None
        else markdown_table(tables.means(trimmed, ["label"])),
        silence_alone=markdown_table(tables.silence_alone(manifests, crop_indexes)),
        coverage=markdown_table(tables.coverage(long, spec.test)),
        failed_crops=_or_none(tables.failed_crops(crop_indexes)),
        failed_scores=_or_none(tables.failed_scores(scores, len(spec.encoders))),
    )
    with write_whole(out) as draft:
        draft.write_text(text, encoding="utf-8")


def markdown_table(table: pl.DataFrame) -> str:
    """Format a table as Markdown: text left, numbers right and with one decimal."""
    rules = [":--" if dtype == pl.String else "--:" for dtype in table.dtypes]
    rows = [table.columns, rules, *table.rows()]
    return "\n".join("| " + " | ".join(map(_cell, row)) + " |" for row in rows)


def random_gains(means: pl.DataFrame) -> str:
    """Name the encoders with random weights that score higher on silent fakes.

    From ``label, weights, difference`` (in points) such as ``A (+1.0 points) and B
    (+2.0 points) score``; empty if there is none.
    """
    random = means.filter(pl.col("weights") == "random", pl.col("difference") > 0)
    gains = [
        f"{label} (+{gain:.1f} points)"
        for label, gain in random.select("label", "difference").iter_rows()
    ]
    return _with_verb(gains, ("scores", "score"))


def _with_verb(names: Sequence[str], verbs: tuple[str, str]) -> str:
    """List names, followed by the verb for one or for several of them."""
    if not names:
        return ""
    if len(names) == 1:
        return f"{names[0]} {verbs[0]}"
    return f"{', '.join(names[:-1])} and {names[-1]} {verbs[1]}"


def _or_none(table: pl.DataFrame) -> str:
    return "None." if table.is_empty() else markdown_table(table)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:z.1f}" if isinstance(value, float) else str(value)  # no "-0.0"

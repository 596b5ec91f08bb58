"""The page of the comparison with the paper: one HTML file that needs nothing else."""

from typing import Any

import polars as pl

from dfprobe.report.html import (
    Flagged,
    bullets,
    document,
    html_table,
    notices,
    paragraph,
)

COMPARED, NOT_RUN, NOT_MEANT = "compared", "not run", "does not apply"

_TITLE = "The paper's values beside ours"
_ABOUT = {
    "Table 2": "Linear probe, AUC in per cent, by training and test corpus.",
    "Table 2 two decimals": "Some values of Table 2 with one more digit.",
    "Table 3": "Probes beside published detectors, AUC in per cent.",
    "Table 4": "Supervised probe, next-token prediction and synchronisation, AUC in "
    "per cent.",
    "Figure 2": "Detection (AUC) and localisation (mean AUC over the frames of a "
    "clip) of partial fakes, in per cent.",
    "Figure 3": "Clip scores of the examples.",
    "Figure 4 left": "Error of spatial explanations against people's clicks.",
    "Figure 4 right": "The examples: score and error of the explanation.",
    "Section 4 text": "Probe on ExDDV, AUC in per cent.",
    "Figure 5 left": "Correlation of two probes' scores, in per cent.",
    "Figure 5 middle": "AUC of each probe, in per cent.",
    "Figure 5 right": "Relative gain in AUC, in per cent, from fusion with another "
    "probe.",
}
_MARKS = {"yes": "✓ ", "no": "✗ ", None: ""}


def paper_page(table: pl.DataFrame, demo: bool) -> str:
    """Write the page.

    Parameters
    ----------
    table : pl.DataFrame
        As in ``paper_comparison.csv``; ``ours, low, high`` as Float64.
    demo : bool
        Whether all corpora of the run are demo corpora.

    Returns
    -------
    str
        HTML with its style inside; it loads nothing.
    """
    parts = [
        f"<h1>{_TITLE}</h1>",
        paragraph(
            "Investigating self-supervised representations for audio-visual deepfake "
            "detection, arXiv 2511.17181.",
            quiet=True,
        ),
        *(_why_not() if demo else _summary(table)),
    ]
    for (name,), values in table.group_by("table", maintain_order=True):
        parts += _section(str(name), values)
        parts += [] if demo else _reasons(values)
    if not demo:
        parts += _method()
    return document(_TITLE, parts, wide=True)


def _why_not() -> list[str]:
    sentences = [
        (
            "The comparison does not apply to this run: all its corpora are demo "
            "corpora, drawn and spoken by a program, and have no clip in common with "
            "the paper's.",
            True,
        ),
        (
            "Below stand the paper's values alone. A run on the paper's corpora "
            "(config/paper.yaml) puts its own beside them.",
            False,
        ),
    ]
    return [notices(sentences)]


def _summary(table: pl.DataFrame) -> list[str]:
    counts = table.group_by("table", maintain_order=True).agg(
        pl.len().alias("values"),
        (pl.col("state") == COMPARED).sum().alias(COMPARED),
        (pl.col("inside") == "yes").sum().alias("✓ inside"),
        (pl.col("inside") == "no").sum().alias("✗ outside"),
        ((pl.col("state") == COMPARED) & (pl.col("inside").is_null()))
        .sum()
        .alias("no interval"),
        *((pl.col("state") == s).sum().alias(s) for s in (NOT_RUN, NOT_MEANT)),
    )
    total = counts.drop("table").sum().row(0, named=True)
    sentences = [
        (
            f"{total[COMPARED]} of the paper's {total['values']} values are compared: "
            f"{total['✓ inside']} lie inside the 95% interval of ours, "
            f"{total['✗ outside']} outside; {total['no interval']} are means, which "
            "have no interval.",
            total["✗ outside"] > 0,
        ),
        (
            f"{total[NOT_RUN]} are not run here; for {total[NOT_MEANT]} a comparison "
            "does not apply. The reasons stand below each table.",
            False,
        ),
    ]
    rows = [*counts.rows(), ("all", *total.values())]
    table_of_counts = html_table(counts.columns, rows, "l" + "r" * len(total))
    marks = paragraph(
        "✓ the paper's value, up to its rounding, lies inside the 95% interval of "
        "ours, ✗ outside; a dash is not run, n/a is where no comparison applies."
    )
    return ["<h2>In short</h2>", notices(sentences), table_of_counts, marks]


def _section(name: str, values: pl.DataFrame) -> list[str]:
    """One table of the paper, with ours below each row where there is any."""
    by_row = values.group_by("row", maintain_order=True)
    columns = values["column"].unique(maintain_order=True).to_list()
    digits = max(len(text.partition(".")[2]) for text in values["paper"].drop_nulls())
    compared = (values["state"] == COMPARED).any()
    rows: list[tuple[str, ...]] = []
    for _, part in by_row:
        cells = {cell["column"]: cell for cell in part.iter_rows(named=True)}
        found = [cells.get(column) for column in columns]
        papers = [(cell["paper"] or "–") if cell else "" for cell in found]
        label = _row_label(part, values)
        if not compared:
            rows.append((label, *papers))
            continue
        rows.append((label, "paper", *papers))
        rows.append(("", "ours", *(_ours(cell, digits) for cell in found)))
        if part["inside"].is_not_null().any():
            rows.append(("", "95%", *(_interval(cell, digits) for cell in found)))
    headers = ["", *([""] if compared else [])]
    headers += [_header(column, values) for column in columns]
    kinds = "l" * (len(headers) - len(columns)) + "r" * len(columns)
    return [
        f"<h2>{name}</h2>",
        paragraph(_ABOUT[name]),
        html_table(headers, rows, kinds),
    ]


def _row_label(part: pl.DataFrame, values: pl.DataFrame) -> str:
    """Name of a row, with its training corpus where that differs between rows."""
    row, column, train = part.select("row", "column", "train").row(0)
    of_column = values.filter(column=column)["train"].n_unique()
    return str(row) if of_column == 1 else f"{row}, {train}"


def _header(column: str, values: pl.DataFrame) -> str:
    """Name of a column, with its corpora where they are the same for all rows."""
    pairs = values.filter(column=column).select("train", "test").unique()
    if pairs.height > 1:
        return column
    train, test = pairs.row(0)
    if test.startswith("mean"):
        return f"{column}: {test}"
    return f"{column}: {train} → {test}"


def _ours(cell: dict[str, Any] | None, digits: int) -> str:
    if cell is None:
        return ""
    if cell["state"] != COMPARED:
        return "–" if cell["state"] == NOT_RUN else "n/a"
    text = f"{_MARKS[cell['inside']]}{cell['ours']:.{digits}f}"
    return Flagged(text) if cell["inside"] == "no" else text


def _interval(cell: dict[str, Any] | None, digits: int) -> str:
    if cell is None or cell["low"] is None:
        return ""
    return f"{cell['low']:.{digits}f}–{cell['high']:.{digits}f}"


def _reasons(values: pl.DataFrame) -> list[str]:
    """Table of why values are not compared."""
    left = values.filter(pl.col("state") != COMPARED)
    if left.is_empty():
        return []
    counts = left.group_by("state", "reason", maintain_order=True).len()
    return [html_table(["state", "reason", "values"], counts.rows(), "llr")]


def _method() -> list[str]:
    sentences = [
        "Intervals are DeLong's, 95%, of our AUC: they hold for other clips of the "
        "same kind, and know nothing of other seeds or of the paper's own spread.",
        "Means (J, All4, Last3) have no interval, since their corpora and encoders "
        "share clips in ways that the interval of one AUC does not know.",
        "Ours is measured on all clips that the encoder could score, as the paper's "
        "is; results/xdata_matrix.csv has the clips that all encoders could score, "
        "and may differ. paper_comparison.csv gives the share that was scored.",
        "Encoders and corpora are known by their labels. Whether the lists, the "
        "weights and the settings are the paper's too is for the reader to check.",
    ]
    return ["<h2>How it was compared</h2>", bullets(sentences)]

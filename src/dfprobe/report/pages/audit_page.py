"""The page of an audit: one HTML file that needs nothing else."""

from collections.abc import Sequence
from html import escape
from typing import Any

import polars as pl

from dfprobe.audit.classes import CLASSES
from dfprobe.audit.files import PROBLEMS, UNLISTED, problems_by_class
from dfprobe.audit.findings import findings, per_cent
from dfprobe.audit.splits import KEY_OF_NAME
from dfprobe.audit.tables import FileTables, Tables
from dfprobe.audit.values import FEWEST, MARGIN, VALUE_OF_NAME
from dfprobe.report.html import (
    Flagged,
    bullets,
    document,
    html_table,
    notices,
    paragraph,
    picture,
)
from dfprobe.report.pages.audit_figures import draw_distributions, draw_shortcuts

_SHOWN = 50  # rows of a long table; the CSV file has all
_SHOWN_OF_EACH = 10  # files of a problem


def audit_page(title: str, tables: Tables) -> str:
    """Write the page of a corpus.

    Parameters
    ----------
    title : str
        Name of the corpus for people.
    tables : Tables
        What was found.

    Returns
    -------
    str
        HTML with its style and figures inside; it loads nothing.
    """
    labelled = tables.clips["label"].is_not_null().sum()
    parts = [
        f"<h1>Audit of {escape(title)}</h1>",
        paragraph(
            f"{tables.clips.height:,} clips, {labelled:,} with a known label. What "
            "could a detector use instead of the forgery, which files are wrong, and "
            "what do the splits share?",
            quiet=True,
        ),
        "<h2>In short</h2>",
        notices(findings(tables)),
    ]
    if tables.files is not None:
        parts += [*_shortcut_section(tables.files), *_value_section(tables.files)]
        parts += _file_section(tables.files)
    parts += [*_split_sections(tables), *_method_section(tables)]
    return document(f"Audit of {title}", parts)


def _shortcut_section(files: FileTables) -> list[str]:
    table = files.shortcuts
    drawn = draw_shortcuts(files)
    if drawn is None:
        return []
    whole = drawn.table
    margin = f"{100 * MARGIN:.0f} points"
    rows = [
        (
            row["label"],
            row["real"],
            row["fake"],
            _area(row),
            _interval(row),
            row["direction"],
            Flagged("shortcut") if row["shortcut"] else "",
        )
        for row in whole.sort("auc", descending=True).iter_rows(named=True)
    ]
    headers = ["value", "real", "fake", "AUC", "95% interval", "direction", ""]
    parts = [
        "<h2>What a single value reaches as a detector</h2>",
        paragraph(
            "AUC in per cent when one value of a clip is the score: no encoder, no "
            "training; 50 is chance. A value whose interval lies above chance by more "
            f"than {margin}, on at least {FEWEST} clips of each class, is called a "
            "shortcut: a detector may get its score from it "
            "without seeing the forgery, and lose it on another corpus."
        ),
        picture(drawn.figure, "AUC of each value. " + _caption(whole)),
        html_table(headers, rows, "lrrrrll"),
    ]
    subsets = table["subset"].unique(maintain_order=True).to_list()
    if len(subsets) > 1:
        parts += [
            "<h3>By split and manipulation</h3>",
            paragraph("AUC in per cent; fakes of one manipulation against all reals."),
            _by_subset(table, subsets),
        ]
    return parts


def _caption(table: pl.DataFrame) -> str:
    """Sentence under the figure."""
    band = f"the grey band is chance and {100 * MARGIN:.0f} points around it"
    if table["shortcut"].any():
        return f"Shortcuts are bold with a diamond; {band}."
    return f"No value is a shortcut; {band}."


def _by_subset(table: pl.DataFrame, subsets: Sequence[str]) -> str:
    cells = {
        (row["value"], row["subset"]): _area(row) for row in table.iter_rows(named=True)
    }
    rows = [
        (
            value.label.replace(" ", "\N{NO-BREAK SPACE}"),
            *(cells.get((name, subset), "") for subset in subsets),
        )
        for name, value in VALUE_OF_NAME.items()
    ]
    headers = [subset.replace("=", " ") for subset in subsets]
    return html_table(["value", *headers], rows, "l" + "r" * len(subsets))


def _value_section(files: FileTables) -> list[str]:
    rows = [
        (
            f"{VALUE_OF_NAME[row['value']].label}, {VALUE_OF_NAME[row['value']].unit}",
            row["class"],
            row["clips"],
            *(_number(row[name]) for name in ("p5", "median", "p95", "mean")),
        )
        for row in files.values.iter_rows(named=True)
    ]
    headers = ["value", "class", "clips", "5th per cent", "median", "95th", "mean"]
    parts = ["<h2>Values by class</h2>"]
    drawn = draw_distributions(files)
    if drawn is not None:
        parts.append(
            picture(
                drawn.figure,
                "Per cent of the clips of each class. The outermost bars also hold "
                "what lies beyond the first and the last hundredth of all clips.",
            )
        )
    parts.append(html_table(headers, rows, "llrrrrr"))
    counts = [
        (
            VALUE_OF_NAME[row["value"]].label,
            row["category"],
            *(row[name] for name in CLASSES),
        )
        for row in files.categories.iter_rows(named=True)
    ]
    headers = ["value", "category", *CLASSES]
    parts.append(html_table(headers, counts[:_SHOWN], "llrrr"))
    return [*parts, *_left(len(counts[_SHOWN:]), "categories")]


def _file_section(files: FileTables) -> list[str]:
    parts = ["<h2>Files</h2>"]
    if files.problems.is_empty():
        return [*parts, paragraph("Nothing is wrong with any file.")]
    counts = [
        (row["problem"], PROBLEMS.get(row["problem"], ""), *_counts(row))
        for row in problems_by_class(files.problems).iter_rows(named=True)
    ]
    headers = ["problem", "meaning", *CLASSES, UNLISTED]
    parts.append(html_table(headers, counts, "llrrrr"))
    columns = ["file", "split", "class", "problem", "detail"]
    first = pl.int_range(pl.len()).over("problem") < _SHOWN_OF_EACH
    rows = files.problems.filter(first).select(columns).rows()
    parts.append(html_table(columns, rows, "lllll"))
    return [*parts, *_left(files.problems.height - len(rows), "files")]


def _counts(row: dict[str, Any]) -> list[int]:
    return [row[name] for name in (*CLASSES, UNLISTED)]


def _split_sections(tables: Tables) -> list[str]:
    parts = [
        "<h2>What the splits share</h2>",
        paragraph(
            "A detector that was trained on a speaker, a recording or another version "
            "of a clip may know it again in the test. All versions of one original "
            "clip, the real one included, count as it."
        ),
    ]
    if tables.overlap.is_empty():
        parts.append(paragraph("There is one split, or the corpus does not tell."))
    else:
        rows = [
            (
                KEY_OF_NAME[row["key"]].plural,
                row["split"],
                row["other"],
                row["keys"],
                row["keys_shared"],
                row["clips"],
                row["clips_shared"],
                row["real_shared"],
                row["fake_shared"],
            )
            for row in tables.overlap.iter_rows(named=True)
        ]
        headers = ["what", "of", "in", "number", "shared", "clips", "clips that share"]
        parts.append(html_table([*headers, "real", "fake"], rows, "lllrrrrrr"))
    shares = [
        (*row[:4], per_cent(row[4]))
        for row in tables.balance.select(
            "split", "class", "manipulation", "clips", "share"
        ).iter_rows()
    ]
    headers = ["split", "class", "manipulation", "clips", "per cent of the split"]
    return [*parts, "<h2>Balance</h2>", html_table(headers, shares, "lllrr")]


def _method_section(tables: Tables) -> list[str]:
    sentences = [
        "Overlap is counted by the speaker and the source that the manifest names, and "
        "by what paths tell where the layout has such a rule."
    ]
    if tables.files is not None:
        sentences = [
            "Sound is decoded to 16 kHz mono and begins with the first video frame. "
            "Leading and trailing silence end at the first sample above 0.0005 of full "
            "scale (the published rule of AVH-Align), seen from either end.",
            "An ordered value is the score as it stands; the direction with an AUC of "
            "at least 50 is reported. A value that parts the classes in another way, "
            "such as fakes in the middle, is not found.",
            "A category's score is its share of fakes among the other half of the "
            "clips (two halves, each scored by the other), so that no clip has a part "
            "in its own score. Below 50 means that the halves do not agree.",
            "Intervals are DeLong's, 95%, and take clips as independent. Versions of "
            "one recording are not: true intervals are wider.",
            "Clips without a value are left out of its AUC; a missing stream is the "
            "category 'none'. Duplicates are equal byte for byte.",
            *sentences,
        ]
    return ["<h2>How it was measured</h2>", bullets(sentences)]


def _area(row: dict[str, Any]) -> str:
    text = per_cent(row["auc"])
    return Flagged(text) if row["shortcut"] else text


def _interval(row: dict[str, Any]) -> str:
    if row["auc_low"] is None:
        return "unknown"
    return f"{per_cent(row['auc_low'])} to {per_cent(row['auc_high'])}"


def _number(value: float) -> str:
    """Three or more digits that mean something."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.3f}"


def _left(rows: int, name: str) -> list[str]:
    """Say where the rest of a table is, if there is one."""
    if not rows:
        return []
    return [paragraph(f"{rows:,} more rows stand in {name}.csv.", quiet=True)]

"""Where the probes look: when in the clip, and where in the frame."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from dfprobe.report.markup import chart, image, section, text
from dfprobe.report.site.charts import View, dots, scatter
from dfprobe.report.site.run_tables import (
    Run,
    interval_of,
    labelled_table,
    missing,
    number,
    source,
)

_WHEN, _WHERE = "when", "where"
_LOCALISATION, _LEADING = "explain/localisation", "explain/leading"
_SPATIAL, _SANITY = "explain/spatial", "explain/sanity"
_Charts = dict[str, list[View]]
_PAIR = ("train", "test")
# Columns of the tables of the page; the files have more.
_PLACED = (
    *("encoder", "modality", "head", *_PAIR, "subset", "clips", "auc_clip_mean"),
    *("auc_pooled", "ap_pooled", "classification_auc"),
)
_FIRST = (
    *("encoder", "modality", "head", *_PAIR, "class", "clips", "share_500ms"),
    *("even_share_500ms", "leading_silence_share", "auc", "auc_without_500ms"),
)
_MAPS = (
    *("encoder", *_PAIR, "method", "part", "truth", "frames", "clips", "failed"),
    *("mae", "hit_rate", "share_in_face", "area_of_face", "share_in_region"),
    "area_of_region",
)
_CHECKS = ("encoder", *_PAIR, "method", "check", "median", "p10", "p90", "unchanged")


def when_section(run: Run, pictures: Sequence[Path]) -> tuple[str, _Charts]:
    """Write the section on localisation in time, and its charts.

    Parameters
    ----------
    run : Run
        Its tables.
    pictures : sequence of Path
        Clips over time, below ``figures``.
    """
    frame, leading = run.table(_LOCALISATION), run.table(_LEADING)
    parts, charts = [], {}
    if frame is None:
        reason = "no test corpus says which parts of its clips are fake"
        parts.append(missing("localisation in time", reason))
    else:
        parts += _placed(run, frame)
        charts["localisation"] = list(_localisation(run, frame))
    parts += _pictures(pictures, "Clips over time")
    if leading is not None:
        parts += _first(run, leading)
        charts["leading"] = list(_leading(run, leading))
    return section(_WHEN, "When: localisation against classification", parts), charts


def _placed(run: Run, frame: pl.DataFrame) -> list[str]:
    judged = frame.filter(pl.col("clips") != "0")
    return [
        text(
            "A probe learns from clip labels only. Does the curve of a clip rise where "
            "the clip is really fake? On the dotted line a probe localises as well as "
            "it classifies."
        ),
        chart(
            "localisation",
            "Scatter: AUC of localisation over AUC of classification, one point an "
            "encoder; the numbers are in the table below.",
            "Mean AUC over the frames of a clip against the AUC over clips, in per "
            "cent, with 95% intervals. Colour and shape are the modality.",
        ),
        labelled_table(
            "localisation-table", "Localisation in time", run, judged, _PLACED
        ),
        source(_LOCALISATION),
    ]


def _first(run: Run, frame: pl.DataFrame) -> list[str]:
    return [
        "<h3>How much the first moments decide</h3>",
        chart(
            "leading",
            "Dots: share of the score that the first half second makes, of reals and "
            "of fakes; the numbers are in the table below.",
            "Share of a clip's score that its first half second makes: where it is far "
            "larger for fakes, a leading silence may tell them.",
        ),
        labelled_table("leading-table", "First half second", run, frame, _FIRST),
        source(_LEADING),
    ]


def where_section(run: Run, pictures: Sequence[Path]) -> tuple[str, _Charts]:
    """Write the section on places in the frame, and its charts.

    Parameters
    ----------
    run : Run
        Its tables.
    pictures : sequence of Path
        Heat maps over frames and what they are worth, below ``figures``.
    """
    title = "Where: places in the frame"
    frame, sanity = run.table(_SPATIAL), run.table(_SANITY)
    if frame is None:
        sentence = missing("maps over frames", "spatial is null")
        return section(_WHERE, title, [sentence]), {}
    parts = [
        text(
            "Maps of what in a frame moves the score, compared with what was really "
            "changed: does their peak hit it?"
        ),
        chart(
            "spatial",
            "Dots: hit rate of each encoder's maps, one dot a method; the numbers are "
            "in the table below.",
            "Share of frames whose peak lies in the manipulated region, with 95% "
            "intervals. Colour and shape are the method.",
        ),
        labelled_table("spatial-table", "Maps against the truth", run, frame, _MAPS),
        source(_SPATIAL),
        *_pictures(pictures, "Heat maps over frames"),
    ]
    if sanity is not None:
        parts += ["<h3>Do the maps depend on what was learned?</h3>"]
        parts += [labelled_table("sanity", "Checks of the maps", run, sanity, _CHECKS)]
        parts += [source(_SANITY)]
    return section(_WHERE, title, parts), {"spatial": list(_spatial(run, frame))}


def _pictures(paths: Sequence[Path], words: str) -> Iterator[str]:
    for path in paths:
        caption = f"{words}: {path.stem}"
        yield image(f"figures/{path.as_posix()}", caption, caption)


def _localisation(run: Run, frame: pl.DataFrame) -> Iterator[View]:
    axes = ("Classification, AUC in per cent", "Localisation, AUC in per cent")
    for _, part in frame.group_by("head", *_PAIR, "subset", maintain_order=True):
        rows = part.to_dicts()
        points = [_point(run, row) for row in rows]
        name = f"{run.pair(rows[0])}, {rows[0]['subset']}, {rows[0]['head']}"
        known = [p for p in points if None not in (p["x"], p["y"])]
        if known:
            yield scatter(name, known, axes)


def _point(run: Run, row: dict[str, Any]) -> dict[str, Any]:
    point = {"label": run.encoder(row["encoder"]), "group": row["modality"]}
    for axis, column in (("x", "classification_auc"), ("y", "auc_clip_mean")):
        values = zip(("", "_low", "_high"), _with_interval(row, column), strict=True)
        for end, value in values:
            point[f"{axis}{end}"] = None if value is None else round(100 * value, 3)
    return point


def _leading(run: Run, frame: pl.DataFrame) -> Iterator[View]:
    known = frame.filter(pl.col("class") != "all", pl.col("share_500ms").is_not_null())
    for _, part in known.group_by("head", *_PAIR, maintain_order=True):
        rows = part.to_dicts()
        name = f"{run.pair(rows[0])}, {rows[0]['head']}"
        title = "Share of the first 0.5 s"
        yield dots(name, _dots(run, rows, "class", "share_500ms"), title)


def _spatial(run: Run, frame: pl.DataFrame) -> Iterator[View]:
    known = frame.filter(pl.col("hit_rate").is_not_null())
    for _, part in known.group_by(*_PAIR, "part", "truth", maintain_order=True):
        rows = part.to_dicts()
        name = f"{run.pair(rows[0])}, {rows[0]['part']}, {rows[0]['truth']}"
        yield dots(name, _dots(run, rows, "method", "hit_rate"), "Hit rate")


def _dots(
    run: Run, rows: Sequence[dict[str, Any]], group: str, column: str
) -> list[dict[str, Any]]:
    ends = ("x", "x_low", "x_high")
    return [
        {"label": run.encoder(row["encoder"]), "group": row[group] or "–"}
        | dict(zip(ends, _with_interval(row, column), strict=True))
        for row in rows
    ]


def _with_interval(row: dict[str, Any], column: str) -> list[float | None]:
    """Value of a column and the ends of its interval; None where there is none."""
    stem = interval_of(column)
    return [number(row.get(key)) for key in (column, f"{stem}_low", f"{stem}_high")]

"""Where the probes look: when in the clip, and where in the frame."""

from collections.abc import Iterator, Sequence
from typing import Any

import polars as pl

from dfprobe.report.site.charts import View, dots, scatter
from dfprobe.report.site.run_tables import (
    UNDEFINED,
    Grid,
    Run,
    ends_of,
    labelled,
    number,
)

LOCALISATION, LEADING = "explain/localisation", "explain/leading"
SPATIAL, SANITY = "explain/spatial", "explain/sanity"
_PAIR = ("train", "test")
_CORPORA = {"train": "Trained on", "test": "Tested on"}
# Titles of the columns that the page shows; the files have more.
_TITLES = {
    LOCALISATION: {
        **{"encoder": "Encoder", "modality": "Modality", "head": "Head", **_CORPORA},
        **{"subset": "Subset", "clips": "Clips", "auc_clip_mean": "AUC per clip, mean"},
        **{"auc_pooled": "AUC of all rows", "ap_pooled": "AP of all rows"},
        "classification_auc": "AUC of clips",
    },
    LEADING: {
        **{"encoder": "Encoder", "modality": "Modality", "head": "Head", **_CORPORA},
        **{"class": "Class", "clips": "Clips", "share_500ms": "Share of the score"},
        "even_share_500ms": "Share of the duration",
        "leading_silence_share": "Clips with leading silence",
        **{"auc": "AUC", "auc_without_500ms": "AUC without it"},
    },
    SPATIAL: {
        **{"encoder": "Encoder", **_CORPORA, "method": "Method", "part": "Part"},
        **{"truth": "Target", "frames": "Frames", "clips": "Clips", "failed": "Failed"},
        **{"mae": "Mean error", "hit_rate": "Hit rate"},
        **{"share_in_face": "Heat in the face", "area_of_face": "Area of the face"},
        "share_in_region": "Heat in the target",
        "area_of_region": "Area of the target",
    },
    SANITY: {
        **{"encoder": "Encoder", **_CORPORA, "method": "Method", "check": "Check"},
        **{"median": "Median correlation", "p10": "10th percentile"},
        **{"p90": "90th percentile", "unchanged": "Unchanged"},
    },
}


def explanation_grids(run: Run) -> dict[str, Grid]:
    """Tables of the sections by name, as far as the run makes them."""
    grids = {}
    for name, titles in _TITLES.items():
        frame = run.table(name)
        if frame is not None:
            shown = (
                frame.filter(pl.col("clips") != "0") if name == LOCALISATION else frame
            )
            grids[name] = labelled(run, shown, titles)
    return grids


def explanation_charts(run: Run) -> dict[str, list[View]]:
    """Charts of the sections, each with one view per pair of corpora and more."""
    drawn = {
        "localisation": (LOCALISATION, _localisation),
        "leading": (LEADING, _leading),
        "spatial": (SPATIAL, _spatial),
    }
    charts = {}
    for chart, (name, draw) in drawn.items():
        frame = run.table(name)
        if frame is not None:
            charts[chart] = list(draw(run, frame))
    return charts


def _localisation(run: Run, frame: pl.DataFrame) -> Iterator[View]:
    titles = ("Classification, AUC in per cent", "Localisation, AUC in per cent")
    for _, part in frame.group_by("head", *_PAIR, "subset", maintain_order=True):
        rows = part.to_dicts()
        points = [_point(run, row) for row in rows]
        name = f"{run.pair(rows[0])}, {rows[0]['subset']}, {rows[0]['head']}"
        known = [p for p in points if None not in (p["x"], p["y"])]
        if known:
            yield scatter(name, known, titles)


def _point(run: Run, row: dict[str, Any]) -> dict[str, Any]:
    point = {"label": run.encoder(row["encoder"]), "group": row["modality"]}
    for axis, column in (("x", "classification_auc"), ("y", "auc_clip_mean")):
        for name, value in _with_interval(row, column, axis).items():
            point[name] = None if value is None else round(100 * value, 3)
    return point


def _leading(run: Run, frame: pl.DataFrame) -> Iterator[View]:
    known = frame.filter(pl.col("class") != "all", pl.col("share_500ms").is_not_null())
    for _, part in known.group_by("head", *_PAIR, maintain_order=True):
        rows = part.to_dicts()
        name = f"{run.pair(rows[0])}, {rows[0]['head']}"
        points = _points(run, rows, "class", "share_500ms")
        yield dots(name, points, "Share of the first 0.5 s")


def _spatial(run: Run, frame: pl.DataFrame) -> Iterator[View]:
    known = frame.filter(pl.col("hit_rate").is_not_null())
    for _, part in known.group_by(*_PAIR, "part", "truth", maintain_order=True):
        rows = part.to_dicts()
        name = f"{run.pair(rows[0])}, {rows[0]['part']}, {rows[0]['truth']}"
        yield dots(name, _points(run, rows, "method", "hit_rate"), "Hit rate")


def _points(
    run: Run, rows: Sequence[dict[str, Any]], group: str, column: str
) -> list[dict[str, Any]]:
    return [
        {"label": run.encoder(row["encoder"]), "group": row[group] or UNDEFINED}
        | _with_interval(row, column, "x")
        for row in rows
    ]


def _with_interval(
    row: dict[str, Any], column: str, axis: str
) -> dict[str, float | None]:
    """Value of a column and the ends of its interval; None where there is none."""
    low, high = ends_of(column)
    columns = {axis: column, f"{axis}_low": low, f"{axis}_high": high}
    return {name: number(row.get(found)) for name, found in columns.items()}

"""Where the probes look: when in the clip, and where in the frame."""

from collections.abc import Iterator

import polars as pl

from dfprobe.report.explorer.scripts import Json
from dfprobe.report.site.charts import Estimate, Point, dots, scatter
from dfprobe.report.site.run_tables import (
    UNDEFINED,
    Grid,
    Row,
    Run,
    ends_of,
    labelled,
    scaled,
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


def explanation_charts(run: Run) -> dict[str, list[Json]]:
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


def _localisation(run: Run, frame: pl.DataFrame) -> Iterator[Json]:
    titles = ("Classification, AUC in per cent", "Localisation, AUC in per cent")
    for _, part in frame.group_by("head", *_PAIR, "subset", maintain_order=True):
        points = []
        for row in part.iter_rows(named=True):
            x = _estimate(row, "classification_auc", 100.0)
            y = _estimate(row, "auc_clip_mean", 100.0)
            if x and y:
                points.append(Point(run.encoder(row["encoder"]), row["modality"], x, y))
        if points:
            first = part.row(0, named=True)
            name = f"{run.pair(first)}, {first['subset']}, {first['head']}"
            yield scatter(name, points, titles)


def _leading(run: Run, frame: pl.DataFrame) -> Iterator[Json]:
    classes = frame.filter(
        pl.col("class") != "all", pl.col("share_500ms").is_not_null()
    )
    for _, part in classes.group_by("head", *_PAIR, maintain_order=True):
        first = part.row(0, named=True)
        name = f"{run.pair(first)}, {first['head']}"
        points = _points(run, part, "class", "share_500ms")
        yield dots(name, points, "Share of the first 0.5 s")


def _spatial(run: Run, frame: pl.DataFrame) -> Iterator[Json]:
    known = frame.filter(pl.col("hit_rate").is_not_null())
    for _, part in known.group_by(*_PAIR, "part", "truth", maintain_order=True):
        first = part.row(0, named=True)
        name = f"{run.pair(first)}, {first['part']}, {first['truth']}"
        yield dots(name, _points(run, part, "method", "hit_rate"), "Hit rate")


def _points(run: Run, frame: pl.DataFrame, group: str, column: str) -> list[Point]:
    return [
        Point(run.encoder(row["encoder"]), row[group] or UNDEFINED, estimate)
        for row in frame.iter_rows(named=True)
        if (estimate := _estimate(row, column))
    ]


def _estimate(row: Row, column: str, scale: float = 1.0) -> Estimate | None:
    """Value of a column with its interval; None where it is empty."""
    low, high = (scaled(row.get(end), scale) for end in ends_of(column))
    value = scaled(row[column], scale)
    return None if value is None else Estimate(round(value, 6), low, high)

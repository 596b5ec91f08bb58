"""Explanations: where in the frame, and where in time, a probe sees the fake."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dfprobe.commands.arguments import Stages, many, needed, some, stage
from dfprobe.products import MapsKey, manifest_corpus

if TYPE_CHECKING:
    import polars as pl
    from matplotlib.figure import Figure


def add(stages: Stages) -> None:
    """Add the subcommands."""
    about = "maps of what a linear probe sees in frames"
    maps = stage(stages, "explain-frames", _explain_frames, about)
    maps.add_argument("manifest", type=Path, help="manifest of the test corpus")
    many(maps, "--crops", "crop stores (HDF5), their indexes beside them")
    needed(maps, "--head", "linear probe")
    needed(maps, "--scores", "scores by this probe")
    needed(maps, "--train-manifest", "of the training corpus")
    some(maps, "--train-features", "feature stores of the training corpus, for checks")

    about = "tables of how well maps name the manipulated place"
    points = stage(stages, "make-points", _make_points, about)
    points.add_argument("maps", type=Path, nargs="+", help="files of maps")
    many(points, "--manifests", "manifests of the training and the test corpora")
    many(points, "--crops", "crop stores (HDF5) of the test corpora")
    needed(points, "--confidence", "errors by confidence (CSV)")
    needed(points, "--points", "one row per map and target (Parquet)")
    needed(points, "--sanity", "checks of the maps (CSV)")

    about = "draw the explanations in space"
    figures = stage(stages, "plot-spatial", _plot_spatial, about)
    figures.add_argument("table", type=Path, help="spatial.csv")
    figures.add_argument("confidence", type=Path, help="spatial_confidence.csv")
    needed(figures, "--points", "its points")
    many(figures, "--maps", "files of maps")
    many(figures, "--manifests", "manifests of the test corpora")
    many(figures, "--overlays", "figures of overlays to write, named by test corpus")

    about = "tables of localisation and of the first moments"
    tables = stage(stages, "localisation", _localisation, about)
    many(tables, "--curves", "values over time of all heads")
    many(tables, "--scores", "score files of the same heads")
    many(tables, "--manifests", "manifests of the test corpora")
    many(tables, "--crops", "indexes of the test corpora's crops")
    needed(tables, "--leading", "table of the first moments to write")

    about = "draw localisation and the first moments"
    figures = stage(stages, "plot-temporal", _plot_temporal, about)
    figures.add_argument("localisation", type=Path, help="localisation.csv")
    figures.add_argument("leading", type=Path, help="leading.csv")
    needed(figures, "--leading-out", "second figure to write")

    about = "draw some clips of a corpus over time"
    panels = stage(stages, "plot-panels", _plot_panels, about)
    panels.add_argument("manifest", type=Path, help="manifest of the corpus")
    panels.add_argument("localisation", type=Path, help="localisation.csv")
    many(panels, "--curves", "values over time")
    many(panels, "--crops", "indexes of the corpus's crops")


def _explain_frames(args: argparse.Namespace) -> None:
    from dfprobe.explain.spatial.maps.attribution import explain_frames
    from dfprobe.settings.stage_specs.explanations import FramesSpec

    spec = FramesSpec.from_json(args.spec)
    explain_frames(
        args.manifest,
        args.crops,
        args.head,
        args.scores,
        args.train_manifest,
        args.train_features,
        spec,
        args.out,
    )


def _make_points(args: argparse.Namespace) -> None:
    from dfprobe.explain.spatial.measures.sanity import write_sanity
    from dfprobe.explain.spatial.measures.tables import Tables, make_points
    from dfprobe.settings.stage_specs.explanations import PointsSpec

    spec = PointsSpec.from_json(args.spec)
    make_points(
        args.maps,
        args.manifests,
        args.crops,
        spec,
        Tables(args.points, args.out, args.confidence),
    )
    write_sanity(args.maps, args.sanity)


def _plot_spatial(args: argparse.Namespace) -> None:
    from dfprobe.explain.spatial.measures.tables import read_table
    from dfprobe.report.plots.save import save
    from dfprobe.report.plots.spatial import spatial_figure
    from dfprobe.settings.stage_specs.explanations import SpatialFiguresSpec
    from dfprobe.settings.stage_specs.labels import labels
    from dfprobe.store.parquet import read_parquet

    spec = SpatialFiguresSpec.from_json(args.spec)
    table, confidence = read_table(args.table), read_table(args.confidence)
    save(spatial_figure(table, confidence, spec.corpora), args.out)
    points, encoders = read_parquet(args.points), labels(spec.encoders)
    manifests = {manifest_corpus(path): path for path in args.manifests}
    keyed = [(MapsKey.of(path), path) for path in args.maps]
    for png in args.overlays:
        maps = {key.encoder: path for key, path in keyed if key.test == png.stem}
        known = points.filter(test=png.stem)
        save(_overlays(maps, known, manifests[png.stem], encoders), png)


def _overlays(
    maps: Mapping[str, Path],
    points: "pl.DataFrame",
    manifest: Path,
    encoders: Mapping[str, str],
) -> "Figure":
    """Decode some frames of a test corpus and draw the maps of all encoders on them."""
    from dfprobe.explain.spatial.measures.heat import read_maps
    from dfprobe.explain.spatial.measures.overlays import read_overlays
    from dfprobe.report.plots.overlays import overlays_figure
    from dfprobe.store.parquet import read_parquet

    files = read_parquet(manifest, columns=["clip_id", "path"]).iter_rows()
    paths = {clip_id: Path(path) for clip_id, path in files}
    tables = {name: read_maps(maps[name]) for name in encoders}
    columns, overlays = read_overlays(tables, points, paths)
    titles = [(encoders[name], part) for name, part in columns]
    truth = points["truth"][0] if points.height else None
    return overlays_figure(titles, overlays, truth)


def _localisation(args: argparse.Namespace) -> None:
    from dfprobe.explain.temporal.tables import make_tables
    from dfprobe.settings.stage_specs.explanations import LocalisationSpec

    spec = LocalisationSpec.from_json(args.spec)
    make_tables(
        args.curves,
        args.scores,
        args.manifests,
        args.crops,
        spec,
        args.out,
        args.leading,
    )


def _plot_temporal(args: argparse.Namespace) -> None:
    from dfprobe.explain.temporal.tables import read_leading, read_localisation
    from dfprobe.report.plots.leading import leading_figure
    from dfprobe.report.plots.localisation import localisation_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.explanations import TemporalFiguresSpec

    spec = TemporalFiguresSpec.from_json(args.spec)
    table = read_localisation(args.localisation)
    save(localisation_figure(table, spec.corpora, spec.head), args.out)
    first = read_leading(args.leading)
    save(leading_figure(first, spec.corpora, spec.head), args.leading_out)


def _plot_panels(args: argparse.Namespace) -> None:
    from dfprobe.explain.temporal.panels import make_panels
    from dfprobe.report.plots.panels import panels_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.explanations import PanelsSpec

    spec = PanelsSpec.from_json(args.spec)
    panels = make_panels(
        args.curves, args.manifest, args.crops, args.localisation, spec
    )
    save(panels_figure(panels, spec.label), args.out)

"""Fusion of encoders, and tables for papers."""

import argparse
from pathlib import Path

from dfprobe.commands.arguments import Stages, many, needed, some, stage


def add(stages: Stages) -> None:
    """Add the subcommands."""
    fusion = stage(stages, "fusion", _fusion, "correlation and late fusion of encoders")
    many(fusion, "--scores", "score files of one head")
    many(fusion, "--val", "its scores of the validation clips")
    many(fusion, "--manifests", "manifests of all corpora")
    needed(fusion, "--correlation", "correlations to write")
    needed(fusion, "--improvement", "relative improvements to write")

    figure = stage(stages, "plot-fusion", _figure, "draw correlation and improvement")
    figure.add_argument("correlation", type=Path, help="fusion/correlation.csv")
    figure.add_argument("sets", type=Path, help="fusion/sets.csv")
    figure.add_argument("improvement", type=Path, help="fusion/improvement.csv")

    about = "tables for papers (LaTeX)"
    tex = stage(stages, "tex-tables", _tex_tables, about, several=True)
    tex.add_argument("long", type=Path, help="xdata_long.csv")
    tex.add_argument("sets", type=Path, help="fusion/sets.csv")
    some(tex, "--anomaly", "anomaly_long.csv")


def _fusion(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.fusion import make_fusion
    from dfprobe.evaluation.tables.fusion_tables import Tables
    from dfprobe.settings.stage_specs.tables import FusionSpec

    make_fusion(
        options.scores,
        options.val,
        options.manifests,
        FusionSpec.from_json(options.spec),
        Tables(options.correlation, options.out, options.improvement),
    )


def _figure(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.fusion_tables import Tables, read_figure
    from dfprobe.report.plots.fusion import fusion_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.labels import labels
    from dfprobe.settings.stage_specs.tables import FusionFigureSpec

    spec = FusionFigureSpec.from_json(options.spec)
    paths = Tables(options.correlation, options.sets, options.improvement)
    tables = read_figure(paths, spec.train.name, spec.test.name)
    title = (
        f"Trained on {spec.train.label}, tested on {spec.test.label}; fusion by the "
        "mean of the scores"
    )
    save(fusion_figure(tables, labels(spec.encoders), title), options.out)


def _tex_tables(options: argparse.Namespace) -> None:
    from dfprobe.report.pages.tex_tables import write_tex_tables
    from dfprobe.settings.stage_specs.tables import MatrixSpec

    anomaly = options.anomaly[0] if options.anomaly else None
    spec = MatrixSpec.from_json(options.spec)
    write_tex_tables(options.long, options.sets, anomaly, spec, options.out)

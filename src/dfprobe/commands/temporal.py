"""Temporal explanations: where in time the heads see the fake."""

import argparse
from pathlib import Path

from dfprobe.commands.arguments import Stages, many, needed, stage


def add(stages: Stages) -> None:
    """Add the subcommands."""
    about = "tables of localisation and of the first moments"
    tables = stage(stages, "localisation", _tables, about)
    many(tables, "--curves", "values over time of all heads")
    many(tables, "--scores", "score files of the same heads")
    many(tables, "--manifests", "manifests of the test corpora")
    many(tables, "--crops", "indexes of the test corpora's crops")
    needed(tables, "--leading", "table of the first moments to write")

    about = "draw localisation and the first moments"
    figures = stage(stages, "plot-temporal", _figures, about)
    figures.add_argument("localisation", type=Path, help="localisation.csv")
    figures.add_argument("leading", type=Path, help="leading.csv")
    needed(figures, "--leading-out", "second figure to write")

    about = "draw some clips of a corpus over time"
    panels = stage(stages, "plot-panels", _panels, about)
    panels.add_argument("manifest", type=Path, help="manifest of the corpus")
    panels.add_argument("localisation", type=Path, help="localisation.csv")
    many(panels, "--curves", "values over time")
    many(panels, "--crops", "indexes of the corpus's crops")


def _tables(options: argparse.Namespace) -> None:
    from dfprobe.explain.temporal.tables import make_tables
    from dfprobe.settings.stage_specs.explanations import LocalisationSpec

    make_tables(
        options.curves,
        options.scores,
        options.manifests,
        options.crops,
        LocalisationSpec.from_json(options.spec),
        options.out,
        options.leading,
    )


def _figures(options: argparse.Namespace) -> None:
    from dfprobe.explain.temporal.tables import read_leading, read_localisation
    from dfprobe.report.plots.leading import leading_figure
    from dfprobe.report.plots.localisation import localisation_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.explanations import TemporalFiguresSpec

    spec = TemporalFiguresSpec.from_json(options.spec)
    table = read_localisation(options.localisation)
    save(localisation_figure(table, spec.corpora, spec.head), options.out)
    first = read_leading(options.leading)
    save(leading_figure(first, spec.corpora, spec.head), options.leading_out)


def _panels(options: argparse.Namespace) -> None:
    from dfprobe.explain.temporal.panels import make_panels
    from dfprobe.report.plots.panels import panels_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.explanations import PanelsSpec

    spec = PanelsSpec.from_json(options.spec)
    panels = make_panels(
        options.curves,
        options.manifest,
        options.crops,
        options.localisation,
        spec,
    )
    save(panels_figure(panels, spec.label), options.out)

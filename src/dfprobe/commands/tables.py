"""Tables of a run, of fusion and for papers, and their pictures."""

import argparse
from pathlib import Path

from dfprobe.commands.arguments import Stages, many, needed, some, stage, table


def add(stages: Stages) -> None:
    """Add the subcommands."""
    about = "take the scores of a detector from outside"
    scores = stage(stages, "import-scores", _import_scores, about, spec=False)
    scores.add_argument("csv", type=Path, help="its scores (CSV)")
    scores.add_argument("manifest", type=Path, help="manifest of the test corpus")

    matrix = stage(stages, "matrix", _matrix, "the cross-corpus matrix")
    many(matrix, "--scores", "score files")
    many(matrix, "--manifests", "manifests of all corpora")
    many(matrix, "--crops", "indexes of the test corpora's crops")
    needed(matrix, "--long", "tidy table to write")
    needed(matrix, "--pairs", "tests to write")
    some(matrix, "--others", "matrices of the heads after the first to write")

    seeds = stage(stages, "seeds", _seeds, "spread of the AUC over seeds")
    seeds.add_argument("long", type=Path, help="xdata_long.csv")

    about = "table of the heads that learn from real clips"
    table(stage(stages, "anomaly", _anomaly, about))
    table(stage(stages, "detectors", _detectors, "table of all detectors"))

    about = "the paper's values beside ours"
    paper = stage(stages, "compare-with-paper", _paper, about)
    paper.add_argument("long", type=Path, help="xdata_long.csv")
    some(paper, "--anomaly", "anomaly_long.csv")
    for name in ("detectors_long", "localisation", "correlation", "improvement"):
        option = f"--{name.removesuffix('_long')}"
        paper.add_argument(option, type=Path, required=True, help=f"{name}.csv")
    needed(paper, "--page", "page to write")

    figure = stage(stages, "plot-matrix", _plot_matrix, "draw the matrix")
    figure.add_argument("matrix", type=Path, help="xdata_matrix.csv")

    summary = stage(stages, "summary", _summary, "the report of a run, in words")
    summary.add_argument("matrix", type=Path, help="xdata_matrix.csv")
    summary.add_argument("long", type=Path, help="xdata_long.csv")
    many(summary, "--manifests", "manifests of the test corpora")
    many(summary, "--crops", "indexes of the test corpora's crops")
    many(summary, "--scores", "score files")

    fusion = stage(stages, "fusion", _fusion, "correlation and late fusion of encoders")
    many(fusion, "--scores", "score files of one head")
    many(fusion, "--val", "its scores of the validation clips")
    many(fusion, "--manifests", "manifests of all corpora")
    needed(fusion, "--correlation", "correlations to write")
    needed(fusion, "--improvement", "relative improvements to write")

    about = "draw correlation and improvement"
    figure = stage(stages, "plot-fusion", _plot_fusion, about)
    figure.add_argument("correlation", type=Path, help="fusion/correlation.csv")
    figure.add_argument("sets", type=Path, help="fusion/sets.csv")
    figure.add_argument("improvement", type=Path, help="fusion/improvement.csv")

    about = "tables for papers (LaTeX)"
    tex = stage(stages, "tex-tables", _tex_tables, about, several=True)
    tex.add_argument("long", type=Path, help="xdata_long.csv")
    tex.add_argument("sets", type=Path, help="fusion/sets.csv")
    some(tex, "--anomaly", "anomaly_long.csv")


def _matrix(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.matrix import Tables, make_matrix
    from dfprobe.settings.stage_specs.tables import MatrixSpec

    make_matrix(
        options.scores,
        options.manifests,
        options.crops,
        MatrixSpec.from_json(options.spec),
        Tables(options.out, options.long, options.pairs, options.others),
    )


def _seeds(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.seeds import make_seeds
    from dfprobe.settings.stage_specs.tables import MatrixSpec

    spec = MatrixSpec.from_json(options.spec)
    heads = {head.name: (head.entry, head.seed) for head in spec.heads}
    make_seeds([options.long], heads, options.out)


def _anomaly(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.anomaly import make_anomaly
    from dfprobe.settings.stage_specs.tables import AnomalySpec

    make_anomaly(
        options.scores,
        options.manifests,
        AnomalySpec.from_json(options.spec),
        options.out,
        options.long,
    )


def _detectors(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.detectors import make_detectors
    from dfprobe.settings.stage_specs.tables import DetectorsSpec

    make_detectors(
        options.scores,
        options.manifests,
        DetectorsSpec.from_json(options.spec),
        options.out,
        options.long,
    )


def _import_scores(options: argparse.Namespace) -> None:
    from dfprobe.score.external import import_external

    import_external(options.csv, options.manifest, options.out)


def _paper(options: argparse.Namespace) -> None:
    from dfprobe.report.pages.paper import compare_with_paper
    from dfprobe.report.pages.paper_run import Products
    from dfprobe.settings.stage_specs.tables import PaperSpec

    anomaly = options.anomaly[0] if options.anomaly else None
    products = Products(
        options.long,
        anomaly,
        options.detectors,
        options.localisation,
        options.correlation,
        options.improvement,
    )
    compare_with_paper(
        products, PaperSpec.from_json(options.spec), options.out, options.page
    )


def _plot_matrix(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.matrix import read_matrix
    from dfprobe.report.plots.matrix import matrix_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.tables import MatrixFigureSpec

    figure = matrix_figure(
        read_matrix(options.matrix), MatrixFigureSpec.from_json(options.spec).corpora
    )
    save(figure, options.out)


def _summary(options: argparse.Namespace) -> None:
    from dfprobe.report.pages.summary import write_summary
    from dfprobe.settings.stage_specs.tables import MatrixSpec

    write_summary(
        options.matrix,
        options.long,
        options.manifests,
        options.crops,
        options.scores,
        MatrixSpec.from_json(options.spec),
        options.out,
    )


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


def _plot_fusion(options: argparse.Namespace) -> None:
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

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

    about = "the paper's values next to ours"
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


def _matrix(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.matrix import Tables, make_matrix
    from dfprobe.settings.stage_specs.tables import MatrixSpec

    spec = MatrixSpec.from_json(args.spec)
    make_matrix(
        args.scores,
        args.manifests,
        args.crops,
        spec,
        Tables(args.out, args.long, args.pairs, args.others),
    )


def _seeds(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.seeds import make_seeds
    from dfprobe.settings.stage_specs.tables import MatrixSpec

    spec = MatrixSpec.from_json(args.spec)
    heads = {head.name: (head.entry, head.seed) for head in spec.heads}
    make_seeds([args.long], heads, args.out)


def _anomaly(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.anomaly import make_anomaly
    from dfprobe.settings.stage_specs.tables import AnomalySpec

    spec = AnomalySpec.from_json(args.spec)
    make_anomaly(args.scores, args.manifests, spec, args.out, args.long)


def _detectors(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.detectors import make_detectors
    from dfprobe.settings.stage_specs.tables import DetectorsSpec

    spec = DetectorsSpec.from_json(args.spec)
    make_detectors(args.scores, args.manifests, spec, args.out, args.long)


def _import_scores(args: argparse.Namespace) -> None:
    from dfprobe.score.external import import_external

    import_external(args.csv, args.manifest, args.out)


def _paper(args: argparse.Namespace) -> None:
    from dfprobe.report.pages.paper import compare_with_paper
    from dfprobe.report.pages.paper_run import Products
    from dfprobe.settings.stage_specs.tables import PaperSpec

    anomaly = args.anomaly[0] if args.anomaly else None
    products = Products(
        args.long,
        anomaly,
        args.detectors,
        args.localisation,
        args.correlation,
        args.improvement,
    )
    spec = PaperSpec.from_json(args.spec)
    compare_with_paper(products, spec, args.out, args.page)


def _plot_matrix(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.matrix import read_matrix
    from dfprobe.report.plots.matrix import matrix_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.tables import MatrixFigureSpec

    spec = MatrixFigureSpec.from_json(args.spec)
    figure = matrix_figure(read_matrix(args.matrix), spec.corpora)
    save(figure, args.out)


def _summary(args: argparse.Namespace) -> None:
    from dfprobe.report.pages.summary import write_summary
    from dfprobe.settings.stage_specs.tables import MatrixSpec

    spec = MatrixSpec.from_json(args.spec)
    write_summary(
        args.matrix, args.long, args.manifests, args.crops, args.scores, spec, args.out
    )


def _fusion(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.fusion import make_fusion
    from dfprobe.evaluation.tables.fusion_tables import Tables
    from dfprobe.settings.stage_specs.tables import FusionSpec

    spec = FusionSpec.from_json(args.spec)
    make_fusion(
        args.scores,
        args.val,
        args.manifests,
        spec,
        Tables(args.correlation, args.out, args.improvement),
    )


def _plot_fusion(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.fusion_tables import Tables, read_figure
    from dfprobe.report.plots.fusion import fusion_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.labels import labels
    from dfprobe.settings.stage_specs.tables import FusionFigureSpec

    spec = FusionFigureSpec.from_json(args.spec)
    paths = Tables(args.correlation, args.sets, args.improvement)
    tables = read_figure(paths, spec.train.name, spec.test.name)
    title = (
        f"Trained on {spec.train.label}, tested on {spec.test.label}; fusion by the "
        "mean of the scores"
    )
    save(fusion_figure(tables, labels(spec.encoders), title), args.out)


def _tex_tables(args: argparse.Namespace) -> None:
    from dfprobe.report.pages.tex_tables import write_tex_tables
    from dfprobe.settings.stage_specs.tables import MatrixSpec

    anomaly = args.anomaly[0] if args.anomaly else None
    spec = MatrixSpec.from_json(args.spec)
    write_tex_tables(args.long, args.sets, anomaly, spec, args.out)

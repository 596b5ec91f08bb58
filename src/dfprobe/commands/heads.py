"""Heads: training, scores, what they look like."""

import argparse
from pathlib import Path

from dfprobe.commands.arguments import (
    Stages,
    by_corpus,
    many,
    some,
    stage,
    stores,
    streams,
)


def add(stages: Stages) -> None:
    """Add the subcommands."""
    about = "train heads on the features of a corpus"
    training = stage(stages, "train-head", _train_head, about, several=True)
    training.add_argument("manifest", type=Path, help="manifest of the training corpus")
    streams(training)
    training.add_argument("--curve", type=Path, required=True, help="curves (CSV)")
    some(training, "--val", "scores of validation clips to write, one for each head")

    about = "score the test corpora with heads on one encoder"
    score = stage(
        stages, "score-corpora", _score_corpora, about, spec=False, several=True
    )
    many(score, "--manifests", "manifests of the test corpora")
    many(score, "--features", "the encoder's feature stores of these corpora")
    many(score, "--heads", "trained heads")
    many(score, "--curves", "values over time to write: as --out, by head, then corpus")

    about = "score a test corpus"
    score = stage(stages, "score-clips", _score, about, spec=False, several=True)
    score.add_argument("manifest", type=Path, help="manifest of the test corpus")
    streams(score)
    many(score, "--heads", "trained heads on the same rows, one for each product")
    score.add_argument("--mean", type=Path, help="scores by the mean over time")
    some(score, "--curves", "values over time (Parquet) to write, one for each head")

    about = "probes on every hidden layer of an encoder"
    layers = stage(stages, "probe-layers", _probe_layers, about)
    many(layers, "--manifests", "manifests of all corpora")
    many(layers, "--features", "feature stores of all corpora")
    layers.add_argument("--folder", type=Path, required=True, help="heads, scores")

    layers = stage(stages, "plot-layers", _plot_layers, "draw the layers' probes")
    layers.add_argument("table", type=Path, help="table of layers (CSV)")

    curves = stage(stages, "plot-curves", _plot_curves, "draw the training curves")
    curves.add_argument("curves", type=Path, nargs="+", help="curves (CSV)")
    curves.add_argument(
        "--table", type=Path, required=True, help="the curves in one table to write"
    )

    about = "score videos with trained probes; no labels, no workflow"
    videos = stages.add_parser("score", help=about, description=f"{about}.")
    videos.set_defaults(run=_score_videos)
    videos.add_argument(
        "videos", type=Path, nargs="+", help="videos, folders, lists (.csv, .txt)"
    )
    videos.add_argument(
        "--head",
        action="append",
        required=True,
        help="head file, or encoder with linear heads of the workflow; repeatable",
    )
    videos.add_argument("--out", type=Path, help="scores (.csv or .json) to write")
    videos.add_argument("--curves", type=Path, help="folder for the curves over time")

    about = "make a head file of a published checkpoint (linear probe, AVH-Align)"
    importer = stages.add_parser("import-head", help=about, description=f"{about}.")
    importer.set_defaults(run=_import_head)
    importer.add_argument("checkpoint", type=Path, help=".ckpt or .pt file")
    importer.add_argument(
        "--encoder",
        required=True,
        nargs="+",
        help="encoder of the config that it belongs to; a visual one, then an audio "
        "one, for AVH-Align",
    )
    importer.add_argument(
        "--train", required=True, help="name of the corpus it was trained on"
    )
    importer.add_argument("--out", type=Path, required=True, help="head to write")
    importer.add_argument(
        "--configfile", type=Path, default=Path("config.yaml"), help="as for doctor"
    )


def _train_head(options: argparse.Namespace) -> None:
    from dfprobe.heads.training import train_heads
    from dfprobe.settings.stage_specs.heads import HeadSpec

    train_heads(
        stores(options),
        options.manifest,
        HeadSpec.from_json(options.spec),
        options.out,
        options.curve,
        options.val,
    )


def _score_corpora(options: argparse.Namespace) -> None:
    from dfprobe.heads.scoring import score_corpora

    score_corpora(
        by_corpus(options.features),
        {path.stem: path for path in options.manifests},
        options.heads,
        options.out,
        options.curves,
    )


def _score(options: argparse.Namespace) -> None:
    from dfprobe.heads.scoring import score_clips

    score_clips(
        stores(options),
        options.manifest,
        options.heads,
        options.out,
        options.mean,
        options.curves,
    )


def _probe_layers(options: argparse.Namespace) -> None:
    from dfprobe.heads.layer_probes import probe_layers
    from dfprobe.settings.stage_specs.heads import LayersSpec

    features = by_corpus(options.features)
    manifests = {path.stem: path for path in options.manifests}
    spec = LayersSpec.from_json(options.spec)
    probe_layers(features, manifests, spec, options.folder, options.out)


def _plot_layers(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.layers import read_layers
    from dfprobe.report.plots.layers import layers_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.heads import LayersFigureSpec

    table, labels = read_layers(options.table), LayersFigureSpec.from_json(options.spec)
    figure = layers_figure(table, labels.corpora, labels.label)
    save(figure, options.out)


def _plot_curves(options: argparse.Namespace) -> None:
    from dfprobe.heads.files.curves import read_curves
    from dfprobe.report.plots.save import save
    from dfprobe.report.plots.training_curves import training_curves_figure
    from dfprobe.settings.stage_specs.heads import TrainingFigureSpec
    from dfprobe.store.csv_files import write_csv

    table, stopping = read_curves(
        options.curves, TrainingFigureSpec.from_json(options.spec)
    )
    write_csv(table, options.table)
    save(training_curves_figure(table, stopping), options.out)


def _import_head(options: argparse.Namespace) -> None:
    from dfprobe.heads.published import import_head
    from dfprobe.settings.complete import read_config

    config = read_config(options.configfile)
    import_head(options.checkpoint, config, options.encoder, options.train, options.out)


def _score_videos(options: argparse.Namespace) -> None:
    from dfprobe.score.folder import score

    score(options.videos, options.head, options.out, options.curves)

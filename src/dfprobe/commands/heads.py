"""Heads: training, scores, what they look like."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from dfprobe.commands.arguments import (
    Stages,
    by_corpus,
    command,
    many,
    needed,
    some,
    stage,
    stores,
    streams,
)
from dfprobe.products import manifest_corpus

if TYPE_CHECKING:
    from dfprobe.heads.published import EncoderFeatures
    from dfprobe.settings.config import Config


def add(stages: Stages) -> None:
    """Add the subcommands."""
    about = "train heads on the features of a corpus"
    training = stage(stages, "train-head", _train_head, about, several=True)
    training.add_argument("manifest", type=Path, help="manifest of the training corpus")
    streams(training)
    needed(training, "--history", "losses of all epochs (CSV)")
    some(training, "--val", "scores of validation clips to write, one for each head")

    about = "score the test corpora with heads on one encoder"
    score = stage(
        stages, "score-corpora", _score_corpora, about, spec=False, several=True
    )
    many(score, "--manifests", "manifests of the test corpora")
    many(score, "--features", "the encoder's feature stores of these corpora")
    many(score, "--heads", "trained heads")
    many(score, "--curves", "curves (Parquet) to write, for the same heads as --out")

    about = "score a test corpus with a head"
    score = stage(stages, "score-clips", _score, about, spec=False)
    score.add_argument("manifest", type=Path, help="manifest of the test corpus")
    streams(score)
    needed(score, "--head", "trained head")
    score.add_argument("--mean", type=Path, help="scores by the mean over time")
    score.add_argument("--curves", type=Path, help="curves (Parquet) to write")

    about = "train and score probes on every hidden layer of an encoder"
    layers = stage(stages, "probe-layers", _probe_layers, about)
    many(layers, "--manifests", "manifests of all corpora")
    many(layers, "--features", "feature stores of all corpora")

    layers = stage(stages, "layers", _layers, "table of an encoder's layers")
    layers.add_argument("folder", type=Path, help="heads and scores of the layers")
    many(layers, "--manifests", "manifests of the test corpora")

    layers = stage(stages, "plot-layers", _plot_layers, "draw the layers' probes")
    layers.add_argument("table", type=Path, help="table of layers (CSV)")

    about = "draw the losses of training"
    histories = stage(stages, "plot-histories", _plot_histories, about)
    histories.add_argument("histories", type=Path, nargs="+", help="histories (CSV)")
    needed(histories, "--table", "all histories in one table to write")

    about = "score videos with trained probes; no labels, no workflow"
    videos = command(stages, "score", _score_videos, about)
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
    importer = command(stages, "import-head", _import_head, about)
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
    needed(importer, "--out", "head to write")
    importer.add_argument(
        "--configfile", type=Path, default=Path("config.yaml"), help="as for doctor"
    )


def _train_head(args: argparse.Namespace) -> None:
    from dfprobe.heads.training import train_heads
    from dfprobe.settings.stage_specs.heads import HeadSpec

    spec = HeadSpec.from_json(args.spec)
    train_heads(stores(args), args.manifest, spec, args.out, args.history, args.val)


def _score_corpora(args: argparse.Namespace) -> None:
    from dfprobe.heads.scoring import score_corpora

    features = by_corpus(args.features)
    manifests = {manifest_corpus(path): path for path in args.manifests}
    score_corpora(features, manifests, args.heads, args.out, args.curves)


def _score(args: argparse.Namespace) -> None:
    from dfprobe.heads.scoring import Scored, score_clips

    scored = Scored(args.head, args.out, args.curves, args.mean)
    score_clips(stores(args), args.manifest, [scored])


def _probe_layers(args: argparse.Namespace) -> None:
    from dfprobe.heads.layer_probes import probe_layers
    from dfprobe.settings.stage_specs.heads import LayersSpec

    features = by_corpus(args.features)
    manifests = {manifest_corpus(path): path for path in args.manifests}
    spec = LayersSpec.from_json(args.spec)
    probe_layers(features, manifests, spec, args.out)


def _layers(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.layers import make_layers
    from dfprobe.heads.kinds.layer_mix import mix_weights
    from dfprobe.heads.layer_probes import head_file
    from dfprobe.products import MIX_HEAD
    from dfprobe.settings.stage_specs.heads import LayersTableSpec

    spec = LayersTableSpec.from_json(args.spec)
    weights = {
        train: mix_weights(head_file(args.folder, MIX_HEAD, spec.encoder, train))
        for train in spec.train
    }
    scores = sorted(args.folder.glob("scores/**/*.parquet"))
    make_layers(scores, weights, args.manifests, spec, args.out)


def _plot_layers(args: argparse.Namespace) -> None:
    from dfprobe.evaluation.tables.layers import read_layers
    from dfprobe.report.plots.layers import layers_figure
    from dfprobe.report.plots.save import save
    from dfprobe.settings.stage_specs.heads import LayersFigureSpec

    table, spec = read_layers(args.table), LayersFigureSpec.from_json(args.spec)
    save(layers_figure(table, spec.corpora, spec.label), args.out)


def _plot_histories(args: argparse.Namespace) -> None:
    from dfprobe.heads.files.history import read_histories
    from dfprobe.report.plots.save import save
    from dfprobe.report.plots.training_curves import training_curves_figure
    from dfprobe.settings.stage_specs.heads import TrainingFigureSpec
    from dfprobe.store.csv_files import write_csv

    spec = TrainingFigureSpec.from_json(args.spec)
    table, stopping = read_histories(args.histories, spec)
    write_csv(table, args.table)
    save(training_curves_figure(table, stopping), args.out)


def _import_head(args: argparse.Namespace) -> None:
    from dfprobe.heads.published import import_head
    from dfprobe.settings.complete import read_config

    config = read_config(args.configfile)
    streams = [_features_of(config, name) for name in args.encoder]
    import_head(args.checkpoint, streams, args.train, args.out)


def _features_of(config: "Config", name: str) -> "EncoderFeatures":
    """Say what an encoder's features are; it is built, so its weights must be there."""
    from dfprobe.encoders import registry
    from dfprobe.errors import ConfigError, unknown_name
    from dfprobe.features.exchange import files_provenance
    from dfprobe.features.keys import provenance
    from dfprobe.heads.published import EncoderFeatures
    from dfprobe.media.crops import made_crops
    from dfprobe.planning import specs
    from dfprobe.settings.encoders import FeatureFiles

    if name not in config.encoders:
        known = config.encoders
        raise ConfigError(unknown_name("the config has no encoder", name, known))
    if isinstance(config.encoders[name], FeatureFiles):
        return EncoderFeatures(files_provenance(specs.files_spec(config, name)), None)
    spec = specs.features_spec(config, name)
    crops = made_crops(specs.crops_spec(config))
    encoder = registry.build(spec.encoder, spec.device)
    attributes = provenance(spec.encoder, encoder, spec.rows(), crops)
    return EncoderFeatures(attributes, encoder.dim)


def _score_videos(args: argparse.Namespace) -> None:
    from dfprobe.score.folder import score

    score(args.videos, args.head, args.out, args.curves)

"""The command line: one subcommand a stage. It parses, calls one function, and reports.

The stages import their own heavy packages, so each subcommand imports its stage itself.
"""

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from dfprobe.errors import ConfigError, DfprobeError

log = logging.getLogger("dfprobe")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand.

    Returns
    -------
    int
        0, or 1 after an error that was explained to the user.
    """
    options = _parser().parse_args(arguments)
    _log_to(options.log)
    # OpenCV does not heed the number of threads that Snakemake gives a job.
    os.environ.setdefault(
        "OPENCV_FOR_THREADS_NUM", os.environ.get("OMP_NUM_THREADS", "1")
    )
    try:
        options.run(options)
    except DfprobeError as error:
        log.error("error: %s", error)
        return 1
    except Exception:
        # Unforeseen: the traceback belongs into the log file too, not only on screen.
        log.exception("this is a bug in dfprobe, please report it with these lines")
        raise
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="dfprobe", description="Stages of the dfprobe workflow, one at a time."
    )
    parser.add_argument("--log", type=Path, help="write the messages to this file too")
    stages = parser.add_subparsers(required=True, metavar="STAGE")

    demo = _stage(stages, "demo", _demo, "generate a demo corpus")
    demo.add_argument("corpus", help="name of the corpus")

    manifest = _stage(stages, "manifest", _manifest, "list the clips of a corpus")
    manifest.add_argument("corpus", help="name of the corpus, for messages")

    crops = _stage(stages, "crops", _crops, "landmarks, mouth patches, 16 kHz audio")
    crops.add_argument("manifest", type=Path, help="manifest (Parquet)")
    crops.add_argument("shard", help="shard, e.g. 000")
    crops.add_argument("--index", type=Path, required=True, help="index to write")

    features = _stage(stages, "features", _features, "run an encoder over a shard")
    features.add_argument("manifest", type=Path, help="manifest (Parquet)")
    features.add_argument("crops", type=Path, help="crop store (HDF5)")
    features.add_argument("index", type=Path, help="index of the crop store (Parquet)")
    features.add_argument("shard", help="shard, e.g. 000")
    features.add_argument(
        "--threads", type=int, default=1, help="clips that are prepared at a time"
    )

    files = _stage(stages, "import-features", _import_features, "take feature files")
    files.add_argument("manifest", type=Path, help="manifest (Parquet)")
    files.add_argument("shard", help="shard, e.g. 000")

    about = "train heads on the features of a corpus"
    training = _stage(stages, "train-head", _train_head, about, several=True)
    training.add_argument("manifest", type=Path, help="manifest of the training corpus")
    _streams(training)
    training.add_argument("--curve", type=Path, required=True, help="curves (CSV)")

    about = "score a test corpus"
    score = _stage(stages, "score-clips", _score, about, spec=False, several=True)
    score.add_argument("manifest", type=Path, help="manifest of the test corpus")
    _streams(score)
    _many(score, "--heads", "trained heads on the same rows, one for each product")
    score.add_argument("--mean", type=Path, help="scores by the mean over time")
    score.add_argument("--curves", type=Path, help="values over time (Parquet)")

    about = "probes on every hidden layer of an encoder"
    layers = _stage(stages, "probe-layers", _probe_layers, about)
    _many(layers, "--manifests", "manifests of all corpora")
    _many(layers, "--features", "feature stores of all corpora")
    layers.add_argument("--folder", type=Path, required=True, help="heads, scores")

    layers = _stage(stages, "plot-layers", _plot_layers, "draw the layers' probes")
    layers.add_argument("table", type=Path, help="table of layers (CSV)")
    layers.add_argument("--svg", type=Path, required=True, help="SVG to write")

    about = "take the scores of a detector from outside"
    scores = _stage(stages, "import-scores", _import_scores, about, spec=False)
    scores.add_argument("csv", type=Path, help="its scores (CSV)")
    scores.add_argument("manifest", type=Path, help="manifest of the test corpus")

    matrix = _stage(stages, "matrix", _matrix, "the cross-corpus matrix")
    _many(matrix, "--scores", "score files")
    _many(matrix, "--manifests", "manifests of all corpora")
    _many(matrix, "--crops", "indexes of the test corpora's crops")
    matrix.add_argument("--long", type=Path, required=True, help="tidy table to write")
    matrix.add_argument("--pairs", type=Path, required=True, help="tests to write")
    _some(matrix, "--others", "matrices of the heads after the first to write")

    seeds = _stage(stages, "seeds", _seeds, "spread of the AUC over seeds")
    seeds.add_argument("long", type=Path, help="xdata_long.csv")

    about = "table of the heads that learn from real clips"
    _table(_stage(stages, "anomaly", _anomaly, about))
    _table(_stage(stages, "detectors", _detectors, "table of all detectors"))

    about = "the paper's values beside ours"
    paper = _stage(stages, "compare-with-paper", _paper, about)
    paper.add_argument("long", type=Path, help="xdata_long.csv")
    _some(paper, "--anomaly", "anomaly_long.csv")
    paper.add_argument(
        "--detectors", type=Path, required=True, help="detectors_long.csv"
    )
    paper.add_argument("--page", type=Path, required=True, help="page to write")

    curves = _stage(stages, "plot-curves", _plot_curves, "draw the training curves")
    curves.add_argument("curves", type=Path, nargs="+", help="curves (CSV)")
    curves.add_argument("--svg", type=Path, required=True, help="SVG to write")

    figure = _stage(stages, "plot-matrix", _figure, "draw the matrix")
    figure.add_argument("matrix", type=Path, help="xdata_matrix.csv")
    figure.add_argument("--svg", type=Path, required=True, help="SVG to write")

    summary = _stage(stages, "summary", _summary, "the report of a run, in words")
    summary.add_argument("matrix", type=Path, help="xdata_matrix.csv")
    summary.add_argument("long", type=Path, help="xdata_long.csv")
    _many(summary, "--manifests", "manifests of the test corpora")
    _many(summary, "--crops", "indexes of the test corpora's crops")
    _many(summary, "--scores", "score files")

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
        help="head file, or encoder with heads in results/heads/linear; repeatable",
    )
    videos.add_argument("--out", type=Path, help="scores (.csv or .json) to write")
    videos.add_argument("--curves", type=Path, help="folder for the curves over time")

    about = "write feature stores as .npz files in the published layout"
    exporter = stages.add_parser("export-features", help=about, description=f"{about}.")
    exporter.set_defaults(run=_export_features)
    exporter.add_argument("stores", type=Path, nargs="+", help="feature stores")
    exporter.add_argument("--out", type=Path, required=True, help="folder to write")

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

    about = "what the files of a shard hold"
    facts = _stage(stages, "audit-facts", _audit_facts, about, spec=False)
    facts.add_argument("manifest", type=Path, help="manifest (Parquet)")
    facts.add_argument("shard", help="shard, e.g. 000")

    page = _stage(stages, "audit-corpus", _audit_corpus, "the audit of a corpus")
    page.add_argument("manifest", type=Path, help="manifest (Parquet)")
    page.add_argument("facts", type=Path, nargs="+", help="facts of all shards")

    about = "shortcuts, broken files and overlap of a corpus; no workflow"
    audit = stages.add_parser("audit", help=about, description=f"{about}.")
    audit.set_defaults(run=_audit)
    audit.add_argument("folder", type=Path, nargs="?", help="root of the corpus")
    audit.add_argument(
        "--layout", default="folder", help="its layout; default: videos without labels"
    )
    audit.add_argument(
        "--splits",
        type=Path,
        help="folder of published lists; without FOLDER they alone are audited",
    )
    audit.add_argument(
        "--out", type=Path, default=Path("audit"), help="folder to write; audit/"
    )

    about = "what a configuration needs, and whether it is there"
    doctor = stages.add_parser("doctor", help=about, description=f"{about}.")
    doctor.set_defaults(run=_doctor)
    doctor.add_argument(
        "--configfile",
        type=Path,
        default=Path("config.yaml"),
        help="configuration (YAML), as for snakemake; default: config.yaml",
    )

    about = "list, check or fetch published weights"
    weights = stages.add_parser("weights", help=about, description=f"{about}.")
    weights.set_defaults(run=_weights)
    actions = ["list", "check", "fetch"]
    weights.add_argument("action", nargs="?", default="list", choices=actions)
    weights.add_argument("names", nargs="*", metavar="NAME", help="default: all")
    return parser


def _stage(
    stages: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    run: Callable[[argparse.Namespace], None],
    about: str,
    spec: bool = True,
    several: bool = False,
) -> argparse.ArgumentParser:
    """Add a subcommand with the options that all stages share."""
    parser = stages.add_parser(name, help=about, description=f"{about}.")
    parser.set_defaults(run=run)
    products = "+" if several else None
    parser.add_argument(
        "--out", type=Path, required=True, nargs=products, help="product to write"
    )
    if spec:
        parser.add_argument(
            "--spec",
            type=json.loads,
            required=True,
            help="settings of the stage (JSON)",
        )
    return parser


def _many(parser: argparse.ArgumentParser, option: str, about: str) -> None:
    parser.add_argument(option, type=Path, nargs="+", required=True, help=about)


def _some(parser: argparse.ArgumentParser, option: str, about: str) -> None:
    parser.add_argument(option, type=Path, nargs="*", default=[], help=about)


def _streams(parser: argparse.ArgumentParser) -> None:
    """Add the feature stores of one or two encoders."""
    _many(parser, "--features", "feature stores of an encoder")
    _some(parser, "--second", "feature stores of a second encoder, for pairs")


def _table(parser: argparse.ArgumentParser) -> None:
    """Add what a table of scores is made from, and its tidy form."""
    _many(parser, "--scores", "score files")
    _many(parser, "--manifests", "manifests of the test corpora")
    parser.add_argument("--long", type=Path, required=True, help="tidy table to write")


def _stores(options: argparse.Namespace) -> list[list[Path]]:
    return [options.features, options.second] if options.second else [options.features]


def _log_to(path: Path | None) -> None:
    """Send messages to the terminal and, where given, to a file."""
    log.setLevel(logging.INFO)
    log.handlers.clear()
    handlers: list[logging.Handler] = [logging.StreamHandler(sys.stderr)]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, mode="w", encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
        log.addHandler(handler)


def _demo(options: argparse.Namespace) -> None:
    from dfprobe.corpora.demo.make import make_demo

    spec = options.spec
    make_demo(spec["layout"], Path(spec["root"]), spec["demo"], options.out)


def _manifest(options: argparse.Namespace) -> None:
    from dfprobe.corpora.manifest import make_manifest

    make_manifest(options.corpus, options.spec, options.out)


def _crops(options: argparse.Namespace) -> None:
    from dfprobe.media.crops import make_crops

    make_crops(
        options.manifest, options.shard, options.spec, options.out, options.index
    )


def _features(options: argparse.Namespace) -> None:
    from dfprobe.features.extract import extract_features

    extract_features(
        options.manifest,
        options.crops,
        options.index,
        options.shard,
        options.spec,
        options.out,
        options.threads,
    )


def _import_features(options: argparse.Namespace) -> None:
    from dfprobe.features.exchange import import_features

    import_features(options.manifest, options.shard, options.spec, options.out)


def _export_features(options: argparse.Namespace) -> None:
    from dfprobe.features.exchange import export_features

    export_features(options.stores, options.out)


def _train_head(options: argparse.Namespace) -> None:
    from dfprobe.heads.training import train_heads

    train_heads(
        _stores(options), options.manifest, options.spec, options.out, options.curve
    )


def _score(options: argparse.Namespace) -> None:
    from dfprobe.heads.scoring import score_clips

    score_clips(
        _stores(options),
        options.manifest,
        options.heads,
        options.out,
        options.mean,
        options.curves,
    )


def _probe_layers(options: argparse.Namespace) -> None:
    from dfprobe.heads.layer_probes import probe_layers

    features: dict[str, list[Path]] = {}
    for path in options.features:
        features.setdefault(path.parent.name, []).append(path)
    manifests = {path.stem: path for path in options.manifests}
    probe_layers(features, manifests, options.spec, options.folder, options.out)


def _plot_layers(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.layers import read_layers
    from dfprobe.plots.layers import layers_figure
    from dfprobe.plots.save import save_figure

    table, labels = read_layers(options.table), options.spec
    figure = layers_figure(table, labels["corpora"], labels["label"])
    for path in (options.out, options.svg):
        save_figure(figure, path)


def _import_scores(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.detectors import import_external

    import_external(options.csv, options.manifest, options.out)


def _score_videos(options: argparse.Namespace) -> None:
    from dfprobe.score.command import score

    score(options.videos, options.head, options.out, options.curves)


def _import_head(options: argparse.Namespace) -> None:
    from dfprobe.config import read_config
    from dfprobe.heads.published import import_head

    config = read_config(options.configfile)
    import_head(options.checkpoint, config, options.encoder, options.train, options.out)


def _matrix(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.matrix import Tables, make_matrix

    make_matrix(
        options.scores,
        options.manifests,
        options.crops,
        _with_named_encoders(options.spec),
        Tables(options.out, options.long, options.pairs, options.others),
    )


def _seeds(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.seeds import make_seeds

    heads = {e["name"]: (e["entry"], e["seed"]) for e in options.spec["heads"]}
    make_seeds([options.long], heads, options.out)


def _anomaly(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.anomaly import make_anomaly

    make_anomaly(
        options.scores, options.manifests, options.spec, options.out, options.long
    )


def _detectors(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.detectors import make_detectors

    make_detectors(
        options.scores, options.manifests, options.spec, options.out, options.long
    )


def _paper(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.paper import compare_with_paper

    anomaly = options.anomaly[0] if options.anomaly else None
    compare_with_paper(
        options.long,
        anomaly,
        options.detectors,
        options.spec,
        options.out,
        options.page,
    )


def _plot_curves(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.curves import read_curves
    from dfprobe.plots.save import save_figure
    from dfprobe.plots.training_curves import training_curves_figure

    figure = training_curves_figure(*read_curves(options.curves, options.spec))
    for path in (options.out, options.svg):
        save_figure(figure, path)


def _figure(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.matrix import read_matrix
    from dfprobe.plots.matrix import matrix_figure
    from dfprobe.plots.save import save_figure

    figure = matrix_figure(read_matrix(options.matrix), options.spec["corpora"])
    for path in (options.out, options.svg):
        save_figure(figure, path)


def _summary(options: argparse.Namespace) -> None:
    from dfprobe.evaluation.summary import write_summary

    write_summary(
        options.matrix,
        options.long,
        options.manifests,
        options.crops,
        options.scores,
        _with_named_encoders(options.spec),
        options.out,
    )


def _audit_facts(options: argparse.Namespace) -> None:
    from dfprobe.audit.facts_table import make_facts

    make_facts(options.manifest, options.shard, options.out)


def _audit_corpus(options: argparse.Namespace) -> None:
    from dfprobe.audit.report import audit_corpus

    audit_corpus(options.manifest, options.facts, options.spec, options.out)


def _audit(options: argparse.Namespace) -> None:
    from dfprobe.audit.command import audit

    audit(options.folder, options.layout, options.splits, options.out)


def _doctor(options: argparse.Namespace) -> None:
    from dfprobe.doctor.report import examine

    if not examine(options.configfile):
        raise ConfigError(
            f"a run with {options.configfile} cannot start: see the rows marked with !"
        )


def _weights(options: argparse.Namespace) -> None:
    from dfprobe.weights.commands import run

    run(options.action, options.names)


def _with_named_encoders(spec: dict[str, Any]) -> dict[str, Any]:
    """Turn the list of encoders, whose order is that of the rows, into a dict."""
    return spec | {"encoders": {entry["name"]: entry for entry in spec["encoders"]}}

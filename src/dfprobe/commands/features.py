"""From clips to rows: crops, features, feature files."""

import argparse
from pathlib import Path

from dfprobe.commands.arguments import Stages, command, needed, stage


def add(stages: Stages) -> None:
    """Add the subcommands."""
    crops = stage(stages, "crops", _crops, "landmarks, mouth patches, 16 kHz audio")
    crops.add_argument("manifest", type=Path, help="manifest (Parquet)")
    crops.add_argument("shard", help="shard, e.g. 000")
    needed(crops, "--index", "index to write")
    crops.add_argument(
        "--threads", type=int, default=1, help="clips that are computed concurrently"
    )

    features = stage(stages, "features", _features, "run an encoder over a shard")
    features.add_argument("manifest", type=Path, help="manifest (Parquet)")
    features.add_argument("crops", type=Path, help="crop store (HDF5)")
    features.add_argument("index", type=Path, help="index of the crop store (Parquet)")
    features.add_argument("shard", help="shard, e.g. 000")
    features.add_argument(
        "--threads", type=int, default=1, help="clips that are prepared concurrently"
    )

    files = stage(stages, "import-features", _import_features, "take feature files")
    files.add_argument("manifest", type=Path, help="manifest (Parquet)")
    files.add_argument("shard", help="shard, e.g. 000")

    about = "write feature stores as .npz files in the published layout"
    exporter = command(stages, "export-features", _export_features, about)
    exporter.add_argument("stores", type=Path, nargs="+", help="feature stores")
    needed(exporter, "--out", "folder to write")


def _crops(args: argparse.Namespace) -> None:
    from dfprobe.media.crops import make_crops
    from dfprobe.settings.stage_specs.features import CropsSpec

    spec = CropsSpec.from_json(args.spec)
    make_crops(args.manifest, args.shard, spec, args.out, args.index, args.threads)


def _features(args: argparse.Namespace) -> None:
    from dfprobe.features.extract import extract_features
    from dfprobe.settings.stage_specs.features import FeaturesSpec

    spec = FeaturesSpec.from_json(args.spec)
    extract_features(
        args.manifest, args.crops, args.index, args.shard, spec, args.out, args.threads
    )


def _import_features(args: argparse.Namespace) -> None:
    from dfprobe.features.exchange import import_features
    from dfprobe.settings.stage_specs.features import FilesSpec

    spec = FilesSpec.from_json(args.spec)
    import_features(args.manifest, args.shard, spec, args.out)


def _export_features(args: argparse.Namespace) -> None:
    from dfprobe.features.exchange import export_features

    export_features(args.stores, args.out)

"""Arguments that subcommands share."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from dfprobe.products import shard_corpus

# What `add_subparsers` gives.
Stages: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"


Run: TypeAlias = Callable[[argparse.Namespace], None]


def command(stages: Stages, name: str, run: Run, about: str) -> argparse.ArgumentParser:
    """Add a subcommand without any options."""
    parser = stages.add_parser(name, help=about, description=f"{about}.")
    parser.set_defaults(run=run)
    return parser


def stage(
    stages: Stages,
    name: str,
    run: Run,
    about: str,
    spec: bool = True,
    several: bool = False,
) -> argparse.ArgumentParser:
    """Add a subcommand with the options that all stages share."""
    parser = command(stages, name, run, about)
    products = "+" if several else None
    parser.add_argument(
        "--out", type=Path, required=True, nargs=products, help="product to write"
    )
    if spec:
        parser.add_argument(
            "--spec", required=True, help="settings of the stage (JSON)"
        )
    return parser


def needed(parser: argparse.ArgumentParser, option: str, about: str) -> None:
    """Add an option that takes one path."""
    parser.add_argument(option, type=Path, required=True, help=about)


def many(parser: argparse.ArgumentParser, option: str, about: str) -> None:
    """Add an option that takes one or more paths."""
    parser.add_argument(option, type=Path, nargs="+", required=True, help=about)


def some(parser: argparse.ArgumentParser, option: str, about: str) -> None:
    """Add an option that takes any number of paths."""
    parser.add_argument(option, type=Path, nargs="*", default=[], help=about)


def streams(parser: argparse.ArgumentParser) -> None:
    """Add the feature stores of one or two encoders."""
    many(parser, "--features", "feature stores of an encoder")
    some(parser, "--second", "feature stores of a second encoder, for pairs")


def table(parser: argparse.ArgumentParser) -> None:
    """Add what a table of scores is made from, and its tidy form."""
    many(parser, "--scores", "score files")
    many(parser, "--manifests", "manifests of the test corpora")
    needed(parser, "--long", "tidy table to write")


def stores(args: argparse.Namespace) -> list[list[Path]]:
    """Feature stores of each encoder."""
    return [args.features, args.second] if args.second else [args.features]


def by_corpus(paths: list[Path]) -> dict[str, list[Path]]:
    """Feature stores of each corpus, which their folder names."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        found.setdefault(shard_corpus(path), []).append(path)
    return found

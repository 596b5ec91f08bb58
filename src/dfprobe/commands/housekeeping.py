"""What lies in the results folder: gc, status."""

import argparse
from pathlib import Path

from dfprobe.commands.arguments import Stages, command


def add(stages: Stages) -> None:
    """Add the subcommands."""
    about = "list or delete products that the configuration no longer names"
    gc = command(stages, "gc", _gc, about)
    gc.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[Path("config.yaml")],
        help="configurations whose results are kept; default: config.yaml",
    )
    gc.add_argument("--delete", action="store_true", help="delete; default: list only")

    about = "jobs that are done, stale, missing or failed, per stage; starts nothing"
    status = command(stages, "status", _status, about)
    status.add_argument(
        "--configfile",
        type=Path,
        nargs="+",
        default=[],
        help="configurations, as for snakemake; default: config.yaml",
    )


def _gc(options: argparse.Namespace) -> None:
    from dfprobe.housekeeping.leftovers import collect_garbage

    collect_garbage(options.configfile, options.delete)


def _status(options: argparse.Namespace) -> None:
    from dfprobe.housekeeping.state import show_state

    show_state(options.configfile)

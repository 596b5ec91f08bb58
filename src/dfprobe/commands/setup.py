"""What a run needs, what a configuration may say, what lies in the results folder."""

import argparse
import json
import sys
from pathlib import Path

from dfprobe.commands.arguments import Stages, command
from dfprobe.errors import ConfigError


def add(stages: Stages) -> None:
    """Add the subcommands."""
    about = "what a configuration needs, and whether it is there"
    doctor = command(stages, "doctor", _doctor, about)
    doctor.add_argument(
        "--configfile",
        type=Path,
        default=Path("config.yaml"),
        help="configuration (YAML), as for snakemake; default: config.yaml",
    )

    about = "list, check or fetch published weights"
    weights = command(stages, "weights", _weights, about)
    actions = ["list", "check", "fetch"]
    weights.add_argument("action", nargs="?", default="list", choices=actions)
    weights.add_argument("names", nargs="*", metavar="NAME", help="default: all")

    about = "the JSON Schema of configurations: every key, its default, what it means"
    command(stages, "config-schema", _config_schema, about)

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


def _doctor(args: argparse.Namespace) -> None:
    from dfprobe.doctor.examine import examine

    if not examine(args.configfile):
        raise ConfigError(
            f"a run with {args.configfile} cannot start: see the rows marked with !"
        )


def _weights(args: argparse.Namespace) -> None:
    from dfprobe.weights.commands import run

    run(args.action, args.names)


def _config_schema(args: argparse.Namespace) -> None:
    from dfprobe.settings.config import Config

    sys.stdout.write(f"{json.dumps(Config.model_json_schema(), indent=2)}\n")


def _gc(args: argparse.Namespace) -> None:
    from dfprobe.housekeeping.leftovers import collect_garbage

    collect_garbage(args.configfile, args.delete)


def _status(args: argparse.Namespace) -> None:
    from dfprobe.housekeeping.state import show_state

    show_state(args.configfile)

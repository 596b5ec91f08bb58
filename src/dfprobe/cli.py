"""The command line: one subcommand per stage. It parses, calls a function, reports.

The stages import their own heavy packages, so each subcommand imports its stage itself.
"""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dfprobe.commands import (
    corpora,
    explanations,
    features,
    heads,
    setup,
    site,
    tables,
)
from dfprobe.errors import DfprobeError

_GROUPS = (corpora, features, heads, tables, explanations, site, setup)

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
        prog="dfprobe",
        description="Single stages of the dfprobe workflow, and tools beside it.",
    )
    parser.add_argument("--log", type=Path, help="write the messages to this file too")
    stages = parser.add_subparsers(required=True, metavar="STAGE")
    for group in _GROUPS:
        group.add(stages)
    return parser


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

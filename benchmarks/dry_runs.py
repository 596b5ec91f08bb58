"""Seconds that planning takes: a dry run with nothing made, and one with all made.

The first plans every job of the default run in an empty folder. The second looks at a
finished run, in which nothing is to be done, and says so.
"""

import argparse
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]


class Planned(NamedTuple):
    """What one dry run took, and the jobs that it wants to run."""

    wall: float
    cpu: float
    jobs: int


def plan(folder: Path, project: Path) -> Planned:
    """Plan the default run of a project in a working folder.

    Parameters
    ----------
    folder : Path
        Where ``results`` is, or would be.
    project : Path
        Where the Snakefile and the configuration are.
    """
    command = [sys.executable, "-m", "snakemake", "--dry-run", "--cores", "1"]
    command += ["--snakefile", str(project / "Snakefile")]
    command += ["--configfile", str(project / "config.yaml")]
    command += ["--directory", str(folder)]
    start, cpu = time.perf_counter(), _children()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall = time.perf_counter() - start
    text = done.stdout + done.stderr
    if done.returncode:
        sys.exit(f"The dry run in {folder} failed:\n{text}")
    totals = re.findall(r"^total\s+(\d+)$", text, re.MULTILINE)
    return Planned(wall, _children() - cpu, int(totals[0]) if totals else 0)


def _children() -> float:
    """Processor seconds of all processes that were started and are over."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--project", type=Path, default=ROOT, help="with the Snakefile")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    print("| what is planned | jobs to do | seconds | CPU seconds |")
    print("| :-- | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as empty:
        folders = {"nothing made": Path(empty), "all made": args.project}
        for name, folder in folders.items():
            runs = [plan(folder, args.project) for _ in range(args.rounds)]
            wall, cpu = (
                statistics.median(run[side] for run in runs) for side in (0, 1)
            )
            print(f"| {name} | {runs[-1].jobs} | {wall:.1f} | {cpu:.1f} |", flush=True)


if __name__ == "__main__":
    main()

"""Running the workflow in a subprocess, as a user does."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path


def environment(others: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return an environment in which jobs find this interpreter's programs."""
    scripts = str(Path(sys.executable).parent)
    return {**others, "PATH": f"{scripts}{os.pathsep}{others['PATH']}"}


def snakemake(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a project; stdout and stderr come back as one text."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    return subprocess.run(
        command,
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

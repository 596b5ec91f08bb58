"""Running the workflow in a subprocess, as a user does."""

import os
import subprocess
import sys
from pathlib import Path


def snakemake(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a project; stdout and stderr come back as one text."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    scripts = str(Path(sys.executable).parent)
    return subprocess.run(
        command,
        cwd=project,
        env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

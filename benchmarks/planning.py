"""Jobs, processor time and peak memory of the plan of the paper's run and larger ones.

Each case is a dry run (``snakemake -n``) in a process of its own, in an empty project:
planning reads no corpus, so none has to be there. The larger runs are the paper's
configuration with more in it. A case over a limit ends the command with status 1.
"""

import copy
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[1]
JOBS, CPU_SECONDS, PEAK_GB = 5_000, 15.0, 1.0  # limits
_TOTAL = re.compile(r"^total +(\d+)$", re.MULTILINE)

Config = dict[str, Any]


class Planned(NamedTuple):
    """What one plan took."""

    jobs: int
    cpu_seconds: float
    seconds: float
    peak_gb: float

    def within(self) -> bool:
        """Whether it keeps all limits."""
        return (
            self.jobs < JOBS
            and self.cpu_seconds < CPU_SECONDS
            and self.peak_gb < PEAK_GB
        )


def paper(config: Config) -> Config:
    """Four corpora, 50,596 clips, 181 shards."""
    return config


def six_corpora(config: Config) -> Config:
    """The paper's six: also ExDDV, and the 50,000 real clips of AV-Deepfake1M."""
    config["corpora"]["exddv"] = {
        **{"layout": "exddv", "root": "data/ExDDV"},
        **{"shards": 20, "watch": False},
    }
    config["corpora"]["av1m_real"] = {
        **{"layout": "av_deepfake1m", "root": "data/AV-Deepfake1M"},
        **{"splits": "data/AVH-Align/av1m_metadata", "fakes": "any"},
        **{"shards": 150, "watch": False},
    }
    config["test"].append("exddv")
    config["anomaly"]["corpus"] = "av1m_real"
    return config


def whole_av1m(config: Config) -> Config:
    """All 1,146,760 clips of AV-Deepfake1M: 200 shards of 5,700 clips."""
    config["corpora"]["av1m"] |= {"splits": None, "shards": 200}
    return config


CASES: dict[str, Callable[[Config], Config]] = {
    "paper": paper,
    "six corpora": six_corpora,
    "whole AV-Deepfake1M": whole_av1m,
}


def plan(config: Config) -> Planned:
    """Plan a configuration in a fresh project."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        for name in ("workflow", "profiles", "envs"):
            shutil.copytree(ROOT / name, project / name)
        shutil.copy(ROOT / "Snakefile", project)
        (project / "run.yaml").write_text(yaml.safe_dump(config, sort_keys=False))
        return _dry_run(project)


def _dry_run(project: Path) -> Planned:
    command = [*(sys.executable, "-m", "snakemake"), "-n", "--cores", "1"]
    start = time.perf_counter()
    with (project / "plan.txt").open("w") as out:
        process = subprocess.Popen(
            [*command, "--configfile", "run.yaml"],
            **{"cwd": project, "stdout": out, "stderr": subprocess.STDOUT},
        )
        _, status, usage = os.wait4(process.pid, 0)  # this child's own peak
    seconds = time.perf_counter() - start
    text = (project / "plan.txt").read_text()
    process.returncode = os.waitstatus_to_exitcode(status)
    total = _TOTAL.search(text)
    if process.returncode or total is None:
        sys.exit(f"The plan failed:\n{text[-2000:]}")
    cpu = usage.ru_utime + usage.ru_stime
    return Planned(int(total[1]), cpu, seconds, usage.ru_maxrss * 1024 / 1e9)


def main() -> None:
    """Plan each case, print the table, fail where a limit is passed."""
    entered = yaml.safe_load((ROOT / "config/paper.yaml").read_text())
    print(f"Limits: {JOBS:,} jobs, {CPU_SECONDS:.0f} CPU seconds, {PEAK_GB:.0f} GB.\n")
    print("| run | jobs | CPU seconds | seconds | peak GB |")
    print("| :-- | --: | --: | --: | --: |")
    kept = True
    for name, change in CASES.items():
        took = plan(change(copy.deepcopy(entered)))
        kept &= took.within()
        print(
            f"| {name} | {took.jobs:,} | {took.cpu_seconds:.1f} | {took.seconds:.1f} "
            f"| {took.peak_gb:.2f} |",
            flush=True,
        )
    sys.exit(not kept)


if __name__ == "__main__":
    main()

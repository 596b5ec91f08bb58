"""`kill -9` of jobs and of the main process, again and again, costs no byte.

CHAOS_KILLS is the number of kills (20 by default), CHAOS_SEED what they are drawn from.
"""

import os
import subprocess
import time
from collections import Counter
from pathlib import Path
from random import Random

import psutil

from chaos.chaos_run import (
    assert_same,
    command,
    environment,
    products,
    snakemake,
    unmade,
)

KILLS = int(os.environ.get("CHAOS_KILLS", "20"))
SEED = int(os.environ.get("CHAOS_SEED", "43"))
LIMIT_S = 600  # for one run, and for the jobs that outlive it


class DisturbedRun:
    """One run of the workflow, whose processes are killed while it goes on."""

    def __init__(self, project: Path, rng: Random) -> None:
        self._rng = rng
        self._log = project / "run.log"
        with self._log.open("w") as log:
            self.main = subprocess.Popen(
                command("--set-threads", "make_crops=2"),  # with processes below it
                cwd=project,
                env=environment(),
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.jobs: set[psutil.Process] = set()

    @property
    def going(self) -> bool:
        return self.main.poll() is None

    @property
    def text(self) -> str:
        return self._log.read_text()

    def kill(self) -> str | None:
        """Kill at a random point; the kind of the process, None if the run was over."""
        wanted = len(self.jobs) + self._rng.randint(1, 3)  # jobs that start before
        kind = self._rng.choice(["job", "main"])
        while len(self.jobs) < wanted:
            if not self.going:
                return None
            self._look()
            time.sleep(0.02)
        time.sleep(self._rng.uniform(0, 2))
        self._look()
        if not self.going:
            return None
        if kind == "main":
            self.main.kill()
            self.main.wait()
            return kind
        alive = sorted(
            (job for job in self.jobs if is_running(job)), key=lambda job: job.pid
        )
        if not alive:
            return None
        self._rng.choice(alive).kill()
        return kind

    def wait(self) -> int:
        """Let the run come to its end; its exit status."""
        return self.main.wait(LIMIT_S)

    def _look(self) -> None:
        """Note the jobs that have started."""
        try:
            below = psutil.Process(self.main.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return
        self.jobs.update(process for process in below if is_job(process))


def is_job(process: psutil.Process) -> bool:
    try:
        return process.cmdline()[1:3] == ["-m", "dfprobe"]
    except psutil.Error:
        return False


def is_running(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def test_kills_cost_no_byte(undisturbed, expected, tmp_path, capfd):
    rng = Random(SEED)
    counts: Counter[str] = Counter()
    outlived: set[psutil.Process] = set()
    project = unmade(undisturbed, tmp_path / "round0")
    while True:
        run = DisturbedRun(project, rng)
        counts["runs"] += 1
        killed = Counter()
        while run.going and counts["job"] + counts["main"] < KILLS:
            if kind := run.kill():
                counts[kind] += 1
                killed[kind] += 1
        status = run.wait()
        outlived |= run.jobs
        if killed["main"]:
            unlock(project, told=counts["main"] == 1)
            counts["unlocked"] += 1
        elif killed["job"]:
            assert "Traceback" not in run.text, run.text
        else:
            assert status == 0, run.text
        if status:
            continue
        psutil.wait_procs(outlived, LIMIT_S)
        assert_same(products(project), expected)
        counts["recovered runs, all bytes equal"] += 1
        if counts["job"] + counts["main"] >= KILLS:
            break
        project = unmade(undisturbed, tmp_path / f"round{counts['runs']}")
    with capfd.disabled():
        told = ", ".join(f"{name} {count}" for name, count in counts.items())
        print(f"\nkill -9 (seed {SEED}): {told}")  # noqa: T201


def unlock(project: Path, told: bool) -> None:
    """Remove the lock of a main process that was killed, as its user is told to."""
    if told:
        refused = snakemake(project)
        assert refused.returncode == 1
        assert "--unlock" in refused.stdout
    run = snakemake(project, "--unlock")
    assert run.returncode == 0, run.stdout

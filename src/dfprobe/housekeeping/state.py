"""``dfprobe status``: what the next run would do, and which jobs failed before.

Snakemake plans in this process, as for a dry run: it starts no job and takes no lock.
"""

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake.api import SnakemakeApi
from snakemake.exceptions import WorkflowError
from snakemake.settings.types import (
    ConfigSettings,
    DAGSettings,
    OutputSettings,
    Quietness,
    RerunTrigger,
    ResourceSettings,
)

from dfprobe.doctor.findings import Finding, table
from dfprobe.errors import ConfigError
from dfprobe.planning import code_stamps

# As in the profiles.
RERUN_TRIGGERS = RerunTrigger.all() - {RerunTrigger.CODE}
_LOCKS = Path(".snakemake/locks")
_STATES = ("done", "stale", "missing", "failed")
_HEADERS = ("stage", "jobs", *_STATES)
# As the command line writes them into the log of a job.
_ERROR = re.compile(r"\d\d:\d\d:\d\d (error: .*|this is a bug in dfprobe.*)")


@dataclass(frozen=True)
class Job:
    """A job of the plan."""

    stage: str  # name of its rule
    # "done"; "stale": exists, but is outdated; "missing": does not exist; "failed":
    # does not exist, and its log ends in an error
    state: str
    log: str = ""  # its log file, if it failed
    error: str = ""  # first line of the error


def show_state(configfiles: list[Path]) -> None:
    """Print the state of all stages, and the errors of the jobs that failed.

    ``configfiles`` are as for ``snakemake --configfile``; none for the default run.

    Raises
    ------
    ConfigError
        If the configuration cannot be planned.
    """
    jobs = planned_jobs(configfiles)
    sys.stdout.write(f"{_table(jobs)}\n")
    if _LOCKS.is_dir() and any(_LOCKS.iterdir()):
        sys.stdout.write(
            "\nA run is in progress, or was killed: the folder is locked.\n"
        )
    for job in jobs:
        if job.state == "failed":
            sys.stdout.write(f"\n{job.log}\n  {job.error}\n")


def planned_jobs(configfiles: list[Path]) -> list[Job]:
    """Return all jobs of the default target, in the order of the rules.

    Outdated code stamps are left as they are (a run in progress would record the new
    ones for products of the old code), and their jobs count as stale.

    Raises
    ------
    ConfigError
        If the configuration cannot be planned.
    """
    missing = [path for path in [Path("Snakefile"), *configfiles] if not path.is_file()]
    if missing:
        raise ConfigError(
            f"{missing[0]} does not exist; run dfprobe in the folder that holds the "
            "Snakefile, or name the configuration with --configfile"
        )
    output = OutputSettings(quiet={Quietness.ALL}, enable_file_logging=False)
    try:
        with code_stamps.keep_stamps() as outdated, SnakemakeApi(output) as api:
            workflow = api.workflow(
                resource_settings=ResourceSettings(cores=1),
                config_settings=ConfigSettings(configfiles=configfiles),
                snakefile=Path("Snakefile"),
            )
            planning = workflow.dag(
                DAGSettings(force_incomplete=True, rerun_triggers=RERUN_TRIGGERS)
            )
            planning.execute_workflow(executor="dryrun")
            return _jobs(workflow._workflow, outdated)
    except WorkflowError as error:
        raise ConfigError(f"the run cannot be planned: {error}") from error


def _jobs(workflow: Any, outdated: set[str]) -> list[Job]:
    dag = workflow.dag
    stale = set(dag.needrun_jobs(exclude_finished=False))
    waiting = [job for job in dag.jobs if job in stale or outdated & set(job.input)]
    while waiting:  # whatever reads a stale product is stale
        job = waiting.pop()
        stale.add(job)
        waiting += [after for after in dag.depending[job] if after not in stale]
    order = {rule.name: place for place, rule in enumerate(workflow.rules)}
    jobs = (job for job in dag.jobs if job.output)  # all but the target itself
    by_rule = sorted(jobs, key=lambda job: (order[job.rule.name], str(job.output[0])))
    return [_job(job, job in stale) for job in by_rule]


def _job(job: Any, stale: bool) -> Job:
    if not stale:
        return Job(job.rule.name, "done")
    if any(Path(str(path)).exists() for path in job.output):
        return Job(job.rule.name, "stale")
    for log in map(str, job.log):
        error = _error(Path(log))
        if error:
            return Job(job.rule.name, "failed", log, error)
    return Job(job.rule.name, "missing")


def _error(log: Path) -> str:
    """Error at the end of a job's log, empty if there is none."""
    if not log.is_file():
        return ""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((m[1] for m in map(_ERROR.fullmatch, lines) if m), "")


def _table(jobs: list[Job]) -> str:
    counts: dict[str, Counter[str]] = {}
    for job in jobs:
        counts.setdefault(job.stage, Counter())[job.state] += 1
    counts["all"] = Counter(job.state for job in jobs)
    return table(_HEADERS, (_row(stage, states) for stage, states in counts.items()))


def _row(name: str, states: Counter[str]) -> Finding:
    numbers = [str(states[state] or "") for state in _STATES]
    cells = (name, str(states.total()), *numbers)
    return Finding(cells, ok=not states["failed"])

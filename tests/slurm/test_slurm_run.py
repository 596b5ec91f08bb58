"""The workflow on a SLURM cluster of one node, where jobs are cancelled and preempted.

Run by `make test-slurm`; skipped where SLURM or Snakemake's plugin for it is missing.
"""

import importlib.util
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from running import environment, snakemake
from slurm.cluster import Cluster, missing_programs, processes_of, running_cluster
from small_run import SMALL_CONFIG

if missing := missing_programs():
    pytest.skip(
        f"SLURM is not installed (no {', '.join(missing)})", allow_module_level=True
    )
if importlib.util.find_spec("snakemake_executor_plugin_slurm") is None:
    pytest.skip(
        "Snakemake's SLURM plugin is not installed; `make test-slurm` installs it",
        allow_module_level=True,
    )

TABLES = [f"results/xdata_{name}.csv" for name in ("matrix", "long", "pairs")]
TARGETS = [*TABLES, "results/seeds.csv"]
CONFIG = SMALL_CONFIG | {
    "corpora": {"clean": SMALL_CONFIG["corpora"]["clean"]},
    "test": ["clean"],
    "encoders": {"lfcc": SMALL_CONFIG["encoders"]["lfcc"]},
    "heads": {"linear": SMALL_CONFIG["heads"]["linear"]},
    "anomaly": None,
    "external": {},
    "training": {"memory_mb": 1000},
}
FOUR_SHARDS = """
rule all:
    input: expand("{shard}.txt", shard=range(4))
rule extract_features:
    output: "{shard}.txt"
    shell: "sleep 60; touch {output}"
rule read_facts:
    output: "facts.txt"
    shell: "touch {output}"
"""
FEATURES = "rule_features_extract_features"  # two shards in one job
TRAINING = "rule_train_linear"
PATIENCE_S = 600  # seconds, on a busy host


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with running_cluster(tmp_path_factory.mktemp("slurm")) as cluster:
        yield cluster
    assert not processes_of(cluster.env["SLURM_CONF"])


@pytest.fixture(scope="module")
def runs(cluster, small_project, tmp_path_factory) -> tuple[Path, Path]:
    """The projects of a run on the cluster and of a local one, both finished."""
    projects = []
    for place in ("cluster", "local"):
        project = tmp_path_factory.mktemp(place) / "project"
        shutil.copytree(small_project, project)
        (project / "config.yaml").write_text(yaml.safe_dump(CONFIG))
        projects.append(project)
    on_cluster, local = projects
    _run_disturbed(on_cluster, cluster)
    done = snakemake(local, *TARGETS)
    assert done.returncode == 0, done.stdout
    return on_cluster, local


def test_the_tables_are_the_local_ones(runs):
    on_cluster, local = runs
    for table in TARGETS:
        assert (on_cluster / table).read_bytes() == (local / table).read_bytes(), table


def test_a_cancelled_job_is_tried_again_with_more(runs, cluster):
    (lost,) = _jobs(cluster, FEATURES, "CANCELLED")
    (again,) = _jobs(cluster, FEATURES, "COMPLETED")
    assert _memory(again) == 2 * _memory(lost)
    assert _minutes(again) == 2 * _minutes(lost)


def test_a_preempted_job_runs_again(runs, cluster):
    (job,) = _jobs(cluster, TRAINING, "COMPLETED")
    assert job["Restarts"] == "1"


def test_shards_share_a_job_and_its_gpu(runs, cluster):
    """They follow one another: their times are added up, not their memory."""
    (first,) = _jobs(cluster, FEATURES, "CANCELLED")
    assert (_minutes(first), _memory(first)) == (2 * 240, 2000)


def test_rules_that_use_a_gpu_ask_for_one(runs, cluster):
    asking = {job["Comment"] for job in cluster.jobs() if "TresPerJob" in job}
    assert asking == {FEATURES}
    for job in _jobs(cluster, FEATURES, "COMPLETED"):
        assert job["TresPerJob"] == "gres:gpu:1"


def test_gpu_jobs_wait_for_the_cluster_alone(cluster, tmp_path):
    """The one GPU of `profiles/default`, which is read too, is not one for all jobs."""
    shutil.copytree("profiles", tmp_path / "profiles")
    (tmp_path / "Snakefile").write_text(FOUR_SHARDS)
    before = {job["JobId"] for job in cluster.jobs()}
    with _started(tmp_path, cluster) as (run, output):

        def at_once() -> list[str]:
            """Return the jobs of both groups of shards, while both are in the queue."""
            ours = [
                job["JobId"]
                for state in ("PENDING", "RUNNING")
                for job in _jobs(cluster, FEATURES, state)
                if job["JobId"] not in before
            ]
            return ours if len(ours) == 2 else []

        jobs = _wait_for(at_once, run, output)
        cluster.run("scancel", *jobs)


def test_small_steps_stay_local(runs, cluster):
    rules = {job["Comment"].split("_wildcards_")[0] for job in cluster.jobs()}
    assert rules - {"urgent"} == {
        "rule_make_manifest",
        "rule_make_crops",
        FEATURES,
        TRAINING,
        "rule_score_linear",
        "rule_make_matrix",
    }


def _jobs(cluster: Cluster, rule: str, state: str) -> list[dict[str, str]]:
    """Return the jobs of a rule in a state."""
    return [
        job
        for job in cluster.jobs()
        if job["Comment"].startswith(rule) and job["JobState"] == state
    ]


def _memory(job: dict[str, str]) -> int:
    """Return the memory that a job asks for, in MB: of "1000M", or of "1G"."""
    text = job["MinMemoryNode"]
    return int(text[:-1]) * {"M": 1, "G": 1024}[text[-1]]


def _minutes(job: dict[str, str]) -> int:
    """Return the time limit of a job, below a day: of "04:00:00"."""
    hours, minutes, _ = job["TimeLimit"].split(":")
    return 60 * int(hours) + int(minutes)


def _run_disturbed(project: Path, cluster: Cluster) -> None:
    """Run the workflow through the profile; cancel one job at work, preempt another."""
    with _started(project, cluster, *TARGETS) as (run, output):
        at_work = _wait_for(lambda: _at_work(cluster, FEATURES), run, output)
        cluster.run("scancel", at_work[0])
        _wait_for(lambda: _at_work(cluster, TRAINING), run, output)
        urgent = ["--partition=urgent", "--exclusive", "--comment=urgent"]
        cluster.run("sbatch", *urgent, "--output=/dev/null", "--wrap=true")
        code = run.wait(timeout=PATIENCE_S)
    assert code == 0, output.read_text() + cluster.logs()


@contextmanager
def _started(
    project: Path, cluster: Cluster, *targets: str
) -> Iterator[tuple[subprocess.Popen, Path]]:
    """Start Snakemake as docs/cluster.md says; with the file of what it prints."""
    output = project / "cluster.log"
    command = [sys.executable, "-m", "snakemake", *targets]
    command += ["--profile", str(_edited_profile(project))]
    with output.open("w") as log:
        run = subprocess.Popen(
            command,
            cwd=project,
            env=environment(cluster.env),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            yield run, output
        finally:
            run.kill()
            run.wait()


def _edited_profile(project: Path) -> Path:
    """Edit the profile as a site may; and ask often, since the jobs take seconds."""
    path = project / "profiles/slurm/profile.yaml"
    profile = yaml.safe_load(path.read_text())
    # The encoders of the small run need no GPU, so their rule asks for none.
    profile["set-resources"]["extract_features"] |= {"gpu": 1}
    profile |= {
        "slurm-status-command": "squeue",  # nothing keeps accounts here
        "slurm-init-seconds-before-status-checks": 2,
    }
    path.write_text(yaml.safe_dump(profile))
    return path.parent


def _at_work(cluster: Cluster, rule: str) -> list[str]:
    """Return the ids of a rule's jobs that have begun to write their log."""
    return [
        job["JobId"]
        for job in _jobs(cluster, rule, "RUNNING")
        if "Forced execution" in _text(Path(job["StdOut"]))
    ]


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def _wait_for(
    find: Callable[[], list[str]], run: subprocess.Popen, log: Path
) -> list[str]:
    """Return what is found, once there is something, while the workflow runs."""
    until = time.monotonic() + PATIENCE_S
    while not (found := find()):
        assert run.poll() is None and time.monotonic() < until, log.read_text()
        time.sleep(0.2)
    return found

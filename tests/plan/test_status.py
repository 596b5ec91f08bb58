"""What ``dfprobe status`` says of a run, and that it leaves everything as it is."""

import shutil
from collections import Counter
from pathlib import Path

import pytest
import yaml

from dfprobe import code, products
from dfprobe.cli import main
from dfprobe.housekeeping.state import planned_jobs
from plan.planning import planned
from running import snakemake


@pytest.fixture
def here(project, monkeypatch) -> Path:
    monkeypatch.chdir(project)
    return project


def states(*configfiles: Path) -> Counter[str]:
    return Counter(job.state for job in planned_jobs(list(configfiles)))


def written(folder: Path) -> dict[str, int]:
    """When each file was last written, but for Snakemake's list of what is there."""
    return {
        str(path): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and path.name != "latest.pkl"
    }


def test_a_finished_run_is_done(here, capsys):
    before = written(here)
    assert main(["status"]) == 0
    assert written(here) == before
    stages = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert stages[0] == ["stage", "jobs", "done", "stale", "missing", "failed"]
    assert ["extract_features", "6", "6"] in stages
    name, jobs, done = stages[-1]
    assert (name, jobs) == ("all", done)


def test_edited_code_is_stale_and_its_stamps_stay_as_they_are(
    here, tmp_path, monkeypatch
):
    sources = tmp_path / "src"
    shutil.copytree(code._ROOT, sources, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "_ROOT", sources)
    with (sources / "evaluation/tables/matrix.py").open("a") as file:
        file.write("\n_UNUSED = 1\n")
    code.canonical_source.cache_clear()
    code._imports.cache_clear()
    before = written(here)
    try:
        stale = [job for job in planned_jobs([]) if job.state == "stale"]
        assert written(here) == before
        expected = planned(here) - {"all"}  # which writes them
    finally:
        code.canonical_source.cache_clear()
        code._imports.cache_clear()
    assert Counter(job.stage for job in stale) == Counter(
        job.split()[0] for job in expected
    )


def test_what_was_never_made_is_missing(here):
    config = yaml.safe_load(Path("config.yaml").read_text())
    config["encoders"]["second"] = {"family": "example", "options": {"dim": 16}}
    Path("more.yaml").write_text(yaml.safe_dump(config))
    jobs = planned_jobs([Path("more.yaml")])
    missing = Counter(job.stage for job in jobs if job.state == "missing")
    assert missing == {"extract_features": 3, "train_linear": 1, "score_linear": 1}
    assert states() == {"done": len(planned_jobs([]))}


def test_a_failed_job_is_shown_with_its_log_and_error(here, capsys):
    store = products.features("lfcc", "odd", "000")
    Path(products.crops("odd", "000")).write_text("damaged")
    assert snakemake(here, store).returncode == 1
    assert main(["status"]) == 0
    out = capsys.readouterr().out
    log = products.log("features/lfcc/odd/000")
    assert f"{log}\n  error: The crops " in out
    [line] = [line for line in out.splitlines() if "extract_features" in line]
    assert line.split() == ["!", "extract_features", "6", "4", "1", "1"]


def test_a_run_that_goes_on_is_mentioned(here, capsys):
    lock = here / ".snakemake/locks/0.input.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text(f"{products.manifest('clean')}\n")
    assert main(["status"]) == 0
    assert "the folder is locked" in capsys.readouterr().out
    assert lock.exists()


def test_a_folder_without_a_workflow(tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    assert main(["status"]) == 1
    assert "Snakefile does not exist" in caplog.text

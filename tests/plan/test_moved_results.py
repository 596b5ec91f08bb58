"""Results in another folder."""

import shutil
from pathlib import Path

import pytest
import yaml

from plan.planning import planned
from small_run import ROOT

CHECKED_OUT = ("workflow", "profiles", "envs")


@pytest.fixture
def moved(finished_project, tmp_path) -> Path:
    """Another checkout, with the corpora, the results and Snakemake's records."""
    there = tmp_path / "another disk" / "dfprobe"
    there.mkdir(parents=True)
    for name in CHECKED_OUT:  # as fresh files: without their times
        shutil.copytree(ROOT / name, there / name, copy_function=shutil.copy)
    shutil.copy(ROOT / "Snakefile", there)
    for name in ("config.yaml", "judge.csv"):
        shutil.copy2(finished_project / name, there)
    for name in ("videos", "results", ".snakemake"):
        shutil.copytree(finished_project / name, there / name)
    return there


def test_a_moved_run_has_nothing_to_do(moved, finished_project):
    assert finished_project not in moved.parents
    (moved / "judge.csv").touch()
    assert planned(moved) == set()


def test_without_snakemakes_records_a_change_of_settings_would_go_unseen(moved):
    shutil.rmtree(moved / ".snakemake")
    config = yaml.safe_load((moved / "config.yaml").read_text())
    config["heads"]["linear"]["learning_rates"] = [0.01]
    (moved / "config.yaml").write_text(yaml.safe_dump(config))
    assert planned(moved) == set()  # why docs/moving.md says to take it along

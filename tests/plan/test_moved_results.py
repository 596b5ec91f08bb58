"""Results in another folder, and features that are taken as they are."""

import re
import shutil
from pathlib import Path

import pytest
import yaml

from dfprobe import code
from plan.planning import planned
from running import snakemake
from small_run import ROOT

CHECKED_OUT = ("workflow", "profiles", "envs")
FROZEN = ("--profile", "profiles/frozen")


def jobs(project: Path, *arguments: str) -> set[str]:
    """Rules that a dry run lists."""
    run = snakemake(project, "--dry-run", *arguments)
    assert run.returncode == 0, run.stdout
    return set(re.findall(r"^(?:local)?rule (\w+):", run.stdout, re.MULTILINE))


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


@pytest.fixture
def edited(tmp_path, monkeypatch):
    """Give a function that edits modules of the package that the workflow imports."""
    sources = tmp_path / "edited"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(code._ROOT, sources / "dfprobe", ignore=ignored)
    monkeypatch.setenv("PYTHONPATH", str(sources))

    def edit(*modules: str) -> None:
        for module in modules:
            with (sources / "dfprobe" / f"{module}.py").open("a") as file:
                file.write("\n_UNUSED = 1\n")

    return edit


EARLY = ("media/crops", "features/extract", "features/exchange", "encoders/example")


def test_frozen_features_are_not_computed_after_an_edit(project, edited):
    edited(*EARLY)
    assert {"make_crops", "extract_features", "train_linear"} <= jobs(project)
    assert jobs(project, *FROZEN) == set()


def test_heads_follow_their_code_on_frozen_features(project, edited):
    edited(*EARLY, "heads/linear")
    frozen = jobs(project, *FROZEN)
    assert {"train_linear", "score_linear", "make_matrix"} <= frozen
    assert not frozen & {"make_crops", "extract_features", "train_order"}


def test_an_encoder_that_is_new_is_computed_beside_frozen_ones(project, edited):
    edited(*EARLY)
    config = yaml.safe_load((project / "config.yaml").read_text())
    config["encoders"]["second"] = {"family": "example", "options": {"dim": 16}}
    (project / "config.yaml").write_text(yaml.safe_dump(config))
    run = snakemake(project, "--dry-run", *FROZEN)
    made = re.findall(r"^    output: (results/features/\S+)", run.stdout, re.MULTILINE)
    assert sorted(made) == [
        f"results/features/second/{store}.zarr.zip"
        for store in ("clean/000", "clean/001", "odd/000")
    ]

"""Versions are said once: what repeats them must agree."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[3]


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def pins(lines: list[str]) -> dict[str, str]:
    pairs = (line.split("==") for line in lines if "==" in line)
    return {normal(name): version.strip() for name, version in pairs}


@pytest.fixture(scope="module")
def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_every_dependency_is_pinned(project):
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    loose = [line for group in groups for line in group if "==" not in line]
    assert loose == []


def test_constraints_agree_with_the_project(project):
    constrained = pins((ROOT / "constraints.txt").read_text().splitlines())
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    wanted = pins([line for group in groups for line in group])
    assert wanted.items() <= constrained.items()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "envs").glob("*.yaml")), ids=lambda path: path.name
)
def test_environments_agree_with_the_project(path, project):
    environment = yaml.safe_load(path.read_text())
    (listed,) = (i["pip"] for i in environment["dependencies"] if isinstance(i, dict))
    assert pins(listed).items() <= pins(project["dependencies"]).items()


def test_every_rule_names_an_environment_that_is_there():
    for rules in (ROOT / "workflow/rules").glob("*.smk"):
        for name in re.findall(r"envs/(\w+\.yaml)", rules.read_text()):
            assert (ROOT / "envs" / name).exists(), f"{rules.name} names {name}"

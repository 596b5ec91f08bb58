"""One undisturbed run of the reduced default run, which all faults are held against."""

import shutil
from pathlib import Path

import pytest

from chaos.chaos_run import make_project, products, snakemake
from sharing import made_once


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Path:
    """A project after a complete run; do not change it, copy it."""

    def make(project: Path) -> None:
        make_project(project)
        run = snakemake(project)
        assert run.returncode == 0, run.stdout

    return made_once(tmp_path_factory, "undisturbed", make)


@pytest.fixture(scope="session")
def expected(undisturbed) -> dict[str, bytes]:
    return products(undisturbed)


@pytest.fixture
def project(undisturbed, tmp_path) -> Path:
    """A copy of the finished project, to be damaged."""
    return Path(shutil.copytree(undisturbed, tmp_path / "project", symlinks=True))

"""Fixtures of the workflow tests: small corpora and one finished run."""

import os
import shutil
from pathlib import Path

# Tensors of tests are small: threads wait for each other longer than they compute.
os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when numpy and torch are imported

import numpy as np
import pytest
import yaml

from dfprobe.demo.make import make_demo
from dfprobe.settings.corpora import Demo, Sources
from running import snakemake
from sharing import made_once
from small_run import ODD_NAME, ROOT, SMALL_CONFIG
from unit.media.media_files import numbered_frame, write_clip

LONG = ("tests/chaos", "tests/e2e", "tests/plan")  # where the workflow runs
TONE = 0.1 * np.sin(np.arange(1920, dtype=np.float32))[None]  # 0.12 s at 16 kHz


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the long tests: at the end one worker would wait for the other."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONG))


@pytest.fixture(scope="session")
def talking_heads(tmp_path_factory) -> Path:
    """Folder with clips of drawn faces, ``0_real/N.mp4`` and ``1_fake/N.mp4``."""

    def make(folder: Path) -> None:
        demo = Demo(seed=1, sources=Sources(test=6))
        make_demo("avlips", folder / "AVLips", demo, folder / "listing.tsv")

    return made_once(tmp_path_factory, "heads", make) / "AVLips"


@pytest.fixture(scope="session")
def small_project(tmp_path_factory, talking_heads) -> Path:
    """Working directory with the workflow, a small config and two corpora."""

    def make(project: Path) -> None:
        _small_project(project, talking_heads)

    return made_once(tmp_path_factory, "small", make)


def _small_project(project: Path, talking_heads: Path) -> None:
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, project / name)
    shutil.copy(ROOT / "Snakefile", project)
    pairs = list(
        zip(*(sorted((talking_heads / d).iterdir()) for d in FOLDERS), strict=True)
    )
    assert len(pairs) == 6
    splits = ["train", "train", "val", "test"]
    _corpus(project / "videos/clean", pairs[:4], splits)
    _corpus(project / "videos/odd", pairs[4:], ["test", "test"])
    _add_bad_files(project / "videos/odd", pairs[4][0])
    (project / "judge.csv").write_text("clip_id,score\n0/0,-1.5\n0/1,2\n")
    (project / "config.yaml").write_text(yaml.safe_dump(SMALL_CONFIG))


FOLDERS = ("0_real", "1_fake")


def _corpus(root: Path, pairs: list[tuple[Path, Path]], splits: list[str]) -> None:
    """Lay clips out as a folder with a labels.csv."""
    lines = ["path,label,split"]
    for number, (pair, split) in enumerate(zip(pairs, splits, strict=True)):
        for label, clip in enumerate(pair):
            name = f"{number}/{label}.mp4"
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(clip, root / name)
            lines.append(f"{name},{label},{split}")
    (root / "labels.csv").write_text("\n".join(lines) + "\n")


def _add_bad_files(root: Path, clip: Path) -> None:
    """Add files such as real corpora hold, all of them in the list."""
    content = clip.read_bytes()
    files = {
        "empty.mp4": b"",
        "text.mp4": b"this is no video\n" * 100,
        "cut.mp4": content[: len(content) // 2],
        f"{ODD_NAME}.mp4": content,
        "-dash.mp4": content,
    }
    for name, bytes_ in files.items():
        (root / name).write_bytes(bytes_)
    write_clip(
        root / "three frames.mp4", [numbered_frame(n) for n in range(3)], sound=TONE
    )
    lines = [
        f'"{name.replace(chr(34), chr(34) * 2)}",0,test'
        for name in [*files, "three frames.mp4"]
    ]
    with (root / "labels.csv").open("a") as file:
        file.write("\n".join([*lines, "not there.mp4,1,test"]) + "\n")


@pytest.fixture(scope="session")
def finished_project(tmp_path_factory, small_project) -> Path:
    """The small project after a complete run; do not change it, copy it."""

    def make(project: Path) -> None:
        shutil.copytree(small_project, project, dirs_exist_ok=True)
        run = snakemake(project)
        assert run.returncode == 0, run.stdout

    return made_once(tmp_path_factory, "finished", make)


@pytest.fixture
def project(finished_project, tmp_path) -> Path:
    """A copy of the finished project, to be changed."""
    copy = tmp_path / "project"
    shutil.copytree(finished_project, copy, symlinks=True)
    return copy

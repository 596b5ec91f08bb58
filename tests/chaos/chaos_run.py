"""The reduced default run that the faults are done to, and what it must leave."""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import yaml

from small_run import ROOT

_TINY = {"width": 8, "heads": 2, "layers": 1, "feed_forward": 8}
_CORPORA = {
    "favc_like": (
        "fakeavceleb",
        "FakeAVCeleb_v1.2",
        2,
        {"train": 3, "val": 1, "test": 2},
    ),
    "avlips_like": ("avlips", "AVLips", 1, {"test": 2}),
}
CONFIG = {
    "corpora": {
        name: {
            "layout": layout,
            "root": f"results/demo/{name}/{folder}",
            "splits": f"results/demo/{name}/splits" if "train" in sources else None,
            "content_key": "hash",
            "shards": shards,
            "demo": {"seed": 43, "sources": sources},
        }
        for name, (layout, folder, shards, sources) in _CORPORA.items()
    },
    "train": ["favc_like"],
    "test": ["favc_like", "avlips_like"],
    "encoders": {
        "lfcc": {"family": "lfcc"},
        "residual": {"family": "residual"},
        "layered": {
            "family": "wav2vec2",
            "weights": "random",
            "layer": "all",
            "options": {"layers": 1, "conv_channels": 4},
        },
        "theirs": {"source": "files", "stream": "audio", "root": "theirs/{corpus}"},
    },
    "heads": {
        "linear": {"max_epochs": 2},
        "order": {
            "kind": "transformer",
            "max_epochs": 1,
            "encoders": ["lfcc"],
            "options": _TINY,
        },
    },
    "anomaly": {
        "corpus": "favc_like",
        "test": ["avlips_like"],
        "rows": [{"streams": ["residual", "lfcc"]}],
        "next_token": {"max_epochs": 1, **_TINY},
        "sync": {"max_epochs": 1, "hidden": 8, "widths": [8, 8, 8]},
    },
    "external": {"judge": {"scores": {"avlips_like": "judge.csv"}}},
    "spatial": {
        "encoders": ["residual"],
        "train": "favc_like",
        "test": ["favc_like"],
        "clips": 2,
        "frames": 1,
    },
    "crops": {"detect_every": 5, "upsample": 0},
    "max_failed_share": 0.8,
}
# What tells of the run itself, not of its numbers.
_OF_THE_RUN = ("logs", "benchmarks", "report/provenance.js")


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]


def environment() -> dict[str, str]:
    scripts = Path(sys.executable).parent
    return os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}


def snakemake(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Snakemake in a project; stdout and stderr come back as one text."""
    return subprocess.run(
        command(*arguments),
        cwd=project,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


def make_project(folder: Path) -> None:
    """Lay out the workflow, and what comes from outside: feature files, scores."""
    for name in ("workflow", "profiles", "envs"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "Snakefile", folder)
    (folder / "config.yaml").write_text(yaml.safe_dump(CONFIG))
    corpora = [f"results/manifests/{corpus}.parquet" for corpus in _CORPORA]
    (folder / "judge.csv").write_text("clip_id,score\n")
    run = snakemake(folder, *corpora)
    assert run.returncode == 0, run.stdout
    rng = np.random.default_rng(0)
    for path in corpora:
        clips = pl.read_parquet(folder / path)["clip_id"]
        for clip_id in clips:
            file = folder / "theirs" / Path(path).stem / f"{clip_id}.npz"
            file.parent.mkdir(parents=True, exist_ok=True)
            rows = rng.standard_normal((20, 8)).astype(np.float32)
            np.savez(file, audio=rows)
    with (folder / "judge.csv").open("a", newline="") as file:
        csv.writer(file).writerows([clip_id, n] for n, clip_id in enumerate(clips))


def unmade(project: Path, folder: Path) -> Path:
    """Copy a project without anything that a run has made."""
    made = shutil.ignore_patterns("results", ".snakemake")
    return Path(shutil.copytree(project, folder, ignore=made))


def products(project: Path) -> dict[str, bytes]:
    """Content of all that a run leaves, by name; hidden files too."""
    results = project / "results"
    files = (path for path in results.rglob("*") if path.is_file())
    names = {path.relative_to(results): path for path in files}
    return {
        str(name): path.read_bytes()
        for name, path in sorted(names.items())
        if not str(name).startswith(_OF_THE_RUN)
    }


def assert_same(found: dict[str, bytes], expected: dict[str, bytes]) -> None:
    """Fail with the names of what is too much, missing or different."""
    assert sorted(found) == sorted(expected)
    assert [name for name in expected if found[name] != expected[name]] == []

"""What ``dfprobe gc`` lists and removes, and what it never touches."""

import os
import shutil
from pathlib import Path

import pytest
import yaml

from dfprobe.cli import main
from dfprobe.housekeeping.known_names import Named
from dfprobe.housekeeping.leftovers import leftovers
from dfprobe.settings.complete import read_config
from dfprobe.store.files import keep

ROOT = Path(__file__).parents[3]
CONFIG = {
    "corpora": {
        "clean": {"layout": "path_list", "root": "videos", "shards": 2},
        "odd": {"layout": "path_list", "root": "videos"},
    },
    "encoders": {"lfcc": {"family": "lfcc"}, "example": {"family": "example"}},
    "train": ["clean"],
    "test": ["clean", "odd"],
    "heads": {"linear": {"seeds": [43, 44]}},
    "anomaly": {
        "corpus": "clean",
        "test": ["odd"],
        "rows": [{"streams": ["example", "lfcc"]}],
    },
    "external": {"judge": {"scores": {"odd": "judge.csv"}}},
}
KEPT = [
    "README.md",
    "xdata_matrix.csv",
    "demo/gone/videos/a.mp4",
    "manifests/clean.parquet",
    "crops/clean/001.h5",
    "crops/odd/.000.h5.kept",
    "features/lfcc/clean/000.zarr.zip",
    "features/lfcc/clean/.000.zarr.zip.kept",
    "features/lfcc/clean/.000.zarr.zip.71.draft",
    "features/lfcc/clean/001.zarr.zip.journal",
    "features/Notes/thoughts.txt",  # of no form that the workflow gives
    "features/notes.txt",
    "features/notes",
    "manifests/.hidden",
    "heads/linear/lfcc/clean.safetensors",
    "heads/linear-s44/lfcc/clean.safetensors",
    "heads/sync/example+lfcc/clean.curve.csv",
    "scores/next_token_mean/example+lfcc/clean/odd.parquet",
    "scores/external/judge/Anywhere/odd.parquet",
    "audit/clean.html",
    "audit/clean/files.csv",
    "audit/clean/figures/.snakemake_timestamp",
    "report/clips/odd/000.js",
    "logs/scores/linear/lfcc.log",
    "logs/features/lfcc/clean/000.log",
    "benchmarks/manifests/clean.tsv",
    "code/dfprobe/encoders/families/lfcc.py",
    "code/dfprobe/encoders/contract.py",
    "code/dfprobe/corpora/layouts/path_list.py",
    "code/dfprobe/report/templates/style.css",
]
LEFT = {  # what is removed: a file in it
    "manifests/gone.parquet": "",
    "facts/gone": "000.parquet",
    "crops/gone": ".000.h5.kept",
    "crops/clean/002.h5": "",  # there are two shards
    "crops/clean/.002.h5.kept": "",
    "features/gone": "clean/000.zarr.zip",
    "features/lfcc/gone": "000.zarr.zip.journal",
    "features/lfcc/odd/001.zarr.zip": "",
    "heads/order": "lfcc/clean.safetensors",
    "heads/linear-s45": "lfcc/clean.safetensors",
    "heads/linear/gone": "clean.safetensors",
    "heads/linear/lfcc/.gone.safetensors.progress0": "",
    "scores/linear/lfcc/gone": "odd.parquet",
    "scores/linear/lfcc/clean/gone.parquet": "",
    "scores/sync/gone+lfcc": "clean/odd.parquet",
    "scores/external/gone": "unknown/odd.parquet",
    "curves/linear/gone": "clean/odd.parquet",
    "spatial/gone": "clean/odd.parquet",
    "layers/gone": "a.parquet",
    "layers/gone.csv": "",
    "audit/gone.html": "",
    "audit/gone": "files.csv",
    "report/clips/gone": "000.js",
    "figures/temporal/gone.png": "",
    "logs/scores/linear/gone.log": "",
    "benchmarks/features/gone": "clean/000.tsv",
    "code/dfprobe/encoders/families/clip.py": "",  # a family that nothing named has
    "code/dfprobe/encoders/gone.py": "",  # a module that is no more
    "code/dfprobe/corpora/layouts/lav_df.py": "",
}


def put(path: Path, size: int = 1000) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x" * size)
    return path


def write_config(name: str, **changes) -> Path:
    path = Path(name)
    path.write_text(yaml.safe_dump(CONFIG | changes))
    return path


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """Results with leftovers, in the working directory."""
    monkeypatch.chdir(tmp_path)
    write_config("config.yaml")
    for name in KEPT:
        put(Path("results", name))
    for name, inside in LEFT.items():
        put(Path("results", name, inside))
    return Path("results")


def files(folder: Path) -> set[str]:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file()
    }


def found(*configs: str) -> set[str]:
    named = Named.by(read_config(Path(name)) for name in configs or ["config.yaml"])
    return {leftover.path.as_posix() for leftover in leftovers(named)}


def test_what_the_config_names_no_more_is_found_and_nothing_else(results):
    assert found() == {f"results/{name}" for name in LEFT}


def test_listing_removes_nothing_and_says_how_much_it_is(results, capsys):
    before = files(results)
    assert main(["gc"]) == 0
    assert files(results) == before
    out = capsys.readouterr().out
    assert out.splitlines()[0] == "    0.0 MB  results/audit/gone"
    assert "add --delete" in out


def test_deleting_leaves_what_is_named(results):
    assert main(["gc", "--delete"]) == 0
    assert files(results) == set(KEPT)
    assert found() == set()


def test_what_any_of_several_configs_names_stays(results):
    other = {
        "encoders": CONFIG["encoders"]
        | {"gone": {"family": "clip", "weights": "random"}}
    }
    write_config("other.yaml", **other, external={}, anomaly=None)
    alone, both = found("other.yaml"), found("config.yaml", "other.yaml")
    assert "results/features/gone" not in both
    assert "results/code/dfprobe/encoders/families/clip.py" not in both
    assert {"results/heads/sync", "results/scores/external/judge"} <= alone - both


def test_a_file_with_two_names_counts_once(results):
    store = put(results / "features/gone/odd/000.zarr.zip", 5_000)
    keep(store)
    named = Named.by([read_config(Path("config.yaml"))])
    sizes = {str(left.path): left.size for left in leftovers(named)}
    assert sizes["results/features/gone"] == 6_000


def test_links_are_removed_and_never_followed(results, tmp_path):
    outside = tmp_path / "disk"
    store = put(outside / "gone/clean/000.zarr.zip")
    (results / "features/stale").symlink_to(outside / "gone")  # nothing names it
    (results / "features/gone/disk").symlink_to(outside)  # in what is removed
    (results / "features/example").symlink_to(outside)  # named, on another disk
    shutil.rmtree(results / "scores")
    (results / "scores").symlink_to(outside)
    assert "results/features/stale" in found()
    assert main(["gc", "--delete"]) == 0
    assert not os.path.lexists(results / "features/stale")
    assert not os.path.lexists(results / "features/gone")
    assert (results / "features/example").is_symlink()
    assert store.is_file()


def test_nothing_is_removed_while_a_run_goes_on(results, caplog):
    lock = put(Path(".snakemake/locks/0.input.lock"))
    before = files(results)
    assert main(["gc", "--delete"]) == 1
    assert "a run is in progress" in caplog.text
    assert files(results) == before
    lock.unlink()
    assert main(["gc", "--delete"]) == 0


def test_a_config_that_is_not_there_removes_nothing(results, caplog):
    before = files(results)
    assert main(["gc", "--delete", "--configfile", "config.yaml", "typo.yaml"]) == 1
    assert "typo.yaml is not there" in caplog.text
    assert files(results) == before

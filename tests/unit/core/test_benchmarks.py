"""The parts of the benchmarks that other files depend on."""

import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from dfprobe.media.mouth import STABLE_POINTS, TARGET_POINTS

FOLDER = Path(__file__).parents[3] / "benchmarks"


def benchmark(name: str) -> ModuleType:
    """Import a benchmark, whose folder is no package."""
    spec = spec_from_file_location(f"benchmark_{name}", FOLDER / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_a_benchmark_finds_what_it_imports(name, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # some set it: put back after the test
    if name == "probe_speed":
        pytest.importorskip("lightning")  # in the extra `bench` alone
    benchmark(name)


def test_a_benchmark_renews_its_own_section_alone(monkeypatch, tmp_path):
    results = benchmark("results")

    path = tmp_path / "RESULTS.md"
    monkeypatch.setattr(results, "RESULTS", path)
    monkeypatch.setattr(results, "run", lambda name: f"{name} one\n\n| a |\n")
    monkeypatch.setattr(sys, "argv", ["results.py", "store", "crops"])
    results.main()
    monkeypatch.setattr(results, "run", lambda name: f"{name} two\n")
    monkeypatch.setattr(sys, "argv", ["results.py", "store"])
    results.main()
    text = path.read_text()
    assert text.index("## crops\n\ncrops one\n\n| a |\n") < text.index("## store")
    assert text.endswith("## store\n\nstore two\n")
    assert text.count("## ") == 2


def test_every_benchmark_has_a_section_and_a_description():
    results = benchmark("results")

    helpers = {"subjects", "results", "published_sizes"}
    files = {path.stem for path in FOLDER.glob("*.py")} - helpers
    assert files == {Path(file).stem for file, *_ in results.COMMANDS.values()}
    about = (FOLDER / "README.md").read_text()
    assert [name for name in files if f"benchmarks/{name}.py" not in about] == []


def test_every_stage_of_a_run_is_summed_up(tmp_path):
    run_stages = benchmark("run_stages")

    head = "s\th:m:s\tmax_rss\tmean_load\tcpu_time\n"
    for name, row in {
        "crops/one/000.tsv": "2.5\t0:00:02\t300.0\t90.0\t2.0\n",
        "crops/two/000.tsv": "1.5\t0:00:01\t400.0\t90.0\t1.0\n",
        "matrix.tsv": "0.5\t0:00:00\tNA\tNA\tNA\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(head + row)
    (tmp_path / "crops/one/001.tsv").write_text("")  # a job that was killed
    stages = run_stages.by_stage(run_stages.jobs(tmp_path))
    assert stages.rows() == [("crops", 2, 4.0, 3.0, 400.0), ("matrix", 1, 0.5, 0, 0)]


def test_mouth_errors_are_pixels_of_the_patch():
    crops = benchmark("crops")
    expected = np.zeros((15, 68, 2))
    expected[:, STABLE_POINTS] = (
        2 * TARGET_POINTS
    )  # a face twice as large as the canvas
    found = expected.copy()
    found[3, 48:] += (6, 8)
    errors = crops.mouth_errors(found, expected)
    assert errors == pytest.approx(np.where(np.arange(15) == 3, 5, 0))

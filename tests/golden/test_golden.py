"""Recorded numbers: they change only together with a recipe (see `dfprobe.recipes`).

``OMP_NUM_THREADS=1 python -m golden.test_golden`` in ``tests`` records them anew.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from golden.subjects import SUBJECTS, Numbers

RECORDED = Path(__file__).with_name("numbers.json")
TOLERANCE = 1e-4  # of the root mean square; another processor is off by some 1e-6
DIRECTIONS = 6


def digest(numbers: Numbers) -> dict[str, list[float]]:
    """Length, width and root mean square of each array, and its projections.

    The projections are on random directions of unit length, times the square root of
    the number of values: a change of any value by the root mean square moves them by
    about as much as it is.
    """
    return {name: _projections(values) for name, values in numbers.items()}


def _projections(values: np.ndarray) -> list[float]:
    flat = np.nan_to_num(np.asarray(values, np.float64).ravel(), nan=-1.0)
    directions = np.random.default_rng(5).standard_normal((DIRECTIONS, flat.size))
    scale = float(np.sqrt(np.mean(flat**2)))
    shape = [float(length) for length in (len(values), flat.size)]
    projections = directions @ flat / np.sqrt(flat.size)
    return [float(f"{number:.9g}") for number in (*shape, scale, *projections)]


def recorded() -> dict:
    return json.loads(RECORDED.read_text())


def test_everything_with_a_recipe_is_recorded():
    assert list(recorded()) == list(SUBJECTS)


@pytest.mark.parametrize("name", SUBJECTS)
def test_numbers_change_only_with_a_recipe(name, tmp_path):
    entry, subject = recorded()[name], SUBJECTS[name]
    if entry["recipe"] != subject.recipe:
        pytest.fail(f"{name}: the recipe was raised; record its numbers anew")
    found = digest(subject.numbers(tmp_path))
    assert list(found) == list(entry["numbers"])
    for part, expected in entry["numbers"].items():
        scale = max(expected[2], 1e-12)
        off = np.abs(np.array(found[part]) - expected).max() / scale
        assert off < TOLERANCE, (
            f"{name}, {part}: the numbers changed (by {off:.1e} of their size): "
            "raise RECIPE, or mend the code"
        )


def record() -> None:
    entries = {}
    for name, subject in SUBJECTS.items():
        with tempfile.TemporaryDirectory() as folder:
            numbers = digest(subject.numbers(Path(folder)))
        entries[name] = {"recipe": subject.recipe, "numbers": numbers}
        sys.stdout.write(f"{name}\n")
    lines = (f"{json.dumps(name)}: {json.dumps(e)}" for name, e in entries.items())
    RECORDED.write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    record()

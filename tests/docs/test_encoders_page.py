"""docs/encoders.md says what is so."""

import re
from pathlib import Path

import pytest
import yaml

from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.encoders.registry import load_encoder
from dfprobe.settings import encoder_families
from dfprobe.weights.records import records

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/encoders.md").read_text(encoding="utf-8")
PAPER = yaml.safe_load((ROOT / "config/paper.yaml").read_text(encoding="utf-8"))


def rows_of(header: str) -> list[list[str]]:
    """Cells of the table whose header begins so."""
    lines = PAGE.split(f"| {header} |")[1].splitlines()[2:]
    table = [line for line in lines[: lines.index("")] if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in table]


TWELVE = rows_of("row")
TENSORS = rows_of("family | stream")


def test_the_twelve_are_the_rows_of_the_papers_run():
    named = {row[0].strip("`"): row[5].strip("`") for row in TWELVE}
    wanted = {
        name: entry["weights"]
        for name, entry in PAPER["encoders"].items()
        if entry["weights"] != "random"
    }
    assert len(wanted) == 12
    assert named == wanted


@pytest.mark.parametrize("row", TWELVE, ids=lambda row: row[0].strip("`"))
def test_the_licences_are_those_of_the_records(row):
    record = records()[row[5].strip("`")]
    assert row[6] == (record.licence or "not known")


@pytest.mark.parametrize("row", TWELVE, ids=lambda row: row[0].strip("`"))
def test_the_rates_are_those_of_the_families(row):
    entry = PAPER["encoders"][row[0].strip("`")]
    encoder = load_encoder(entry["family"], stream=entry.get("stream"))
    assert encoder.rate_hz == float(row[3])


@pytest.mark.parametrize("family, stream, tensors", TENSORS)
def test_the_tensors_are_those_of_the_families(family, stream, tensors):
    encoder = load_encoder(family.strip("`"), stream=stream.strip("`"))
    told = re.findall(r"`(\w+)` \(([^)]*)\)", tensors)
    assert {name: tuple(axes.split(", ")) for name, axes in told} == encoder.tensors


def test_every_family_with_a_model_of_its_own_is_in_the_table():
    told = {(family.strip("`"), stream.strip("`")) for family, stream, _ in TENSORS}
    for family in set(encoder_families.families()) - {"auto"}:
        for stream in encoder_families.streams(family):
            if "none" not in encoder_families.weights(family):
                assert isinstance(load_encoder(family, stream=stream), ModelEncoder)
                assert (family, stream) in told


def test_the_example_runs():
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    exec(compile(example, "docs/encoders.md", "exec"), {})

"""A features job that is killed goes on where it was."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dfprobe.features.extract import extract_features
from dfprobe.settings.stage_specs.features import FeaturesSpec
from dfprobe.store.features import FeatureReader
from dfprobe.store.files import kept
from typed_specs import typed
from unit.features.settings import SETTINGS

SPEC = SETTINGS | {
    "encoder": {
        "name": "example",
        "family": "example",
        "stream": "video",
        "weights": "none",
        "options": {"dim": 8},
    },
}

KILLED_AFTER_TWO_CLIPS = f"""
import os, signal, sys
from pathlib import Path
from dfprobe.features.extract import extract_features
from dfprobe.settings.stage_specs.features import FeaturesSpec
from dfprobe.store.journal import Journal

append = Journal.append

def append_until_killed(self, row, arrays):
    append(self, row, arrays)
    if len(self.rows) == 2:
        os.kill(os.getpid(), signal.SIGKILL)

Journal.append = append_until_killed
manifest, crops, index, out = map(Path, sys.argv[1:])
spec = FeaturesSpec.from_json({json.dumps(SPEC)!r})
extract_features(manifest, crops, index, "000", spec, out)
"""


@pytest.fixture
def inputs(finished_project, monkeypatch, caplog) -> list[Path]:
    monkeypatch.chdir(finished_project)
    caplog.set_level("INFO", "dfprobe")
    results = finished_project / "results"
    crops = results / "crops/odd/000.h5"
    return [results / "manifests/odd.parquet", crops, crops.with_suffix(".parquet")]


def rows(path: Path) -> dict[str, list]:
    with FeatureReader(path) as reader:
        return {i: reader.clip(i).tolist() for i in reader.index["clip_id"]}


def test_a_killed_job_goes_on_where_it_was(inputs, tmp_path, caplog):
    whole, out = tmp_path / "whole.zarr.zip", tmp_path / "000.zarr.zip"
    extract_features(*inputs, "000", typed(FeaturesSpec, SPEC), whole)

    command = [
        sys.executable,
        "-c",
        KILLED_AFTER_TWO_CLIPS,
        *map(str, [*inputs, out]),
    ]
    killed = subprocess.run(command, check=False)
    assert killed.returncode == -9
    assert not out.exists()
    assert out.with_name("000.zarr.zip.journal").exists()

    caplog.clear()
    extract_features(*inputs, "000", typed(FeaturesSpec, SPEC), out)
    (line,) = [m for m in caplog.messages if "resumed" in m]
    resumed = int(line.split(" resumed")[0].split()[-1])
    assert resumed == 2
    assert rows(out) == rows(whole)
    assert not out.with_name("000.zarr.zip.journal").exists()


def test_a_damaged_store_is_noticed_and_made_anew(inputs, tmp_path, caplog):
    out = tmp_path / "000.zarr.zip"
    extract_features(*inputs, "000", typed(FeaturesSpec, SPEC), out)
    expected = rows(out)
    content = bytearray(out.read_bytes())
    clip = next(values for values in expected.values() if values)
    content[content.find(np.float16(clip[0]).tobytes())] ^= 1
    kept(out).write_bytes(bytes(content))
    out.unlink()
    extract_features(*inputs, "000", typed(FeaturesSpec, SPEC), out)
    assert "does not fit its checksum" in caplog.text
    assert rows(out) == expected


def test_a_changed_option_computes_all_anew(inputs, tmp_path, caplog):
    out = tmp_path / "000.zarr.zip"
    extract_features(*inputs, "000", typed(FeaturesSpec, SPEC), out)
    other = SPEC | {"encoder": SPEC["encoder"] | {"options": {"dim": 4}}}
    extract_features(*inputs, "000", typed(FeaturesSpec, other), out)
    assert " 0 kept" in caplog.messages[-1]
    renamed = other | {"encoder": other["encoder"] | {"name": "another"}}
    extract_features(*inputs, "000", typed(FeaturesSpec, renamed), out)
    assert " 0 computed" in caplog.messages[-1]

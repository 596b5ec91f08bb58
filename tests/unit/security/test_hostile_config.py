"""Configurations that want to reach the shell, or to run code while they are read."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from dfprobe.errors import ConfigError
from dfprobe.settings.complete import complete_config, read_config

ROOT = Path(__file__).parents[3]
SMALL = {
    "corpora": {"mine": {"layout": "folder", "root": "videos"}},
    "encoders": {"lfcc": {"family": "lfcc"}},
    "train": ["mine"],
    "test": ["mine"],
    "heads": {"linear": {}},
    "external": {"judge": {"scores": {"mine": "judge.csv"}}},
}
NAMES = [
    *("$(touch pwned)", "`touch pwned`", "a;touch pwned", "a b", "a'b", 'a"b', "a|b"),
    *("../a", "/a", "a/b", "..", "-a", "--out", "", "{x}", "a\n", "a\nb", "a\0", "ä"),
]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["corpora", "encoders", "heads", "external"])
def test_names_that_stand_in_paths_are_plain(kind, name):
    config = deepcopy(SMALL)
    [entry] = config[kind].values()
    config[kind][name] = entry
    with pytest.raises(ConfigError, match="the name") as error:
        complete_config(config)
    assert repr(name) in str(error.value)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("a/b",)])
def test_what_a_detector_was_trained_on_stands_in_paths_too(name):
    config = deepcopy(SMALL)
    config["external"]["judge"]["trained_on"] = name
    with pytest.raises(ConfigError, match="trained_on"):
        complete_config(config)


@pytest.mark.parametrize(
    "tag", ["!!python/object/apply:os.mkdir [pwned]", "!!python/name:os.system ''"]
)
def test_a_configuration_is_data(tag, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path("config.yaml")
    path.write_text(f"{yaml.safe_dump(SMALL)}extra: {tag}\n")
    with pytest.raises(ConfigError, match=r"config\.yaml cannot be read as YAML"):
        read_config(path)
    assert not Path("pwned").exists()

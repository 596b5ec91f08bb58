from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from dfprobe.config import complete_config
from dfprobe.errors import ConfigError

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
SMALL = {
    "corpora": {"mine": {"layout": "folder", "root": "videos"}},
    "encoders": {"lfcc": {"family": "lfcc"}},
    "train": ["mine"],
    "test": ["mine"],
}
ANOMALY = {"corpus": "mine", "test": ["mine"], "rows": [{"streams": ["lfcc"]}]}
FILES = {"source": "files", "root": "rows", "stream": "audio"}


def changed(path: str, value: object) -> dict:
    config = deepcopy(SMALL)
    *parents, last = path.split(".")
    place = config
    for key in parents:
        place = place.setdefault(key, {})
    place[last] = value
    return config


def test_defaults_are_filled_at_every_level():
    full = complete_config(SMALL, SCHEMA)
    assert full["heads"]["linear"]["patience"] == 10
    assert full["heads"]["linear"]["encoders"] == ["lfcc"]
    assert full["anomaly"] is None
    assert full["corpora"]["mine"]["shards"] == 1
    assert full["corpora"]["mine"]["label"] == "mine"
    assert full["encoders"]["lfcc"]["stream"] == "audio"
    assert full["encoders"]["lfcc"]["weights"] == "none"
    assert "heads" not in SMALL


def test_a_setting_gives_way_to_what_is_said():
    def head(**entry):
        entries = {"linear": {}, "other": entry}
        return complete_config(SMALL | {"heads": entries}, SCHEMA)["heads"]["other"]

    paper, converged = head(), head(setting="converged", patience=3)
    assert (paper["max_epochs"], paper["learning_rates"]) == (100, [0.001])
    assert paper["schedule"] == "none"
    assert (converged["max_epochs"], converged["patience"]) == (1000, 3)
    assert (converged["learning_rates"], converged["schedule"]) == (
        [0.01, 0.1],
        "plateau",
    )
    # A Transformer diverges at the probe's larger rate.
    order = head(kind="transformer", setting="converged")
    assert order["learning_rates"] == [0.001]
    assert order["options"]["width"] == 256


def test_rows_of_the_anomaly_table_are_labelled():
    encoders = {n: {"family": "lfcc", "label": n.upper()} for n in ("lfcc", "b")}
    rows = [{"streams": ["lfcc", "b"]}, {"streams": ["b"], "label": "Mine"}]
    anomaly = {"corpus": "mine", "test": ["mine"], "rows": rows}
    config = SMALL | {"encoders": encoders, "anomaly": anomaly}
    full = complete_config(config, SCHEMA)["anomaly"]
    assert [row["label"] for row in full["rows"]] == ["LFCC + B", "Mine"]
    assert full["next_token"]["width"] == 512
    assert full["sync"]["learning_rate"] == 1e-5


def test_feature_files_have_25_rows_a_second_unless_the_config_says_otherwise():
    for rate, expected in ((None, 25), (50, 50)):
        entry = FILES | ({"rate_hz": rate} if rate else {})
        mine = complete_config(changed("encoders.mine", entry), SCHEMA)
        assert mine["encoders"]["mine"]["rate_hz"] == expected
        assert mine["encoders"]["mine"]["first_row_s"] == 0


@pytest.mark.parametrize(
    ("path", "value", "parts"),
    [
        ("head", {}, ["config.head:", "unknown key", "Did you mean 'heads'?"]),
        ("heads.linear.patiense", 3, ["heads.linear.patiense", "3", "'patience'"]),
        ("heads.linear.patience", "ten", ["linear.patience", "integer", "'ten'"]),
        ("heads.linear.patience", 0, ["heads.linear.patience", "at least 1", "0"]),
        ("heads.linear.seeds", [1, 1], ["heads.linear.seeds", "twice"]),
        ("heads.linear.options", {"width": 3}, ["linear.options.width", "unknown"]),
        ("heads.linear.encoders", ["lfc"], ["linear.encoders.0", "'lfc'", "'lfcc'"]),
        ("heads.sync", {}, ["config.heads.sync", "next_token, next_token_mean, sync"]),
        ("anomaly", ANOMALY | {"corpus": "m"}, ["anomaly.corpus", "'m'", "mine"]),
        ("anomaly", ANOMALY | {"test": ["m"]}, ["anomaly.test.0", "'m'", "mine"]),
        ("anomaly", ANOMALY | {"rows": [{"streams": ["x"]}]}, ["rows.0", "'x'"]),
        (
            "external.x",
            {"scores": {"m": "a.csv"}},
            ["external.x.scores", "'m'", "mine"],
        ),
        ("features.dtype", "int8", ["config.features.dtype", "float16", "'int8'"]),
        ("encoders.lfcc.family", "lfc", ["encoders.lfcc.family", "'lfc'", "'lfcc'"]),
        ("encoders.lfcc.stream", "video", ["encoders.lfcc.stream", "audio"]),
        ("encoders.lfcc.options", {"x": 1}, ["encoders.lfcc.options.x", "unknown key"]),
        ("encoders.lfcc.layer", "first", ["encoders.lfcc.layer", "`last`", "'first'"]),
        ("encoders.lfcc.weights", "random", ["lfcc.weights", "`none`", "'random'"]),
        ("encoders.c", {"family": "clip"}, ["c.weights", "`random`", "hub id", "None"]),
        ("encoders.Lfcc", {"family": "lfcc"}, ["config.encoders", "'Lfcc'", "lower"]),
        ("encoders.c", {"stream": "audio"}, ["c: the key family is required"]),
        ("encoders.c", {"source": "files"}, ["c: the key root is required"]),
        ("encoders.c", FILES | {"stream": "sound"}, ["c.stream", "'sound'", "audio"]),
        ("encoders.c", FILES | {"family": "lfcc"}, ["c.family", "a `family`", "lfcc"]),
        ("encoders.c", FILES | {"trim": "leading_silence"}, ["c.trim", "a `family`"]),
        ("encoders.lfcc.trim", "silence", ["lfcc.trim", "'leading_silence'"]),
        ("encoders.lfcc.root", "x", ["lfcc.root", "`source: files`", "'x'"]),
        ("corpora.mine.layout", "foldr", ["corpora.mine.layout", "'folder'"]),
        ("corpora.mine", {"layout": "folder"}, ["corpora.mine", "root is required"]),
        ("train", ["mein"], ["config.train.0", "'mein'", "Did you mean 'mine'?"]),
    ],
)
def test_an_error_names_key_path_value_and_near_match(path, value, parts):
    with pytest.raises(ConfigError) as raised:
        complete_config(changed(path, value), SCHEMA)
    for part in parts:
        assert part in str(raised.value)


def test_all_problems_are_told_at_once():
    config = changed("heads.linear", {"patience": 0, "seeds": [-1]})
    with pytest.raises(ConfigError, match=r"patience(.|\n)*seeds"):
        complete_config(config, SCHEMA)


def test_every_key_is_described_and_has_a_default_or_is_required():
    def check(rules: dict, path: str) -> None:
        for key, sub in rules.get("properties", {}).items():
            assert sub.get("description"), f"{path}.{key} has no description"
            required = key in rules.get("required", [])
            assert required or "default" in sub, f"{path}.{key} has no default"
            check(sub, f"{path}.{key}")
            check(sub.get("items", {}), f"{path}.{key}.0")
        if "properties" in rules:
            assert rules["additionalProperties"] is False, f"{path} takes unknown keys"
        elif isinstance(rules.get("additionalProperties"), dict):
            check(rules["additionalProperties"], f"{path}.*")

    check(yaml.safe_load(SCHEMA.read_text()), "config")

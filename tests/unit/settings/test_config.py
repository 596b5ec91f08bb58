from copy import deepcopy
from datetime import date

import pytest

from dfprobe.errors import ConfigError
from dfprobe.settings.complete import complete_config
from dfprobe.settings.config import Config

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
    full = complete_config(SMALL)
    assert full.heads["linear"].patience == 10
    assert full.heads["linear"].encoders == ("lfcc",)
    assert full.anomaly is None
    assert full.corpora["mine"].shards == 1
    assert full.corpora["mine"].label == "mine"
    assert full.encoders["lfcc"].stream == "audio"
    assert full.encoders["lfcc"].weights == "none"
    assert "heads" not in SMALL


def test_null_is_the_same_as_leaving_a_key_out():
    config = changed("features", {"window_s": None})
    config["encoders"]["lfcc"] |= {"label": None, "stream": None, "trim": None}
    assert complete_config(config | {"anomaly": None}) == complete_config(SMALL)


def test_a_default_and_the_same_number_said_are_equal():
    said = complete_config(changed("features", {"window_s": 40, "overlap_s": 4.0}))
    assert said.model_dump_json() == complete_config(SMALL).model_dump_json()


def test_a_complete_configuration_can_be_read_back():
    full = complete_config(SMALL)
    assert Config.model_validate_json(full.model_dump_json()) == full


def test_a_setting_gives_way_to_what_is_said():
    def head(**entry):
        entries = {"linear": {}, "other": entry}
        return complete_config(SMALL | {"heads": entries}).heads["other"]

    paper, converged = head(), head(setting="converged", patience=3)
    assert (paper.max_epochs, paper.learning_rates) == (100, (0.001,))
    assert paper.schedule == "none"
    assert (converged.max_epochs, converged.patience) == (1000, 3)
    assert (converged.learning_rates, converged.schedule) == ((0.01, 0.1), "plateau")
    # A Transformer diverges at the probe's larger rate.
    order = head(kind="transformer", setting="converged")
    assert order.learning_rates == (0.001,)
    assert order.options["width"] == 256


def test_rows_of_the_anomaly_table_are_labelled():
    families = {"a": "residual", "b": "lfcc"}
    encoders = {n: {"family": f, "label": n.upper()} for n, f in families.items()}
    rows = [{"streams": ["a", "b"]}, {"streams": ["b"], "label": "Mine"}]
    anomaly = {"corpus": "mine", "test": ["mine"], "rows": rows}
    config = SMALL | {"encoders": encoders, "anomaly": anomaly}
    full = complete_config(config).anomaly
    assert [row.label for row in full.rows] == ["A + B", "Mine"]
    assert full.next_token.width == 512
    assert full.sync.learning_rate == 1e-5


@pytest.mark.parametrize(
    ("streams", "parts"),
    [
        (
            ["b", "a"],
            ["rows.0.streams", "visual encoder, then", "'b' is audio and 'a'"],
        ),
        (["a", "a2"], ["rows.0.streams", "'a2' is visual"]),
        (["a", "cut"], ["same part", "'cut' has `trim: leading_silence`", "'a' reads"]),
    ],
)
def test_a_pair_is_visual_then_audio_and_cut_alike(streams, parts):
    encoders = {
        "a": {"family": "residual"},
        "a2": {"family": "residual"},
        "b": {"family": "lfcc"},
        "cut": {"family": "lfcc", "trim": "leading_silence"},
    }
    anomaly = {"corpus": "mine", "test": ["mine"], "rows": [{"streams": streams}]}
    with pytest.raises(ConfigError) as told:
        complete_config(SMALL | {"encoders": encoders, "anomaly": anomaly})
    for part in parts:
        assert part in str(told.value)


def test_feature_files_have_25_rows_a_second_unless_the_config_says_otherwise():
    for rate, expected in ((None, 25), (50, 50)):
        entry = FILES | ({"rate_hz": rate} if rate else {})
        mine = complete_config(changed("encoders.mine", entry)).encoders["mine"]
        assert mine.rate_hz == expected
        assert mine.first_row_s == 0


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
        ("encoders.c", FILES | {"layer": 7}, ["c.layer", "a `family`", "it is 7"]),
        ("encoders.c", FILES | {"seed": 5}, ["c.seed", "a `family`", "it is 5"]),
        ("encoders.c", {"source": "file"}, ["encoders.c", "`files`", "'file'"]),
        ("encoders.c", 3, ["encoders.c: must be a mapping", "3"]),
        ("encoders.lfcc.trim", "silence", ["lfcc.trim", "'leading_silence'"]),
        ("encoders.lfcc.root", "x", ["lfcc.root", "`source: files`", "'x'"]),
        ("corpora.mine.layout", "foldr", ["corpora.mine.layout", "'folder'"]),
        ("corpora.mine", {"layout": "folder"}, ["corpora.mine", "root is required"]),
        ("train", ["mein"], ["config.train.0", "'mein'", "Did you mean 'mine'?"]),
        ("train", "mine", ["config.train: must be a list", "'mine'"]),
        ("train", [False], ["config.train.0", "string", "no, off", "quotes"]),
        ("test", [1], ["config.test.0", "string", "a number", "'1'"]),
        ("test", [date(2024, 1, 2)], ["test.0", "a date", "'2024-01-02'"]),
        ("encoders.lfcc", {"family": True}, ["lfcc.family", "yes, on", "quotes"]),
        ("features.window_s", "x", ["window_s: must be a number", "'x'"]),
        ("features.overlap_s", 50, ["overlap_s", "less than window_s (40)", "50"]),
        ("corpora.mine.watch", 1, ["mine.watch: must be true or false", "1"]),
        ("corpora.mine.options", {"lnks": "x"}, ["options.lnks", "'links'"]),
        ("corpora.mine.options", {"links": "x"}, ["options.links", "'inside'", "'x'"]),
        (
            "corpora.mine.demo",
            {},
            ["mine.demo", "layout folder", "knows av_deepfake1m"],
        ),
        ("heads.linear.kind", "linera", ["linear.kind", "'linear'"]),
        ("fusion.sets", [["a", "b"]], ["fusion.sets.0", "at least 3"]),
        ("temporal.clips", {"m": [{"clip": "a", "encoder": "b"}]}, ["clips.m", "'m'"]),
    ],
)
def test_an_error_names_key_path_value_and_near_match(path, value, parts):
    with pytest.raises(ConfigError) as raised:
        complete_config(changed(path, value))
    for part in parts:
        assert part in str(raised.value)


def test_all_problems_are_told_at_once():
    config = changed("heads.linear", {"patience": 0, "seeds": [-1]})
    with pytest.raises(ConfigError, match=r"patience(.|\n)*seeds"):
        complete_config(config)


@pytest.mark.parametrize("name", [False, True, 1, 2.5, date(2024, 1, 2), None])
def test_a_name_that_is_not_a_string_is_to_be_put_in_quotes(name):
    config = changed("encoders", {name: {"family": "lfcc"}})
    with pytest.raises(ConfigError) as raised:
        complete_config(config)
    assert f"config.encoders: the name {name!r} must be a string." in str(raised.value)
    assert name is None or "put it in quotes" in str(raised.value)


def test_problems_of_several_groups_are_told_at_once():
    config = changed("train", ["mein"]) | {"fusion": {"sets": [["a", "b", "c"]]}}
    with pytest.raises(ConfigError, match=r"train\.0(.|\n)*fusion\.sets\.0: unknown"):
        complete_config(config)


def test_an_unknown_key_hides_no_other_problem():
    config = changed("heads.linear", {"patience": 0, "patiense": 3}) | {"x": 1}
    with pytest.raises(ConfigError) as raised:
        complete_config(config)
    keys = [line.split(":")[0] for line in str(raised.value).splitlines()]
    linear = "config.heads.linear"
    assert keys == [f"{linear}.patience", f"{linear}.patiense", "config.x"]


def test_every_key_is_described_and_has_a_default_or_is_required():
    schema = Config.model_json_schema()
    groups = [schema, *schema["$defs"].values()]
    assert len(groups) > 15
    for group in groups:
        assert group["additionalProperties"] is False, group["title"]
        for key, rules in group["properties"].items():
            group_of_its_own = schema["$defs"].get(rules.get("$ref", "")[8:], {})
            about = rules.get("description") or group_of_its_own.get("description")
            assert about, f"{group['title']}.{key}"
            required = key in group.get("required", [])
            assert required or "default" in rules, f"{group['title']}.{key}"

"""What the rules of fusion know at planning time."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml

from dfprobe import products
from dfprobe.errors import ConfigError
from dfprobe.planning import fusion
from dfprobe.planning.heads import of_matrix
from dfprobe.settings.complete import complete_config
from dfprobe.settings.stage_specs.labels import labels

CONFIG = {
    "corpora": {
        name: {"layout": "path_list", "root": name, "label": name.upper()}
        for name in ("one", "two", "three")
    },
    "train": ["one", "two"],
    "test": ["two", "three", "one"],
    "encoders": {
        name: {"family": "example", "label": f"The {name}"} for name in ("z", "a", "m")
    },
    "heads": {"linear": {}, "slow": {"setting": "converged"}},
}


def complete(**changes):
    return complete_config(deepcopy(CONFIG) | changes)


def figure(**changes):
    spec = fusion.figure_spec(complete(**changes))
    return spec.train.name, spec.test.name


def test_the_figure_is_about_the_last_training_corpus_and_the_first_other():
    assert figure() == ("two", "three")
    assert figure(train=["three"]) == ("three", "two")
    assert figure(train=["one"], test=["one"]) == ("one", "one")
    chosen = {"train": "one", "test": "two"}
    assert figure(fusion={"figure": chosen}) == ("one", "two")


def test_encoders_keep_their_order_and_names_stand_without_labels():
    spec = fusion.fusion_spec(complete(fusion={"sets": [["m", "z", "a"]]}))
    assert spec.encoders == ("z", "a", "m")
    assert spec.sets == (("m", "z", "a"),)
    assert spec.head == "linear"
    assert "The " not in spec.to_json()
    encoders = labels(fusion.figure_spec(complete()).encoders)
    assert list(encoders.items()) == [(n, f"The {n}") for n in ("z", "a", "m")]


def test_validation_scores_are_those_of_the_main_head():
    files = of_matrix(complete()).val_scores()
    assert len(files) == 6
    assert files[1] == products.val_scores("linear", "z", "two")


def test_the_table_of_tasks_needs_heads_on_real_clips():
    names = [Path(path).stem for path in fusion.tex_tables(complete())]
    assert names == ["matrix", "fusion"]
    anomaly = {"corpus": "one", "test": ["two"], "rows": [{"streams": ["a"]}]}
    names = [Path(path).stem for path in fusion.tex_tables(complete(anomaly=anomaly))]
    assert names == ["matrix", "fusion", "anomaly"]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"sets": [["a", "m", "y"]]}, r"fusion\.sets\.0: unknown name 'y'"),
        ({"sets": [["a", "m"]]}, r"fusion\.sets\.0: must have at least 3"),
        ({"sets": [["a", "m", "a"]]}, r"fusion\.sets\.0: must not name an entry twice"),
        (
            {"figure": {"train": "three", "test": "one"}},
            r"fusion\.figure\.train: unknown name 'three'",
        ),
        ({"figure": {"train": "one"}}, r"fusion\.figure: the key test is required"),
    ],
)
def test_what_cannot_be_fused_is_refused(settings, said):
    with pytest.raises(ConfigError, match=said):
        complete(fusion=settings)


def test_the_shipped_configurations_fuse_larger_sets():
    root = Path(__file__).parents[3]
    for path in (root / "config.yaml", root / "config/paper.yaml"):
        config = complete_config(yaml.safe_load(path.read_text()))
        assert config.fusion.sets

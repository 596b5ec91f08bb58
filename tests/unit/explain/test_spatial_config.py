"""What the config may ask of spatial explanations, and what a job is told of it."""

from copy import deepcopy

import pytest

from dfprobe import products
from dfprobe.errors import ConfigError
from dfprobe.planning import spatial
from dfprobe.settings.complete import complete_config

CONFIG = {
    "corpora": {name: {"layout": "folder", "root": name} for name in ("a", "b")},
    "encoders": {
        "clip": {"family": "clip", "weights": "random"},
        "residual": {"family": "residual"},
        "lfcc": {"family": "lfcc"},
        "lips": {"family": "avhubert", "stream": "audio", "weights": "random"},
    },
    "train": ["a", "b"],
    "test": ["a", "b"],
}


def completed(section: dict | None, **changes) -> dict:
    config = deepcopy(CONFIG) | deepcopy(changes)
    return complete_config(config | {"spatial": section})


def test_the_defaults():
    config = completed({"encoders": ["clip"], "test": ["a"]})
    assert config.spatial.model_dump() == {
        "encoders": ("clip",),
        "train": "b",
        "test": ("a",),
        "frames": 4,
        "clips": 12,
        "seed": 43,
        "checks": True,
    }
    assert spatial.map_files(config) == [products.maps("clip", "b", "a")]


def test_without_the_section_there_is_nothing():
    config = completed(None)
    assert spatial.map_files(config) == []
    assert not spatial.checked(config)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"encoders": ["lfcc"], "test": ["a"]}, "'lfcc' .* cannot be traced back"),
        ({"encoders": ["lips"], "test": ["a"]}, "stream audio.* cannot be traced back"),
        ({"encoders": ["clop"], "test": ["a"]}, r"spatial\.encoders\.0: unknown name"),
        ({"encoders": ["clip"], "test": ["c"]}, r"spatial\.test\.0: unknown name"),
        (
            {"encoders": ["clip"], "test": ["a"], "train": "c"},
            r"spatial\.train: unknown name",
        ),
        ({"encoders": ["clip"], "test": ["a"], "clips": 0}, "must be at least 1"),
        ({"encoders": ["clip"]}, "test is required"),
    ],
)
def test_what_cannot_be_explained_is_said(section, message):
    with pytest.raises(ConfigError, match=message):
        completed(section)


def test_a_head_that_is_not_linear_is_not_explained():
    section = {"encoders": ["clip"], "test": ["a"]}
    heads = {"order": {"kind": "transformer"}}
    with pytest.raises(ConfigError, match="first head of kind linear"):
        completed(section, heads=heads)
    both = completed(section, heads=heads | {"probe": {"seeds": [7, 8]}})
    assert spatial.explained_head(both) == "probe"
    assert spatial.explain_spec(both, "clip").head.seeds == (7,)


def test_a_job_is_told_what_changes_its_numbers_and_no_labels():
    section = {"encoders": ["clip", "residual"], "test": ["a"]}
    spec = spatial.explain_spec(completed(section), "clip")
    encoders = deepcopy(CONFIG["encoders"])
    encoders["clip"]["label"] = "CLIP"
    more = {"encoders": ["clip"], "test": ["a", "b"]}
    assert spatial.explain_spec(completed(more, encoders=encoders), "clip") == spec
    unchecked = completed(section | {"checks": False})
    assert spatial.explain_spec(unchecked, "clip").head is None
    fewer = spatial.explain_spec(completed(section | {"frames": 2}), "clip")
    assert fewer != spec

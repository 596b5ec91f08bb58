"""A family and a layout of an installed package, found by their entry points."""

import json
import sys

import numpy as np
import polars as pl
import pytest

from dfprobe import recipes
from dfprobe.corpora.manifest import make_manifest
from dfprobe.encoders import registry
from dfprobe.errors import ConfigError
from dfprobe.housekeeping.known_names import Named
from dfprobe.housekeeping.leftovers import leftovers
from dfprobe.planning import code_stamps, specs, temporal
from dfprobe.settings import corpus_layouts, encoder_families
from dfprobe.settings.complete import complete_config
from dfprobe.settings.config import Config
from unit.features.test_box_inputs import FRAMES, Shard

FAMILY = """
import numpy as np

from dfprobe.encoders.checks import mouth_of
from dfprobe.encoders.tracing import Tracing
from dfprobe.rates import VIDEO_FPS

RECIPE = 7
STREAMS = {"video": "visual"}
WEIGHTS = {"random": "nothing is drawn"}
OPTIONS = {
    "scale": {"type": "number", "default": 2.0, "description": "Factor of a row."},
}
EXPLAINED = ("video",)
TRACING = Tracing({"mouth": "mouth_patch"})


class Brightness:
    inputs = frozenset({"mouth"})
    dim = layers = 1
    rate_hz = VIDEO_FPS
    first_row_s = 0.0
    weights_hash = "none"

    def __init__(self, scale):
        self.scale = scale

    def encode(self, clip):
        means = mouth_of(clip).mean(axis=(1, 2), dtype=np.float64)
        return (self.scale * means).astype(np.float32)[:, None]


def build(spec, device):
    return Brightness(spec.options["scale"])
"""
LAYOUT = """
from dfprobe.corpora.clip import Clip
from dfprobe.corpora.files import video_files

RECIPE = 3
OPTIONS = {}
TELLS = ("segments",)
KEYS_IN_PATH = {"sibling": "^[a-z]+"}


def scan(root, options):
    return [
        Clip(file, "test", 1, "splice", True, False, audio_fake_segments=((0.1, 0.2),))
        for file in video_files(root, links=options["links"])
    ]
"""
POINTS = """[dfprobe.encoders]
brightness = theirs.family

[dfprobe.layouts]
spliced = theirs.layout
"""
CONFIG = {
    "corpora": {"mine": {"layout": "spliced", "root": "mine"}},
    "encoders": {"light": {"family": "brightness", "weights": "random"}},
    "train": ["mine"],
    "test": ["mine"],
    "heads": {"linear": {}},
}


def forget() -> None:
    encoder_families._known.cache_clear()
    encoder_families.family_options.cache_clear()
    corpus_layouts._known.cache_clear()
    corpus_layouts.layout_options.cache_clear()
    for name in ("theirs", "theirs.family", "theirs.layout"):
        sys.modules.pop(name, None)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Folder of an installed package with a family and a layout."""
    folder = tmp_path / "site-packages"
    info = folder / "theirs-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Name: theirs\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(POINTS)
    (folder / "theirs").mkdir()
    (folder / "theirs/__init__.py").touch()
    (folder / "theirs/family.py").write_text(FAMILY)
    (folder / "theirs/layout.py").write_text(LAYOUT)
    monkeypatch.syspath_prepend(folder)
    forget()
    yield folder
    forget()


def completed() -> Config:
    return complete_config(json.loads(json.dumps(CONFIG)))


def test_a_configuration_may_name_them_and_nothing_is_imported(installed):
    config = completed()
    assert config.encoders["light"].options == {"scale": 2.0}
    assert temporal.localised(config) == ["mine"]
    assert encoder_families.explained_streams()["brightness"] == ("video",)
    assert recipes.every_input("brightness")["theirs.family"] == 7
    assert recipes.manifest("spliced")["theirs.layout"] == 3
    assert not {"theirs", "theirs.family", "theirs.layout"} & sys.modules.keys()
    with pytest.raises(ConfigError, match=r"options\.scael: .*'scale'\?"):
        encoder_families.complete_options("brightness", {"scael": 1})


def test_their_layout_makes_a_manifest(installed, tmp_path):
    root = tmp_path / "mine"
    root.mkdir()
    for name in ("b.mp4", "a.mp4"):
        (root / name).write_bytes(b"video")
    spec = specs.manifest_spec(completed(), "mine")
    make_manifest(
        "mine", spec.model_copy(update={"root": str(root)}), tmp_path / "m.parquet"
    )
    frame = pl.read_parquet(tmp_path / "m.parquet")
    assert frame["clip_id"].to_list() == ["a", "b"]
    assert frame["audio_fake_segments"].to_list() == [[[0.1, 0.2]]] * 2


def test_their_family_is_extracted(installed, tmp_path):
    shard = Shard(tmp_path)
    with shard.extract("brightness") as features:
        index = features.index.sort("clip_id")
        assert index["rows"].to_list() == [FRAMES, 0]  # the other clip has no face
        rows = features.clip("face")
    assert rows.shape == (FRAMES, 1)
    assert np.ptp(rows) < 0.1 * rows.mean()  # a still picture
    assert list(registry.tracing("brightness").regions) == ["mouth"]


def test_a_raised_recipe_extracts_again(installed, tmp_path):
    shard = Shard(tmp_path)
    with shard.extract("brightness") as features:
        before = features.attributes["encoder_key"]
    recipes._declared.cache_clear()
    path = installed / "theirs/family.py"
    path.write_text(FAMILY.replace("RECIPE = 7", "RECIPE = 8"))
    with shard.extract("brightness") as features:
        assert features.attributes["encoder_key"] != before
    recipes._declared.cache_clear()


def test_their_code_stamps_are_leftovers_once_no_configuration_names_them(
    installed, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    stamps = code_stamps.stage_code(encoder_families.module("brightness"))
    assert "results/code/theirs/family.py" in stamps
    config = completed()
    kept = {leftover.path for leftover in leftovers(Named.by([config]))}
    assert not {path for path in kept if "theirs" in path.parts}
    (tmp_path / "results/code/uninstalled").mkdir()
    (tmp_path / "results/code/uninstalled/family.py").touch()
    other = config.model_copy(update={"encoders": {}})
    left = {str(leftover.path) for leftover in leftovers(Named.by([other]))}
    stamps = {"results/code/theirs/family.py", "results/code/uninstalled/family.py"}
    assert stamps <= left


@pytest.mark.parametrize(
    ("group", "name", "message"),
    [
        (
            "encoders",
            "clip",
            r"clip = theirs\.family of the package theirs has the nam",
        ),
        ("layouts", "folder", r"folder = theirs\.layout of the package theirs has the"),
    ],
)
def test_a_name_that_is_taken_is_refused(installed, group, name, message):
    module = {"encoders": "family", "layouts": "layout"}[group]
    info = installed / "theirs-1.0.dist-info/entry_points.txt"
    info.write_text(f"[dfprobe.{group}]\n{name} = theirs.{module}\n")
    with pytest.raises(ConfigError, match=message):
        completed()


def test_what_a_layout_tells_must_be_known(installed):
    text = LAYOUT.replace('TELLS = ("segments",)', 'TELLS = ("segment",)')
    (installed / "theirs/layout.py").write_text(text)
    with pytest.raises(ConfigError, match=r"theirs\.layout: TELLS .*'segments'\?"):
        completed()


def test_what_a_layout_tells_must_be_declared(installed, tmp_path):
    text = LAYOUT.replace('TELLS = ("segments",)', "TELLS = ()")
    (installed / "theirs/layout.py").write_text(text)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/a.mp4").write_bytes(b"video")
    spec = specs.manifest_spec(completed(), "mine").model_copy(
        update={"root": str(tmp_path / "mine")}
    )
    with pytest.raises(
        ConfigError, match=r"the segments of 1 clips \(a\).* 'segments'"
    ):
        make_manifest("mine", spec, tmp_path / "m.parquet")


def test_a_family_without_a_recipe_is_named(installed):
    (installed / "theirs/family.py").write_text(FAMILY.replace("RECIPE = 7", ""))
    recipes._declared.cache_clear()
    with pytest.raises(ConfigError, match=r"theirs\.family declares no recipe number"):
        recipes.every_input("brightness")

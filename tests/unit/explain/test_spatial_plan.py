"""What the workflow asks of the explanations in space."""

from pathlib import Path

import pytest

from dfprobe import products
from dfprobe.planning import spatial
from dfprobe.settings.complete import read_config
from dfprobe.settings.config import Config

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(monkeypatch):
    monkeypatch.chdir(ROOT)
    return read_config(Path("config.yaml"))


def changed(config: Config, **changes) -> Config:
    """Return a configuration with other settings of explanations in space."""
    section = config.spatial.model_copy(update=changes)
    return config.model_copy(update={"spatial": section})


def test_no_explanations_no_products(config):
    without = config.model_copy(update={"spatial": None})
    assert spatial.files(without) == []
    assert spatial.spatial_figures_spec(without).encoders == ()


def test_every_test_corpus_has_overlays_in_three_forms(config):
    explained = changed(config, test=("favc_like", "dfe_like"))
    files = spatial.files(explained)
    for test in ("favc_like", "dfe_like"):
        png = products.overlays_figure(test)
        assert {png, *products.vectors(png)} <= set(files)
    assert len(set(files)) == len(files)


def test_tables_know_the_order_of_encoders_and_the_ground_truth(config):
    names = ("videomae", "clip", "residual")
    spec = spatial.points_spec(changed(config, encoders=names))
    assert tuple(entry.name for entry in spec.encoders) == names
    assert spec.truth == {"favc_like": "results/demo/favc_like/truth"}


def test_labels_of_encoders_leave_the_maps_alone(config):
    clip = config.encoders["clip"].model_copy(update={"label": "another"})
    encoders = config.encoders | {"clip": clip}
    relabelled = config.model_copy(update={"encoders": encoders})
    before = spatial.explain_spec(config, "clip")
    assert spatial.explain_spec(relabelled, "clip") == before
    assert "another" in spatial.points_spec(relabelled).to_json()
    assert "another" in spatial.spatial_figures_spec(relabelled).to_json()


def test_the_run_of_figure_4_is_a_whole_configuration(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = read_config(Path("config/exddv.yaml"))
    spec = spatial.points_spec(config)
    assert (spec.train, spec.test, spec.truth) == ("exddv", ("exddv",), {})
    assert spatial.map_files(config) == [products.maps("clip", "exddv", "exddv")]

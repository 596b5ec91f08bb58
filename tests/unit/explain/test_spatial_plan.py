"""What the workflow asks of the explanations in space."""

import json
from pathlib import Path

import pytest

from dfprobe.config import read_config
from dfprobe.planning import spatial

ROOT = Path(__file__).parents[3]


@pytest.fixture
def config(monkeypatch):
    monkeypatch.chdir(ROOT)
    return read_config(Path("config.yaml"))


def test_no_explanations_no_products(config):
    config["spatial"] = None
    assert spatial.spatial_products(config) == []
    assert json.loads(spatial.points_spec(config))["encoders"] == []


def test_every_test_corpus_has_overlays_in_three_forms(config):
    config["spatial"]["test"] = ["favc_like", "dfe_like"]
    products = spatial.spatial_products(config)
    for test in ("favc_like", "dfe_like"):
        for kind in ("png", "svg", "pdf"):
            assert f"results/figures/overlays/{test}.{kind}" in products
    assert len(set(products)) == len(products)


def test_tables_know_the_order_of_encoders_and_the_ground_truth(config):
    config["spatial"]["encoders"] = ["videomae", "clip", "residual"]
    spec = json.loads(spatial.points_spec(config))
    assert [name for name, _ in spec["encoders"]] == ["videomae", "clip", "residual"]
    assert spec["truth"] == {"favc_like": "results/demo/favc_like/truth"}


def test_labels_of_encoders_leave_the_maps_alone(config):
    before = spatial.explain_spec(config, "clip")
    config["encoders"]["clip"]["label"] = "another"
    assert spatial.explain_spec(config, "clip") == before
    assert "another" in spatial.points_spec(config)
    assert "another" in spatial.spatial_figures_spec(config)


def test_the_run_of_figure_4_is_a_whole_configuration(monkeypatch):
    monkeypatch.chdir(ROOT)
    config = read_config(Path("config/exddv.yaml"))
    spec = json.loads(spatial.points_spec(config))
    assert (spec["train"], spec["test"], spec["truth"]) == ("exddv", ["exddv"], {})
    assert spatial.map_files(config) == ["results/spatial/clip/exddv/exddv.parquet"]

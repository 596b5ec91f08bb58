"""What the rules of the report site depend on."""

import json

import pytest
import yaml

from dfprobe.config import complete_config
from dfprobe.planning import site
from small_run import ROOT, SMALL_CONFIG


@pytest.fixture
def config() -> dict:
    return complete_config(SMALL_CONFIG, ROOT / "workflow/schemas/config.schema.yaml")


def test_the_clips_know_no_label_and_the_pages_do(config):
    relabelled = yaml.safe_load(yaml.safe_dump(config))
    relabelled["encoders"]["lfcc"]["label"] = "another"
    relabelled["corpora"]["odd"]["label"] = "another"
    assert site.clips_spec(relabelled) == site.clips_spec(config)
    assert site.site_spec(relabelled) != site.site_spec(config)


def test_the_defaults_are_24_clips_of_75_frames(config):
    assert json.loads(site.clips_spec(config)) == {"clips": 24, "frames": 75}


def test_the_pages_know_whether_all_corpora_are_drawn(config):
    assert json.loads(site.site_spec(config))["demo"] is False
    for corpus in config["corpora"].values():
        corpus["demo"] = {"seed": 1, "sources": {}}
    assert json.loads(site.site_spec(config))["demo"] is True


def test_tables_and_pictures_are_those_that_the_run_makes(config):
    tables = site.table_files(config)
    assert "results/xdata_matrix_linear-s44.csv" in tables
    assert "results/anomaly.csv" in tables
    assert not any("spatial" in path for path in tables)
    assert site.figures(config) == []
    config["anomaly"] = None
    config["spatial"] = {"test": ["odd"]}
    config["corpora"]["clean"]["layout"] = "lav_df"
    assert set(site.table_files(config)) - set(tables) == {
        "results/explain/spatial.csv",
        "results/explain/sanity.csv",
    }
    assert set(tables) - set(site.table_files(config)) == {"results/anomaly.csv"}
    assert set(site.figures(config)) == {
        "results/figures/temporal/clean.png",
        "results/figures/spatial.png",
        "results/figures/overlays/odd.png",
    }


def test_scores_and_curves_are_asked_for_in_the_same_order(config):
    scores = site.probe_files(config, "scores", "odd")
    assert scores[0] == "results/scores/linear/lfcc/clean/odd.parquet"
    curves = site.probe_files(config, "curves", "odd")
    assert [path.replace("/curves/", "/scores/") for path in curves] == scores

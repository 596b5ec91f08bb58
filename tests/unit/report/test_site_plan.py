"""What the rules of the report site depend on."""

import pytest

from dfprobe import products
from dfprobe.planning import site
from dfprobe.settings.complete import complete_config
from dfprobe.settings.config import Config
from dfprobe.settings.corpora import Demo
from dfprobe.settings.explanations import Spatial
from dfprobe.settings.stage_specs.report import SiteSpec
from small_run import SMALL_CONFIG


@pytest.fixture
def config() -> Config:
    return complete_config(SMALL_CONFIG)


def with_corpora(config: Config, **changes) -> Config:
    """Return a configuration with other settings of all corpora."""
    corpora = {n: c.model_copy(update=changes) for n, c in config.corpora.items()}
    return config.model_copy(update={"corpora": corpora})


def test_the_clips_know_no_label_and_the_pages_do(config):
    relabelled = with_corpora(config, label="another")
    assert site.clips_spec(relabelled) == site.clips_spec(config)
    assert site.site_spec(relabelled) != site.site_spec(config)


def test_the_defaults_are_24_clips_of_75_frames(config):
    assert site.clips_spec(config).model_dump() == {"clips": 24, "frames": 75}


def test_the_pages_know_whether_all_corpora_are_drawn(config):
    assert not site.site_spec(config).demo
    assert site.site_spec(with_corpora(config, demo=Demo(seed=1))).demo


def test_the_spec_of_the_pages_holds_all_settings(config):
    spec = site.site_spec(config)
    assert SiteSpec.from_json(spec.to_json()) == spec
    assert spec.config == config


def test_tables_and_pictures_are_those_that_the_run_makes(config):
    tables = site.table_files(config)
    assert products.matrix("linear-s44") in tables
    assert products.ANOMALY in tables
    assert not any("spatial" in path for path in tables)
    assert site.figures(config) == []
    section = Spatial(encoders=("example",), test=("odd",))
    config = with_corpora(config, layout="lav_df").model_copy(
        update={"anomaly": None, "spatial": section}
    )
    assert set(site.table_files(config)) - set(tables) == {
        products.SPATIAL,
        products.SANITY,
    }
    assert set(tables) - set(site.table_files(config)) == {products.ANOMALY}
    assert set(site.figures(config)) == {
        products.panels_figure("clean"),
        products.panels_figure("odd"),
        products.SPATIAL_FIGURE,
        products.overlays_figure("odd"),
    }


def test_scores_and_curves_are_asked_for_in_the_same_order(config):
    probes = site.probes(config, "odd")
    scores = probes.scores()
    assert scores[0] == products.scores("linear", "lfcc", "clean", "odd")
    curves = probes.curves()
    assert [path.replace("/curves/", "/scores/") for path in curves] == scores

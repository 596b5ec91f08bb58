"""What the rules of the report site need to know at planning time."""

from dataclasses import replace

from dfprobe import products
from dfprobe.planning import (
    anomaly,
    fusion,
    spatial,
    specs,
    tables,
    temporal,
    weight_files,
)
from dfprobe.planning.heads import Head, of_matrix
from dfprobe.settings.config import Config
from dfprobe.settings.stage_specs.report import ClipsSpec, SiteSpec


def clips_spec(config: Config) -> ClipsSpec:
    """Spec of the clips of a test corpus; no label is in it."""
    return ClipsSpec.of(config.report)


def site_spec(config: Config) -> SiteSpec:
    """Spec of the pages: labels, rows and columns, and all settings."""
    corpora = [config.corpora[name] for name in specs.used_corpora(config)]
    return SiteSpec.of(
        tables.matrix_spec(config),
        demo=all(entry.demo is not None for entry in corpora),
        config=config,
        weights_notes=weight_files.notes(config),
    )


def table_files(config: Config) -> list[str]:
    """Tables that the pages show, as far as the run makes them."""
    frames = [products.SPATIAL, products.SANITY] if config.spatial else []
    return [
        *(products.MATRIX, products.LONG_TABLE, *tables.matrices(config)),
        *(products.SEEDS, products.DETECTORS, products.PAPER_TABLE),
        *anomaly.tables(config)[:1],
        *fusion.TABLES,
        *(products.LOCALISATION, products.LEADING, *frames),
    ]


def probes(config: Config, test: str) -> Head:
    """Return the head of the matrix on one test corpus."""
    return replace(of_matrix(config), test=(test,))


def stores(config: Config) -> list[str]:
    """One feature store of each encoder."""
    corpus = config.train[0]
    shard = specs.shards(config, corpus)[0]
    return [products.features(encoder, corpus, shard) for encoder in config.encoders]


def files(config: Config) -> list[str]:
    """Pages, and what the explorer reads first of each test corpus."""
    return [products.SITE, *map(products.report_clips, config.test)]


def figures(config: Config) -> list[str]:
    """Figures of explanations that stand in the pages as pictures."""
    pictures = [products.panels_figure(test) for test in temporal.localised(config)]
    if config.spatial is not None:
        pictures += [products.SPATIAL_FIGURE, *spatial.overlays(config)]
    return pictures

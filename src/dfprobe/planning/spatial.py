"""What the workflow asks of the spatial explanations."""

from pathlib import Path

from dfprobe import products
from dfprobe.planning.specs import (
    computed_encoders,
    encoder_spec,
    head_spec,
    labelled,
)
from dfprobe.settings.config import Config
from dfprobe.settings.explanations import Spatial
from dfprobe.settings.stage_specs.explanations import (
    FramesSpec,
    PointsSpec,
    SpatialFiguresSpec,
)


def explained_head(config: Config) -> str:
    """Head whose logits are explained: the first linear one."""
    return next(name for name, head in config.heads.items() if head.kind == "linear")


def map_files(config: Config) -> list[str]:
    """Return all files of maps."""
    spatial = config.spatial
    if spatial is None:
        return []
    return [
        products.maps(encoder, spatial.train, test)
        for encoder in spatial.encoders
        for test in spatial.test
    ]


def checked(config: Config) -> bool:
    """Whether a probe is trained on shuffled labels, and an encoder made at random."""
    return config.spatial is not None and config.spatial.checks


def explain_spec(config: Config, encoder: str) -> FramesSpec:
    """Spec of the maps of an encoder."""
    spatial = _spatial(config)
    head = None
    if spatial.checks:
        trained = head_spec(config, explained_head(config))
        head = trained.model_copy(update={"seeds": trained.seeds[:1]})
    return FramesSpec.of(
        config.features,
        spatial,
        encoder=encoder_spec(config, encoder),
        trim=computed_encoders(config)[encoder].trim,
        head=head,
    )


TABLES = (
    products.SPATIAL,
    products.SPATIAL_CONFIDENCE,
    products.SPATIAL_POINTS,
    products.SANITY,
)


def explained_tests(config: Config) -> list[str]:
    """Test corpora whose frames are explained."""
    return list(config.spatial.test) if config.spatial is not None else []


def explained_corpora(config: Config) -> list[str]:
    """List the corpus of the explained probe, and those that are explained."""
    if config.spatial is None:
        return []
    return list(dict.fromkeys([config.spatial.train, *explained_tests(config)]))


def overlays(config: Config) -> list[str]:
    """Return the figures of overlays, one per test corpus."""
    return [products.overlays_figure(test) for test in explained_tests(config)]


def overlay_vectors(config: Config) -> list[str]:
    """Return the same figures as vector graphics."""
    return [path for png in overlays(config) for path in products.vectors(png)]


def files(config: Config) -> list[str]:
    """Return all that explanations in space leave; nothing where there are none."""
    if config.spatial is None:
        return []
    return [
        *map_files(config),
        *TABLES,
        *(products.SPATIAL_FIGURE, *products.vectors(products.SPATIAL_FIGURE)),
        *overlays(config),
        *overlay_vectors(config),
    ]


def points_spec(config: Config) -> PointsSpec:
    """Spec of the tables of explanations."""
    truth = {
        name: (Path(config.corpora[name].root).parent / "truth").as_posix()
        for name in explained_corpora(config)
        if config.corpora[name].demo is not None
    }
    spatial = _spatial(config)
    encoders = labelled(config, spatial.encoders)
    return PointsSpec.of(spatial, truth=truth, encoders=encoders)


def spatial_figures_spec(config: Config) -> SpatialFiguresSpec:
    """Spec of the figures of explanations: labels."""
    corpora = {name: config.corpora[name].label for name in explained_corpora(config)}
    explained = () if config.spatial is None else config.spatial.encoders
    encoders = labelled(config, explained)
    return SpatialFiguresSpec(corpora=corpora, encoders=encoders)


def _spatial(config: Config) -> Spatial:
    if config.spatial is None:
        raise ValueError("the configuration has no section spatial")
    return config.spatial

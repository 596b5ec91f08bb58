"""What the rules of fusion need to know at planning time."""

from dfprobe import products
from dfprobe.planning import specs
from dfprobe.settings.config import Config
from dfprobe.settings.stage_specs.labels import Labelled
from dfprobe.settings.stage_specs.tables import FusionFigureSpec, FusionSpec

TABLES = [products.CORRELATION, products.FUSION_SETS, products.IMPROVEMENT]


def files() -> list[str]:
    """Tables and figure of fusion."""
    return [*TABLES, products.FUSION_FIGURE, *products.vectors(products.FUSION_FIGURE)]


def fusion_spec(config: Config) -> FusionSpec:
    """Spec of the tables of fusion; no label is in it."""
    return FusionSpec.of(
        config.fusion,
        config,
        head=specs.main_head(config),
        encoders=tuple(config.encoders),
    )


def figure_spec(config: Config) -> FusionFigureSpec:
    """Spec of the figure: which corpora it is about, and labels.

    Without a choice in the config it is, as in the paper, the training corpus named
    last, tested on the first other corpus, if there is one.
    """
    train, test = (
        Labelled(name=name, label=config.corpora[name].label)
        for name in _figure(config)
    )
    encoders = specs.labelled(config, config.encoders)
    return FusionFigureSpec(train=train, test=test, encoders=encoders)


def tex_tables(config: Config) -> list[str]:
    """Tables for papers: of the matrix, of fusion, of the heads on real clips."""
    names = ["matrix", "fusion", *(["anomaly"] if config.anomaly else [])]
    return [products.tex_table(name) for name in names]


def _figure(config: Config) -> tuple[str, str]:
    chosen = config.fusion.figure
    if chosen is not None:
        return chosen.train, chosen.test
    train = config.train[-1]
    others = [name for name in config.test if name != train]
    return train, (others or config.test)[0]

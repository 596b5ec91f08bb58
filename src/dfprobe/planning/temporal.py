"""Planning of the temporal explanations: tables over all heads, figures, panels."""

from dataclasses import replace

from dfprobe import products
from dfprobe.planning import anomaly, specs
from dfprobe.planning.heads import Head, of_matrix, on_labels
from dfprobe.settings.config import Config
from dfprobe.settings.corpus_layouts import tells
from dfprobe.settings.stage_specs.explanations import (
    CurvesEncoder,
    CurvesHead,
    LocalisationSpec,
    PanelsSpec,
    TemporalFiguresSpec,
)


def localised(config: Config) -> list[str]:
    """Test corpora whose layout tells fake segments, in the order of the config."""
    return [n for n in config.test if "segments" in tells(config.corpora[n].layout)]


def heads(config: Config) -> list[Head]:
    """Return all heads with curves."""
    return [*on_labels(config), *(h for h in anomaly.heads(config) if h.encoders)]


def curve_files(config: Config) -> list[str]:
    """Curves of all heads on all test corpora."""
    return [path for head in heads(config) for path in head.curves()]


def score_files(config: Config) -> list[str]:
    """Scores by the same heads, in the same order."""
    return [path for head in heads(config) for path in head.scores()]


def panel_curves(config: Config, test: str) -> list[str]:
    """Curves of the head of the matrix on one corpus, trained on `panel_train`."""
    train = panel_train(config, test)
    return replace(of_matrix(config), train=(train,), test=(test,)).curves()


def files(config: Config) -> list[str]:
    """Tables and figures of the temporal explanations."""
    figures = [
        *(products.LOCALISATION_FIGURE, products.LEADING_FIGURE),
        *map(products.panels_figure, localised(config)),
    ]
    vectors = [path for figure in figures for path in products.vectors(figure)]
    return [products.LOCALISATION, products.LEADING, *figures, *vectors]


def panel_train(config: Config, test: str) -> str:
    """Corpus that the head of the panels learned from: the one tested on, if it can."""
    return test if test in config.train else config.train[-1]


def tables_spec(config: Config) -> LocalisationSpec:
    """Spec of the tables of localisation and of the first moments."""
    # A next-token head takes no log-sum-exp of its losses.
    named = (
        CurvesHead.of(head, log_sum_exp=head.name != "next_token")
        for head in heads(config)
    )
    return LocalisationSpec(
        heads=tuple(named),
        encoders=tuple(_encoders(config).values()),
        test=config.test,
        localised=tuple(localised(config)),
    )


def figures_spec(config: Config) -> TemporalFiguresSpec:
    """Spec of both summary figures: what they show, and labels."""
    corpora = specs.corpus_labels(config)
    return TemporalFiguresSpec(head=specs.main_head(config), corpora=corpora)


def panels_spec(config: Config, test: str) -> PanelsSpec:
    """Spec of the panels of one corpus."""
    known = _encoders(config)
    return PanelsSpec(
        head=specs.main_head(config),
        train=panel_train(config, test),
        test=test,
        label=config.corpora[test].label,
        encoders=tuple(known[name] for name in config.encoders),
        clips=config.temporal.clips.get(test, ()),
    )


def _encoders(config: Config) -> dict[str, CurvesEncoder]:
    """Say what the tables show of each encoder and row of the anomaly table."""
    rows = config.anomaly.rows if config.anomaly is not None else ()
    joined = {
        row.name: CurvesEncoder.of(
            row, modality=specs.joint_modality(config, row.streams)
        )
        for row in rows
    }
    single = {
        name: CurvesEncoder.of(entry, name=name)
        for name, entry in config.encoders.items()
    }
    return joined | single  # an encoder's own entry wins over that of a row

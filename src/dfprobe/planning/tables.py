"""Specs of the tables over all encoders and of their figures: rows, columns, labels."""

from dataclasses import replace

from dfprobe import products
from dfprobe.planning import anomaly, specs, weight_files
from dfprobe.planning.heads import of_entry, of_matrix, on_labels
from dfprobe.settings.config import Config
from dfprobe.settings.encoders import ComputedEncoder
from dfprobe.settings.stage_specs.heads import (
    LayersFigureSpec,
    TrainedHead,
    TrainingFigureSpec,
)
from dfprobe.settings.stage_specs.labels import Labelled
from dfprobe.settings.stage_specs.tables import (
    DetectorsSpec,
    EncoderRow,
    ExternalDetector,
    HeadName,
    MatrixFigureSpec,
    MatrixSpec,
    PaperCorpus,
    PaperEncoder,
    PaperRow,
    PaperSpec,
)


def matrix_spec(config: Config) -> MatrixSpec:
    """Spec of the aggregate stages: rows and columns of the tables."""
    encoders = tuple(
        EncoderRow.of(entry, name=name, untrimmed=_untrimmed(config, name))
        for name, entry in config.encoders.items()
    )
    return MatrixSpec.of(
        config,
        heads=_head_names(config),
        encoders=encoders,
        corpora=specs.corpus_labels(config),
    )


def score_files(config: Config) -> list[str]:
    """Scores of all heads that learn from labelled clips."""
    return [path for head in on_labels(config) for path in head.scores()]


def matrices(config: Config) -> list[str]:
    """Matrix of each head after the first."""
    return [products.matrix(head.name) for head in on_labels(config)[1:]]


def files(config: Config) -> list[str]:
    """Tables over all encoders, with what they are made from, and their figures."""
    return [
        *(products.MATRIX, products.LONG_TABLE, products.PAIRS, *matrices(config)),
        *(products.SEEDS, products.DETECTORS, *detector_scores(config)),
        *(products.MATRIX_FIGURE, *products.vectors(products.MATRIX_FIGURE)),
        *histories(config),
        *(products.TRAINING_FIGURE, *products.vectors(products.TRAINING_FIGURE)),
        products.TRAINING_TABLE,
    ]


def _head_names(config: Config) -> tuple[HeadName, ...]:
    """Heads of the tables, the one of the matrix first."""
    return tuple(
        HeadName(name=name, entry=entry, seed=seed, encoders=head.encoders)
        for entry, head in config.heads.items()
        for name, seed in zip(specs.heads_of(config, entry), head.seeds, strict=True)
    )


def detectors_spec(config: Config) -> DetectorsSpec:
    """Spec of the table of detectors: our heads and those from outside."""
    external = tuple(
        ExternalDetector.of(
            entry,
            name=name,
            test=tuple(test for test in config.test if test in entry.scores),
        )
        for name, entry in config.external.items()
    )
    return DetectorsSpec.of(
        config,
        head=specs.main_head(config),
        train=config.train[-1],
        encoders=specs.labelled(config, config.encoders),
        external=external,
    )


def detector_scores(config: Config) -> list[str]:
    """Scores by our heads of the last training corpus, and by other detectors."""
    ours = replace(of_matrix(config), train=config.train[-1:])
    theirs = [
        products.external_scores(name, entry.trained_on, test)
        for name, entry in config.external.items()
        for test in config.test
        if test in entry.scores
    ]
    return [*ours.scores(), *theirs]


def paper_spec(config: Config) -> PaperSpec:
    """Spec of the comparison with the paper's tables."""
    used = {name: config.corpora[name] for name in specs.used_corpora(config)}
    rows = config.anomaly.rows if config.anomaly is not None else ()
    return PaperSpec(
        head=specs.main_head(config),
        encoders=tuple(
            PaperEncoder.of(entry, name=name) for name, entry in config.encoders.items()
        ),
        corpora=tuple(
            PaperCorpus(name=name, label=entry.label, demo=entry.demo is not None)
            for name, entry in used.items()
        ),
        rows=tuple(map(PaperRow.of, rows)),
        weights_notes=weight_files.notes(config),
    )


def figure_spec(config: Config) -> MatrixFigureSpec:
    """Spec of the picture of the matrix: labels of its columns."""
    return MatrixFigureSpec(corpora=specs.corpus_labels(config))


def histories(config: Config) -> list[str]:
    """Training curves of all heads: one file has those of all seeds of an entry."""
    on_labels = [of_entry(config, entry)[0] for entry in config.heads]
    heads = [*on_labels, *anomaly.heads(config)]
    return [path for head in heads for path in head.histories()]


def curves_spec(config: Config) -> TrainingFigureSpec:
    """Spec of the figure of training curves: labels, and when training ends."""
    heads = [TrainedHead.of(head, name=name) for name, head in config.heads.items()]
    rows = list(specs.labelled(config, config.encoders))
    if config.anomaly is not None:
        for name in ("next_token", "sync"):
            head = getattr(config.anomaly, name)
            heads.append(TrainedHead.of(head, name=name))
        pairs = [row for row in config.anomaly.rows if len(row.streams) > 1]
        rows += map(Labelled.of, pairs)
    trained = {*config.train, *anomaly.corpora(config)}
    corpora = tuple(
        Labelled(name=name, label=label)
        for name, label in specs.corpus_labels(config).items()
        if name in trained
    )
    return TrainingFigureSpec(rows=tuple(rows), corpora=corpora, heads=tuple(heads))


def layers_figure_spec(config: Config, encoder: str) -> LayersFigureSpec:
    """Spec of the picture of an encoder's layers: labels."""
    label = config.encoders[encoder].label
    return LayersFigureSpec(label=label, corpora=specs.corpus_labels(config))


def _untrimmed(config: Config, name: str) -> str | None:
    """Row of the same encoder on whole clips, for one that has its clips trimmed."""
    entry = config.encoders[name]
    if not isinstance(entry, ComputedEncoder) or entry.trim is None:
        return None
    whole = entry.model_copy(update={"trim": None, "label": ""})
    for other, candidate in config.encoders.items():
        if candidate.model_copy(update={"label": ""}) == whole:
            return other
    return None

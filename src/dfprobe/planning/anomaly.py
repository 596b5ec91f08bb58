"""Planning of the heads that learn from real clips alone: rows, files, specs."""

from dataclasses import replace
from typing import Literal

from dfprobe import products
from dfprobe.planning import specs
from dfprobe.planning.heads import Head, of_matrix
from dfprobe.settings.anomaly import Anomaly
from dfprobe.settings.config import Config
from dfprobe.settings.head_kinds import streams
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.settings.stage_specs.tables import AnomalySpec, JoinedRow

# Settings of a head that have a place of their own in its spec.
_COMMON = {"seed", "learning_rate", "max_epochs", "patience"}


def rows(config: Config) -> list[str]:
    """Names in paths of the rows of the anomaly table: ``a``, or ``a+b`` for a pair."""
    return [row.name for row in config.anomaly.rows] if config.anomaly else []


def corpora(config: Config) -> list[str]:
    """Corpus that heads learn from whose training sees real clips alone, if any."""
    return [config.anomaly.corpus] if config.anomaly else []


def pairs(config: Config) -> list[str]:
    """Rows of the anomaly table that are pairs: those that a sync head can read."""
    read = streams("sync")
    listed = config.anomaly.rows if config.anomaly else ()
    return [row.name for row in listed if len(row.streams) in read]


def tests(config: Config) -> tuple[str, ...]:
    """Corpora that these heads are tested on."""
    return config.anomaly.test if config.anomaly else ()


def heads(config: Config) -> list[Head]:
    """Return the heads that are trained on real clips."""
    encoders = {"next_token": rows(config), "sync": pairs(config)}
    return [
        Head(name, tuple(read), tuple(corpora(config)), tests(config))
        for name, read in encoders.items()
    ]


def scored(config: Config) -> list[Head]:
    """Return these heads, and the mean of the next-token losses as a further one."""
    next_token, sync = heads(config)
    return [next_token, sync, replace(next_token, name="next_token_mean")]


def score_files(config: Config) -> list[str]:
    """Return the scores in the table: of these heads, and of the head of the matrix."""
    if config.anomaly is None:
        return []
    streams = {name for row in config.anomaly.rows for name in row.streams}
    matrix = replace(of_matrix(config), encoders=tuple(sorted(streams)))
    compared = [
        replace(matrix, train=train, test=(test,))
        for test, train in supervised(config).items()
    ]
    return [path for head in (*scored(config), *compared) for path in head.scores()]


def tables(config: Config) -> list[str]:
    """Return the table, wide and long."""
    return [products.ANOMALY, products.ANOMALY_LONG] if config.anomaly else []


def files(config: Config) -> list[str]:
    """Return what heads on real clips leave; `tables` asks for all training curves."""
    of_heads = [
        path for head in heads(config) for path in (*head.files(), *head.curves())
    ]
    return [*of_heads, *score_files(config), *tables(config)]


def head_spec(config: Config, kind: Literal["next_token", "sync"]) -> HeadSpec:
    """Spec of the training of a next-token or sync head."""
    anomaly = planned(config)
    settings = anomaly.next_token if kind == "next_token" else anomaly.sync
    return HeadSpec.of(  # not of settings: their `layers` are a Transformer's
        config.training,
        kind=kind,
        seeds=(settings.seed,),
        learning_rates=(settings.learning_rate,),
        max_epochs=settings.max_epochs,
        patience=settings.patience,
        schedule="none",
        class_weights="none",
        options=settings.model_dump(exclude=_COMMON),
    )


def spec(config: Config) -> AnomalySpec:
    """Spec of the table of heads trained on real clips."""
    anomaly = planned(config)
    return AnomalySpec(
        head=specs.main_head(config),
        real=anomaly.corpus,
        test=anomaly.test,
        supervised=supervised(config),
        rows=tuple(
            JoinedRow.of(row, modality=specs.joint_modality(config, row.streams))
            for row in anomaly.rows
        ),
    )


def supervised(config: Config) -> dict[str, tuple[str, ...]]:
    """Return, for each test corpus, the other corpora that heads learn from."""
    return {
        test: tuple(train for train in config.train if train != test)
        for test in planned(config).test
    }


def planned(config: Config) -> Anomaly:
    """Return the settings of a run that has heads on real clips."""
    if config.anomaly is None:
        raise ValueError("the configuration has no section anomaly")
    return config.anomaly

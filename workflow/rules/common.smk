from dfprobe import products, recipes
from dfprobe.planning import (
    anomaly,
    code_stamps,
    fusion,
    heads,
    resources,
    shards,
    site,
    spatial,
    specs,
    tables,
    targets,
    temporal,
    watched_files,
    weight_files,
)
from dfprobe.planning.wildcards import one_of
from dfprobe.settings import encoder_families
from dfprobe.settings.complete import complete_config

config = complete_config(config)


wildcard_constraints:
    corpus=one_of(config.corpora),
    train=one_of(config.train),
    test=one_of(config.test),
    encoder=one_of(config.encoders),
    shard=r"\d{3}",
    row=one_of(anomaly.rows(config)),
    real=one_of(anomaly.corpora(config)),
    detector=one_of(config.external),
    layered=one_of(specs.layered(config)),

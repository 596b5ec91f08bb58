from pathlib import Path

from dfprobe import workflow as plan
from dfprobe.config import complete_config

config = complete_config(
    config, Path(workflow.current_basedir) / "../schemas/config.schema.yaml"
)


wildcard_constraints:
    corpus="|".join(config["corpora"]),
    train="|".join(config["train"]),
    test="|".join(config["test"]),
    encoder="|".join(config["encoders"]),
    shard=r"\d{3}",


def one_of(names):
    """Return the pattern that matches any of some names, and nothing without names."""
    return "|".join(sorted(names)) or r"(?!)"


def computed_encoders():
    return [name for name in config["encoders"] if not plan.from_files(config, name)]


def of_shards(pattern, corpora, **values):
    """Return a pattern's files for every shard of some corpora."""
    return [
        path
        for corpus in corpora
        for path in expand(
            pattern, corpus=corpus, shard=plan.shards(config, corpus), **values
        )
    ]


def features_of(role):
    """Return an input function: the stores of the corpus that is trained or tested on."""

    def files(wildcards):
        return of_shards(
            "results/features/{encoder}/{corpus}/{shard}.zarr.zip",
            [wildcards[role]],
            encoder=wildcards.encoder,
        )

    return files


def crop_indexes(corpora):
    return of_shards("results/crops/{corpus}/{shard}.parquet", corpora)


def score_files():
    return expand(
        "results/scores/linear/{encoder}/{train}/{test}.parquet",
        encoder=config["encoders"],
        train=config["train"],
        test=config["test"],
    )


def audit_tables(corpus):
    names = ["balance", "overlap", "files", "values", "categories", "shortcuts"]
    return [f"results/audit/{corpus}/{name}.csv" for name in names]


def audit_products():
    """Return the pages and tables of the corpora that are used, and their facts."""
    corpora = plan.used_corpora(config)
    return [
        *of_shards("results/facts/{corpus}/{shard}.parquet", corpora),
        *expand("results/audit/{corpus}.html", corpus=corpora),
        *[path for corpus in corpora for path in audit_tables(corpus)],
    ]


def kept_products():
    """Return every product that is kept: who asks for all finds one that is missing."""
    corpora = plan.used_corpora(config)
    encoders = list(config["encoders"])
    return [
        *expand("results/manifests/{corpus}.parquet", corpus=corpora),
        *crop_indexes(corpora),
        *of_shards("results/crops/{corpus}/{shard}.h5", corpora),
        *of_shards(
            "results/features/{encoder}/{corpus}/{shard}.zarr.zip",
            corpora,
            encoder=encoders,
        ),
        *expand(
            "results/heads/linear/{encoder}/{train}.{suffix}",
            encoder=encoders,
            train=config["train"],
            suffix=["safetensors", "curve.csv"],
        ),
        *score_files(),
    ]

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


def shard_files(pattern):
    """Return an input function: the pattern for every shard of the wildcards' corpus."""

    def files(wildcards):
        corpus = next(
            value for key, value in wildcards.items() if key in ("corpus", "train", "test")
        )
        return expand(pattern, shard=plan.shards(config, corpus), allow_missing=True)

    return files


def features_of(role):
    """Return an input function: the feature stores of the corpus in a given role."""

    def files(wildcards):
        corpus = wildcards[role]
        return expand(
            "results/features/{encoder}/{corpus}/{shard}.zarr.zip",
            encoder=wildcards.encoder,
            corpus=corpus,
            shard=plan.shards(config, corpus),
        )

    return files


def crop_indexes(corpora):
    return [
        f"results/crops/{corpus}/{shard}.parquet"
        for corpus in corpora
        for shard in plan.shards(config, corpus)
    ]


def score_files():
    return expand(
        "results/scores/linear/{encoder}/{train}/{test}.parquet",
        encoder=config["encoders"],
        train=config["train"],
        test=config["test"],
    )


def kept_products():
    """Every product that is kept. Whatever asks for these finds one that is missing."""
    corpora = plan.used_corpora(config)
    indexes = crop_indexes(corpora)
    stores = [
        path.replace("/crops/", f"/features/{encoder}/").replace(".parquet", ".zarr.zip")
        for path in indexes
        for encoder in config["encoders"]
    ]
    return [
        *expand("results/manifests/{corpus}.parquet", corpus=corpora),
        *indexes,
        *(path.replace(".parquet", ".h5") for path in indexes),
        *stores,
        *expand(
            "results/heads/linear/{encoder}/{train}.{suffix}",
            encoder=config["encoders"],
            train=config["train"],
            suffix=["safetensors", "curve.csv"],
        ),
        *score_files(),
    ]

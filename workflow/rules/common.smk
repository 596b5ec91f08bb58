import re

from dfprobe import recipes
from dfprobe.settings.complete import complete_config
from dfprobe.planning import (
    anomaly,
    resources,
    specs,
    code_stamps,
    watched_files,
    tables,
    temporal,
    weight_files,
)

config = complete_config(config)


def one_of(names):
    """Return the pattern that matches any of some names, and nothing without names."""
    return "|".join(sorted(re.escape(name) for name in names)) or r"(?!)"


# What takes a second or two and little memory is not worth a place in a queue.
localrules:
    plot_training_curves,
    plot_matrix,
    plot_layers,
    plot_fusion,
    plot_temporal,
    make_seeds,
    compare_with_paper,
    write_summary,
    write_tex_tables,
    import_external,
    make_report,


wildcard_constraints:
    corpus="|".join(config.corpora),
    train="|".join(config.train),
    test="|".join(config.test),
    encoder="|".join(config.encoders),
    shard=r"\d{3}",
    row=one_of(anomaly.rows(config)),
    real=one_of(anomaly.corpora(config)),
    detector=one_of(config.external),
    layered=one_of(specs.layered(config)),


def growing(memory_mb):
    """Return a memory request that each further attempt at a job raises."""
    return lambda wildcards, attempt: attempt * memory_mb


def of_shards(pattern, corpora, **values):
    """Return a pattern's files for every shard of some corpora."""
    return [
        path
        for corpus in corpora
        for path in expand(
            pattern, corpus=corpus, shard=specs.shards(config, corpus), **values
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


def features_of_stream(place, role):
    """Return an input function: the stores of one encoder of a row, none if it has fewer."""

    def files(wildcards):
        return of_shards(
            "results/features/{encoder}/{corpus}/{shard}.zarr.zip",
            [wildcards[role]],
            encoder=wildcards.row.split("+")[place : place + 1],
        )

    return files


def crop_indexes(corpora):
    return of_shards("results/crops/{corpus}/{shard}.parquet", corpora)


def score_files():
    """Return the scores of all heads that are trained on clip labels."""
    return [
        path
        for entry, settings in config.heads.items()
        for path in expand(
            "results/scores/{head}/{encoder}/{train}/{test}.parquet",
            head=specs.heads_of(config, entry),
            encoder=settings.encoders,
            train=config.train,
            test=config.test,
        )
    ]


def frame_value_files():
    """Return the values over time of all heads that are trained on clip labels."""
    return [path.replace("results/scores", "results/curves") for path in score_files()]


def matrix_score_files():
    """Return the scores of the head of the matrix."""
    return expand(
        "results/scores/{head}/{encoder}/{train}/{test}.parquet",
        head=specs.main_head(config),
        encoder=config.encoders,
        train=config.train,
        test=config.test,
    )


def head_files():
    """Return the heads that are trained on clip labels, and their validation scores."""
    return [
        path
        for entry, settings in config.heads.items()
        for path in expand(
            "results/heads/{head}/{encoder}/{train}.{kind}",
            kind=["safetensors", "val.parquet"],
            head=specs.heads_of(config, entry),
            encoder=settings.encoders,
            train=config.train,
        )
    ]


def curve_files():
    """Return the training curves of all heads."""
    supervised = [
        path
        for entry, settings in config.heads.items()
        for path in expand(
            "results/heads/{head}/{encoder}/{train}.curve.csv",
            head=entry,
            encoder=settings.encoders,
            train=config.train,
        )
    ]
    return supervised + anomaly_files("results/heads/{head}/{row}/{real}.curve.csv")


def anomaly_files(pattern):
    """Return a pattern's files for every head that learns from real clips."""
    settings = config.anomaly
    if settings is None:
        return []
    rows = {
        "next_token": anomaly.rows(config),
        "sync": anomaly.pairs(config),
    }
    return [
        path
        for head in rows
        for path in expand(
            pattern,
            head=head,
            row=rows[head],
            real=settings.corpus,
            test=settings.test,
        )
    ]


def anomaly_score_files():
    """Return the scores from which results/anomaly.csv is made."""
    if config.anomaly is None:
        return []
    streams = {name for row in anomaly.rows(config) for name in row.split("+")}
    return [
        *anomaly_files("results/scores/{head}/{row}/{real}/{test}.parquet"),
        *expand(
            "results/scores/next_token_mean/{row}/{real}/{test}.parquet",
            row=anomaly.rows(config),
            real=anomaly.corpora(config),
            test=config.anomaly.test,
        ),
        *(
            path
            for test, trains in anomaly.supervised(config).items()
            for path in expand(
                "results/scores/{head}/{encoder}/{train}/{test}.parquet",
                head=specs.main_head(config),
                encoder=sorted(streams),
                train=trains,
                test=test,
            )
        ),
    ]


def detector_score_files():
    ours = expand(
        "results/scores/{head}/{encoder}/{train}/{test}.parquet",
        head=specs.main_head(config),
        encoder=config.encoders,
        train=tables.detectors_train(config),
        test=config.test,
    )
    return ours + [
        f"results/scores/external/{name}/{entry.trained_on}/{test}.parquet"
        for name, entry in config.external.items()
        for test in config.test
        if test in entry.scores
    ]


def anomaly_products():
    """Return what the heads that learn from real clips leave, and the other detectors."""
    return [
        *curve_files(),
        *anomaly_files("results/heads/{head}/{row}/{real}.safetensors"),
        *anomaly_files("results/curves/{head}/{row}/{real}/{test}.parquet"),
        *anomaly_score_files(),
        *detector_score_files(),
    ]


def anomaly_tables():
    """Return the tables of the heads that learn from real clips."""
    if config.anomaly is None:
        return []
    return ["results/anomaly.csv", "results/anomaly_long.csv"]


def layer_products():
    """Return the tables and pictures of the encoders whose layers are probed."""
    patterns = ["results/layers/{encoder}.csv", "results/figures/layers/{encoder}.png"]
    patterns += [
        f"results/figures/layers/{{encoder}}.{kind}" for kind in ("svg", "pdf")
    ]
    return expand(patterns, encoder=specs.layered(config))


def matrices():
    """Return the matrix of each head after the first."""
    heads = [head for entry in config.heads for head in specs.heads_of(config, entry)]
    return [f"results/xdata_matrix_{head}.csv" for head in heads[1:]]


def audit_tables(corpus):
    files = ["files", "values", "categories", "shortcuts"]
    names = ["findings", "balance", "overlap", *files]
    return [f"results/audit/{corpus}/{name}.csv" for name in names]


def audit_products():
    """Return the pages and tables of the corpora that are used, and their facts."""
    corpora = specs.used_corpora(config)
    return [
        *of_shards("results/facts/{corpus}/{shard}.parquet", corpora),
        *expand("results/audit/{corpus}.html", corpus=corpora),
        *[path for corpus in corpora for path in audit_tables(corpus)],
        *expand("results/audit/{corpus}/figures", corpus=corpora),
    ]


def kept_products():
    """Return every product that is kept: who asks for all finds one that is missing."""
    corpora = specs.used_corpora(config)
    return [
        *expand("results/manifests/{corpus}.parquet", corpus=corpora),
        *crop_indexes(corpora),
        *of_shards("results/crops/{corpus}/{shard}.h5", corpora),
        *[
            path
            for corpus in corpora
            for path in of_shards(
                "results/features/{encoder}/{corpus}/{shard}.zarr.zip",
                [corpus],
                encoder=specs.encoded_on(config, corpus),
            )
        ],
        *head_files(),
        *score_files(),
        *frame_value_files(),
    ]


def temporal_products():
    """Return the tables and figures of the temporal explanations."""
    figures = ["localisation", "leading"]
    figures += [f"temporal/{test}" for test in temporal.localised(config)]
    return [
        "results/explain/localisation.csv",
        "results/explain/leading.csv",
        *expand(
            "results/figures/{figure}.{kind}",
            figure=figures,
            kind=["png", "svg", "pdf"],
        ),
    ]

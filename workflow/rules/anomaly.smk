# Heads that learn from real clips alone, on one encoder or on a pair of them (`a+b`).
rule train_next_token:
    input:
        manifest=products.manifest("{real}"),
        features=lambda wildcards: shards.stream_features(
            config, wildcards.row, 0, wildcards.real
        ),
        second=lambda wildcards: shards.stream_features(
            config, wildcards.row, 1, wildcards.real
        ),
    output:
        head=products.head("next_token", "{row}", "{real}"),
        history=products.history("next_token", "{row}", "{real}"),
    log:
        products.log("heads/next_token/{row}/{real}"),
    benchmark:
        products.benchmark("heads/next_token/{row}/{real}")
    conda:
        "../../envs/evaluation.yaml"
    resources:
        gpu=resources.training_gpus(config, "next_token"),
        mem_mb=resources.growing(config.training.memory_mb),
    params:
        spec=lambda wildcards: anomaly.head_spec(config, "next_token").to_json(),
        recipes=recipes.heads("next_token"),
    shell:
        "python -m dfprobe --log {log} train-head {input.manifest} "
        "--features {input.features} --second {input.second} "
        "--spec {params.spec:q} --out {output.head} --history {output.history}"


rule score_next_token:
    input:
        head=products.head("next_token", "{row}", "{real}"),
        manifest=products.manifest("{test}"),
        features=lambda wildcards: shards.stream_features(
            config, wildcards.row, 0, wildcards.test
        ),
        second=lambda wildcards: shards.stream_features(
            config, wildcards.row, 1, wildcards.test
        ),
    output:
        scores=products.scores("next_token", "{row}", "{real}"),
        mean=products.scores("next_token_mean", "{row}", "{real}"),
        curves=products.curves("next_token", "{row}", "{real}"),
    log:
        products.log("scores/next_token/{row}/{real}/{test}"),
    benchmark:
        products.benchmark("scores/next_token/{row}/{real}/{test}")
    conda:
        "../../envs/evaluation.yaml"
    params:
        recipes=recipes.heads("next_token"),
    shell:
        "python -m dfprobe --log {log} score-clips {input.manifest} "
        "--features {input.features} --second {input.second} --head {input.head} "
        "--out {output.scores} --mean {output.mean} --curves {output.curves}"


use rule train_next_token as train_sync with:
    output:
        head=products.head("sync", "{row}", "{real}"),
        history=products.history("sync", "{row}", "{real}"),
    log:
        products.log("heads/sync/{row}/{real}"),
    benchmark:
        products.benchmark("heads/sync/{row}/{real}")
    params:
        spec=lambda wildcards: anomaly.head_spec(config, "sync").to_json(),
        recipes=recipes.heads("sync"),


rule score_sync:
    input:
        head=products.head("sync", "{row}", "{real}"),
        manifest=products.manifest("{test}"),
        features=lambda wildcards: shards.stream_features(
            config, wildcards.row, 0, wildcards.test
        ),
        second=lambda wildcards: shards.stream_features(
            config, wildcards.row, 1, wildcards.test
        ),
    output:
        scores=products.scores("sync", "{row}", "{real}"),
        curves=products.curves("sync", "{row}", "{real}"),
    log:
        products.log("scores/sync/{row}/{real}/{test}"),
    benchmark:
        products.benchmark("scores/sync/{row}/{real}/{test}")
    conda:
        "../../envs/evaluation.yaml"
    params:
        recipes=recipes.heads("sync"),
    shell:
        "python -m dfprobe --log {log} score-clips {input.manifest} "
        "--features {input.features} --second {input.second} --head {input.head} "
        "--out {output.scores} --curves {output.curves}"


rule make_anomaly:
    input:
        scores=anomaly.score_files(config),
        manifests=expand(products.manifest(), corpus=anomaly.tests(config)),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.anomaly"),
    output:
        table=products.ANOMALY,
        long=products.ANOMALY_LONG,
    log:
        products.log("anomaly"),
    benchmark:
        products.benchmark("anomaly")
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: anomaly.spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} anomaly --scores {input.scores} "
        "--manifests {input.manifests} --spec {params.spec:q} --out {output.table} "
        "--long {output.long}"

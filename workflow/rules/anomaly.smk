# Heads that learn from real clips alone, on one encoder or on a pair of them (`a+b`).
rule train_next_token:
    input:
        manifest="results/manifests/{real}.parquet",
        features=features_of_stream(0, "real"),
        second=features_of_stream(1, "real"),
    output:
        head="results/heads/next_token/{row}/{real}.safetensors",
        curve="results/heads/next_token/{row}/{real}.curve.csv",
    log:
        "results/logs/heads/next_token/{row}/{real}.log",
    benchmark:
        "results/benchmarks/heads/next_token/{row}/{real}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    resources:
        gpu=resources.training_gpus(config, "next_token"),
        mem_mb=growing(config.training.memory_mb),
    params:
        spec=lambda wildcards: anomaly.head_spec(config, "next_token").to_json(),
        recipes=recipes.heads("next_token"),
    shell:
        "python -m dfprobe --log {log} train-head {input.manifest} "
        "--features {input.features} --second {input.second} "
        "--spec {params.spec:q} --out {output.head} --curve {output.curve}"


rule score_next_token:
    input:
        head="results/heads/next_token/{row}/{real}.safetensors",
        manifest="results/manifests/{test}.parquet",
        features=features_of_stream(0, "test"),
        second=features_of_stream(1, "test"),
    output:
        scores="results/scores/next_token/{row}/{real}/{test}.parquet",
        mean="results/scores/next_token_mean/{row}/{real}/{test}.parquet",
        curves="results/curves/next_token/{row}/{real}/{test}.parquet",
    log:
        "results/logs/scores/next_token/{row}/{real}/{test}.log",
    benchmark:
        "results/benchmarks/scores/next_token/{row}/{real}/{test}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        recipes=recipes.heads("next_token"),
    shell:
        "python -m dfprobe --log {log} score-clips {input.manifest} "
        "--features {input.features} --second {input.second} --heads {input.head} "
        "--out {output.scores} --mean {output.mean} --curves {output.curves}"


use rule train_next_token as train_sync with:
    input:
        manifest="results/manifests/{real}.parquet",
        features=features_of_stream(0, "real"),
        second=features_of_stream(1, "real"),
    output:
        head="results/heads/sync/{row}/{real}.safetensors",
        curve="results/heads/sync/{row}/{real}.curve.csv",
    log:
        "results/logs/heads/sync/{row}/{real}.log",
    benchmark:
        "results/benchmarks/heads/sync/{row}/{real}.tsv"
    params:
        spec=lambda wildcards: anomaly.head_spec(config, "sync").to_json(),
        recipes=recipes.heads("sync"),


rule score_sync:
    input:
        head="results/heads/sync/{row}/{real}.safetensors",
        manifest="results/manifests/{test}.parquet",
        features=features_of_stream(0, "test"),
        second=features_of_stream(1, "test"),
    output:
        scores="results/scores/sync/{row}/{real}/{test}.parquet",
        curves="results/curves/sync/{row}/{real}/{test}.parquet",
    log:
        "results/logs/scores/sync/{row}/{real}/{test}.log",
    benchmark:
        "results/benchmarks/scores/sync/{row}/{real}/{test}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        recipes=recipes.heads("sync"),
    shell:
        "python -m dfprobe --log {log} score-clips {input.manifest} "
        "--features {input.features} --second {input.second} --heads {input.head} "
        "--out {output.scores} --curves {output.curves}"


rule make_anomaly:
    input:
        scores=anomaly_score_files(),
        manifests=expand(
            "results/manifests/{corpus}.parquet",
            corpus=config.anomaly.test if config.anomaly else [],
        ),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.anomaly"),
    output:
        table="results/anomaly.csv",
        long="results/anomaly_long.csv",
    log:
        "results/logs/anomaly.log",
    benchmark:
        "results/benchmarks/anomaly.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: anomaly.spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} anomaly --scores {input.scores} "
        "--manifests {input.manifests} --spec {params.spec:q} --out {output.table} "
        "--long {output.long}"


rule import_external:
    input:
        scores=lambda wildcards: config.external[wildcards.detector].scores[
            wildcards.test
        ],
        manifest="results/manifests/{test}.parquet",
        code=code_stamps.stage_code("dfprobe.score.external"),
    output:
        "results/scores/external/{detector}/{detector_train}/{test}.parquet",
    log:
        "results/logs/scores/external/{detector}/{detector_train}/{test}.log",
    benchmark:
        "results/benchmarks/scores/external/{detector}/{detector_train}/{test}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    shell:
        "python -m dfprobe --log {log} import-scores {input.scores:q} {input.manifest} "
        "--out {output}"


rule make_detectors:
    input:
        scores=detector_score_files(),
        manifests=expand("results/manifests/{corpus}.parquet", corpus=config.test),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.detectors"),
    output:
        table="results/detectors.csv",
        long="results/detectors_long.csv",
    log:
        "results/logs/detectors.log",
    benchmark:
        "results/benchmarks/detectors.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.detectors_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} detectors --scores {input.scores} "
        "--manifests {input.manifests} --spec {params.spec:q} --out {output.table} "
        "--long {output.long}"

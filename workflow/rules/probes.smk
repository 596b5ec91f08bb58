rule train_linear_probe:
    input:
        manifest="results/manifests/{train}.parquet",
        features=features_of("train"),
        code=plan.stage_code("dfprobe.heads.training"),
    output:
        head="results/heads/linear/{encoder}/{train}.safetensors",
        curve="results/heads/linear/{encoder}/{train}.curve.csv",
    log:
        "results/logs/heads/linear/{encoder}/{train}.log",
    benchmark:
        "results/benchmarks/heads/linear/{encoder}/{train}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: plan.probe_spec(config),
    shell:
        "python -m dfprobe --log {log} probe {input.manifest} {input.features} "
        "--spec {params.spec:q} --out {output.head} --curve {output.curve}"


rule score_clips:
    input:
        heads=expand(
            "results/heads/linear/{{encoder}}/{train}.safetensors",
            train=config["train"],
        ),
        manifest="results/manifests/{test}.parquet",
        features=features_of("test"),
        code=plan.stage_code("dfprobe.heads.scoring"),
    output:
        expand(
            "results/scores/linear/{{encoder}}/{train}/{{test}}.parquet",
            train=config["train"],
        ),
    log:
        "results/logs/scores/linear/{encoder}/{test}.log",
    benchmark:
        "results/benchmarks/scores/linear/{encoder}/{test}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    shell:
        "python -m dfprobe --log {log} score-clips {input.manifest} "
        "{input.features} --heads {input.heads} --out {output}"

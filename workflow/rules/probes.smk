# One rule an entry of `heads`: it gives one head a seed, so the number of its files is
# the entry's.
for entry in config.heads:
    kind = config.heads[entry].kind

    rule:
        name:
            f"train_{entry}"
        input:
            manifest="results/manifests/{train}.parquet",
            features=features_of("train"),
        output:
            heads=expand(
                "results/heads/{head}/{{encoder}}/{{train}}.safetensors",
                head=specs.heads_of(config, entry),
            ),
            curve=f"results/heads/{entry}/{{encoder}}/{{train}}.curve.csv",
            val=expand(
                "results/heads/{head}/{{encoder}}/{{train}}.val.parquet",
                head=specs.heads_of(config, entry),
            ),
        log:
            f"results/logs/heads/{entry}/{{encoder}}/{{train}}.log",
        benchmark:
            f"results/benchmarks/heads/{entry}/{{encoder}}/{{train}}.tsv"
        conda:
            "../../envs/evaluation.yaml"
        resources:
            gpu=resources.training_gpus(config, kind),
            mem_mb=growing(config.training.memory_mb),
        params:
            spec=specs.head_spec(config, entry).to_json(),
            recipes=recipes.heads(kind),
        shell:
            "python -m dfprobe --log {log} train-head {input.manifest} "
            "--features {input.features} --spec {params.spec:q} --out {output.heads} "
            "--curve {output.curve} --val {output.val}"

    # One job for all test corpora: starting it takes longer than scoring a small one.
    rule:
        name:
            f"score_{entry}"
        input:
            heads=expand(
                "results/heads/{head}/{{encoder}}/{train}.safetensors",
                head=specs.heads_of(config, entry),
                train=config.train,
            ),
            manifests=expand("results/manifests/{test}.parquet", test=config.test),
            features=of_shards(
                "results/features/{{encoder}}/{corpus}/{shard}.zarr.zip",
                config.test,
            ),
        output:
            scores=expand(
                "results/scores/{head}/{{encoder}}/{train}/{test}.parquet",
                head=specs.heads_of(config, entry),
                train=config.train,
                test=config.test,
            ),
            curves=expand(
                "results/curves/{head}/{{encoder}}/{train}/{test}.parquet",
                head=specs.heads_of(config, entry),
                train=config.train,
                test=config.test,
            ),
        log:
            f"results/logs/scores/{entry}/{{encoder}}.log",
        benchmark:
            f"results/benchmarks/scores/{entry}/{{encoder}}.tsv"
        conda:
            "../../envs/evaluation.yaml"
        params:
            recipes=recipes.heads(kind),
        shell:
            "python -m dfprobe --log {log} score-corpora --manifests {input.manifests} "
            "--features {input.features} --heads {input.heads} --out {output.scores} "
            "--curves {output.curves}"


rule plot_training_curves:
    input:
        curves=curve_files(),
        code=code_stamps.stage_code(
            "dfprobe.heads.files.curves", "dfprobe.report.plots.training_curves"
        ),
    output:
        png=report(
            "results/figures/training_curves.png",
            caption="../report/training_curves.rst",
            category="Heads",
            labels={"figure": "training curves"},
        ),
        svg="results/figures/training_curves.svg",
        pdf="results/figures/training_curves.pdf",
        table="results/figures/training_curves.csv",
    log:
        "results/logs/plot_training_curves.log",
    benchmark:
        "results/benchmarks/plot_training_curves.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.curves_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-curves {input.curves} "
        "--spec {params.spec:q} --out {output.png} --table {output.table}"

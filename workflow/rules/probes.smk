# One rule per entry of `heads`: the entry makes one head per seed, and so has a number of
# files of its own.
for entry in config.heads:
    kind = config.heads[entry].kind

    rule:
        name:
            f"train_{entry}"
        input:
            manifest=products.manifest("{train}"),
            features=lambda wildcards: shards.features(
                config, wildcards.encoder, [wildcards.train]
            ),
        output:
            heads=expand(
                products.head("{head}", "{{encoder}}", "{{train}}"),
                head=specs.heads_of(config, entry),
            ),
            history=products.history(entry),
            val=expand(
                products.val_scores("{head}", "{{encoder}}", "{{train}}"),
                head=specs.heads_of(config, entry),
            ),
        log:
            products.log(f"heads/{entry}/{{encoder}}/{{train}}"),
        benchmark:
            products.benchmark(f"heads/{entry}/{{encoder}}/{{train}}")
        conda:
            "../../envs/evaluation.yaml"
        resources:
            gpu=resources.training_gpus(config, kind),
            mem_mb=resources.growing(config.training.memory_mb),
        params:
            spec=specs.head_spec(config, entry).to_json(),
            recipes=recipes.heads(kind),
        shell:
            "python -m dfprobe --log {log} train-head {input.manifest} "
            "--features {input.features} --spec {params.spec:q} --out {output.heads} "
            "--history {output.history} --val {output.val}"

    # One job for all test corpora: starting it takes longer than scoring a small one.
    rule:
        name:
            f"score_{entry}"
        input:
            heads=expand(
                products.head("{head}", "{{encoder}}", "{train}"),
                head=specs.heads_of(config, entry),
                train=config.train,
            ),
            manifests=expand(products.manifest("{test}"), test=config.test),
            features=shards.features(config, "{encoder}", config.test),
        output:
            scores=expand(
                products.scores("{head}", "{{encoder}}"),
                head=specs.heads_of(config, entry),
                train=config.train,
                test=config.test,
            ),
            curves=expand(
                products.curves("{head}", "{{encoder}}"),
                head=specs.heads_of(config, entry),
                train=config.train,
                test=config.test,
            ),
        log:
            products.log(f"scores/{entry}/{{encoder}}"),
        benchmark:
            products.benchmark(f"scores/{entry}/{{encoder}}")
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
        histories=tables.histories(config),
        code=code_stamps.stage_code(
            "dfprobe.heads.files.history", "dfprobe.report.plots.training_curves"
        ),
    output:
        png=report(
            products.TRAINING_FIGURE,
            caption="../captions/training_curves.rst",
            category="Heads",
            labels={"figure": "training curves"},
        ),
        vectors=products.vectors(products.TRAINING_FIGURE),
        table=products.TRAINING_TABLE,
    log:
        products.log("plot_training_curves"),
    benchmark:
        products.benchmark("plot_training_curves")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.curves_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-histories {input.histories} "
        "--spec {params.spec:q} --out {output.png} --table {output.table}"

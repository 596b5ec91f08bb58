rule probe_layers:
    input:
        manifests=expand(products.manifest(), corpus=specs.labelled_corpora(config)),
        features=lambda wildcards: shards.features(
            config, wildcards.layered, specs.labelled_corpora(config)
        ),
    output:
        directory(products.layers_folder()),
    log:
        products.log("layers/{layered}"),
    benchmark:
        products.benchmark("layers/{layered}")
    conda:
        "../../envs/evaluation.yaml"
    resources:
        gpu=resources.training_gpus(config, "layer_mix"),
        mem_mb=resources.growing(config.training.memory_mb),
    params:
        spec=lambda wildcards: specs.layers_spec(config, wildcards.layered).to_json(),
        recipes=recipes.heads("linear", "layer_mix"),
    shell:
        "python -m dfprobe --log {log} probe-layers --manifests {input.manifests} "
        "--features {input.features} --spec {params.spec:q} --out {output}"


# Apart from the rule above, so that a change of the table trains nothing again.
rule make_layers:
    input:
        folder=products.layers_folder(),
        manifests=expand(products.manifest(), corpus=config.test),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.layers"),
    output:
        products.layers_table(),
    log:
        products.log("make_layers/{layered}"),
    benchmark:
        products.benchmark("make_layers/{layered}")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: specs.layers_table_spec(
            config, wildcards.layered
        ).to_json(),
    shell:
        "python -m dfprobe --log {log} layers {input.folder} "
        "--manifests {input.manifests} --spec {params.spec:q} --out {output}"


rule plot_layers:
    input:
        table=products.layers_table(),
        code=code_stamps.stage_code("dfprobe.report.plots.layers"),
    output:
        png=report(
            products.layers_figure(),
            caption="../captions/layers.rst",
            category="Layers",
            labels={"encoder": "{layered}"},
        ),
        vectors=products.vectors(products.layers_figure()),
    log:
        products.log("plot_layers/{layered}"),
    benchmark:
        products.benchmark("plot_layers/{layered}")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.layers_figure_spec(
            config, wildcards.layered
        ).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-layers {input.table} "
        "--spec {params.spec:q} --out {output.png}"

rule probe_layers:
    input:
        manifests=expand(products.manifest(), corpus=specs.labelled_corpora(config)),
        features=lambda wildcards: shards.features(
            config, wildcards.layered, specs.labelled_corpora(config)
        ),
    output:
        table=products.layers_table(),
        folder=directory(products.layers_folder()),
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
        "--features {input.features} --spec {params.spec:q} --out {output.table} "
        "--folder {output.folder}"


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

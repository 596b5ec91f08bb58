rule probe_layers:
    input:
        manifests=expand(
            "results/manifests/{corpus}.parquet", corpus=specs.labelled_corpora(config)
        ),
        features=lambda wildcards: of_shards(
            "results/features/{encoder}/{corpus}/{shard}.zarr.zip",
            specs.labelled_corpora(config),
            encoder=wildcards.layered,
        ),
    output:
        table="results/layers/{layered}.csv",
        folder=directory("results/layers/{layered}"),
    log:
        "results/logs/layers/{layered}.log",
    benchmark:
        "results/benchmarks/layers/{layered}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    resources:
        gpu=resources.training_gpus(config, "layer_mix"),
        mem_mb=growing(config.training.memory_mb),
    params:
        spec=lambda wildcards: specs.layers_spec(config, wildcards.layered).to_json(),
        recipes=recipes.heads("linear", "layer_mix"),
    shell:
        "python -m dfprobe --log {log} probe-layers --manifests {input.manifests} "
        "--features {input.features} --spec {params.spec:q} --out {output.table} "
        "--folder {output.folder}"


rule plot_layers:
    input:
        table="results/layers/{layered}.csv",
        code=code_stamps.stage_code("dfprobe.report.plots.layers"),
    output:
        png=report(
            "results/figures/layers/{layered}.png",
            caption="../report/layers.rst",
            category="Layers",
            labels={"encoder": "{layered}"},
        ),
        svg="results/figures/layers/{layered}.svg",
        pdf="results/figures/layers/{layered}.pdf",
    log:
        "results/logs/plot_layers/{layered}.log",
    benchmark:
        "results/benchmarks/plot_layers/{layered}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.layers_figure_spec(
            config, wildcards.layered
        ).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-layers {input.table} "
        "--spec {params.spec:q} --out {output.png}"

rule make_matrix:
    input:
        scores=tables.score_files(config),
        manifests=expand(products.manifest(), corpus=specs.used_corpora(config)),
        crops=shards.crop_indexes(config, config.test),
        kept=targets.kept(config),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.matrix"),
    output:
        matrix=products.MATRIX,
        long=products.LONG_TABLE,
        pairs=products.PAIRS,
        others=tables.matrices(config),
    log:
        products.log("matrix"),
    benchmark:
        products.benchmark("matrix")
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.matrix_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} matrix --scores {input.scores} "
        "--manifests {input.manifests} --crops {input.crops} --spec {params.spec:q} "
        "--out {output.matrix} --long {output.long} --pairs {output.pairs} "
        "--others {output.others}"


rule plot_matrix:
    input:
        matrix=products.MATRIX,
        code=code_stamps.stage_code("dfprobe.report.plots.matrix"),
    output:
        png=report(
            products.MATRIX_FIGURE,
            caption="../captions/xdata_matrix.rst",
            category="Cross-corpus matrix",
            labels={"figure": "AUC, per cent"},
        ),
        vectors=products.vectors(products.MATRIX_FIGURE),
    log:
        products.log("plot_matrix"),
    benchmark:
        products.benchmark("plot_matrix")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.figure_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-matrix {input.matrix} "
        "--spec {params.spec:q} --out {output.png}"


rule make_seeds:
    input:
        long=products.LONG_TABLE,
        code=code_stamps.stage_code("dfprobe.evaluation.tables.seeds"),
    output:
        products.SEEDS,
    log:
        products.log("seeds"),
    benchmark:
        products.benchmark("seeds")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.matrix_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} seeds {input.long} --spec {params.spec:q} "
        "--out {output}"

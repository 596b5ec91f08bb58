rule make_fusion:
    input:
        scores=heads.of_matrix(config).scores(),
        val=heads.of_matrix(config).val_scores(),
        manifests=expand(products.manifest(), corpus=specs.labelled_corpora(config)),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.fusion"),
    output:
        correlation=products.CORRELATION,
        sets=products.FUSION_SETS,
        improvement=products.IMPROVEMENT,
    log:
        products.log("fusion"),
    benchmark:
        products.benchmark("fusion")
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: fusion.fusion_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} fusion --scores {input.scores} "
        "--val {input.val} --manifests {input.manifests} --spec {params.spec:q} "
        "--out {output.sets} --correlation {output.correlation} "
        "--improvement {output.improvement}"


rule plot_fusion:
    input:
        tables=fusion.TABLES,
        code=code_stamps.stage_code("dfprobe.report.plots.fusion"),
    output:
        png=report(
            products.FUSION_FIGURE,
            caption="../captions/fusion.rst",
            category="Fusion",
            labels={"figure": "correlation and improvement"},
        ),
        vectors=products.vectors(products.FUSION_FIGURE),
    log:
        products.log("plot_fusion"),
    benchmark:
        products.benchmark("plot_fusion")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: fusion.figure_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-fusion {input.tables} "
        "--spec {params.spec:q} --out {output.png}"

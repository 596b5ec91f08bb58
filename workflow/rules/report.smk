rule make_matrix:
    input:
        scores=score_files(),
        manifests=expand(
            "results/manifests/{corpus}.parquet", corpus=plan.used_corpora(config)
        ),
        crops=crop_indexes(config["test"]),
        kept=kept_products(),
        code=plan.stage_code("dfprobe.evaluation.matrix"),
    output:
        matrix="results/xdata_matrix.csv",
        long="results/xdata_long.csv",
        pairs="results/xdata_pairs.csv",
    log:
        "results/logs/matrix.log",
    benchmark:
        "results/benchmarks/matrix.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=plan.matrix_spec(config),
    shell:
        "python -m dfprobe --log {log} matrix --scores {input.scores} "
        "--manifests {input.manifests} --crops {input.crops} --spec {params.spec:q} "
        "--out {output.matrix} --long {output.long} --pairs {output.pairs}"


rule plot_matrix:
    input:
        matrix="results/xdata_matrix.csv",
        code=plan.stage_code("dfprobe.plots.matrix"),
    output:
        png=report(
            "results/figures/xdata_matrix.png",
            caption="../report/xdata_matrix.rst",
            category="Cross-corpus matrix",
        ),
        svg="results/figures/xdata_matrix.svg",
    log:
        "results/logs/plot_matrix.log",
    benchmark:
        "results/benchmarks/plot_matrix.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=plan.figure_spec(config),
    shell:
        "python -m dfprobe --log {log} plot-matrix {input.matrix} "
        "--spec {params.spec:q} --out {output.png} --svg {output.svg}"


rule write_summary:
    input:
        matrix="results/xdata_matrix.csv",
        long="results/xdata_long.csv",
        manifests=expand("results/manifests/{corpus}.parquet", corpus=config["test"]),
        crops=crop_indexes(config["test"]),
        scores=score_files(),
        code=plan.stage_code("dfprobe.evaluation.summary"),
    output:
        "results/summary.md",
    log:
        "results/logs/summary.log",
    benchmark:
        "results/benchmarks/summary.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=plan.matrix_spec(config),
    shell:
        "python -m dfprobe --log {log} summary {input.matrix} {input.long} "
        "--manifests {input.manifests} --crops {input.crops} --scores {input.scores} "
        "--spec {params.spec:q} --out {output}"

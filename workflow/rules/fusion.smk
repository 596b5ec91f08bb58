from dfprobe.planning import fusion


rule make_fusion:
    input:
        scores=matrix_score_files(),
        val=fusion.val_scores(config),
        manifests=expand(
            "results/manifests/{corpus}.parquet", corpus=specs.labelled_corpora(config)
        ),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.fusion"),
    output:
        correlation="results/fusion/correlation.csv",
        sets="results/fusion/sets.csv",
        improvement="results/fusion/improvement.csv",
    log:
        "results/logs/fusion.log",
    benchmark:
        "results/benchmarks/fusion.tsv"
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
            "results/figures/fusion.png",
            caption="../report/fusion.rst",
            category="Fusion",
            labels={"figure": "correlation and improvement"},
        ),
        svg="results/figures/fusion.svg",
        pdf="results/figures/fusion.pdf",
    log:
        "results/logs/plot_fusion.log",
    benchmark:
        "results/benchmarks/plot_fusion.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: fusion.figure_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-fusion {input.tables} "
        "--spec {params.spec:q} --out {output.png}"


rule write_tex_tables:
    input:
        long="results/xdata_long.csv",
        sets="results/fusion/sets.csv",
        anomaly=anomaly_tables()[1:],
        code=code_stamps.stage_code("dfprobe.report.pages.tex_tables"),
    output:
        fusion.tex_tables(config),
    log:
        "results/logs/tex_tables.log",
    benchmark:
        "results/benchmarks/tex_tables.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.matrix_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} tex-tables {input.long} {input.sets} "
        "--anomaly {input.anomaly} --spec {params.spec:q} --out {output}"

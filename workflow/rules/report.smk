rule make_matrix:
    input:
        scores=score_files(),
        manifests=expand(
            "results/manifests/{corpus}.parquet", corpus=specs.used_corpora(config)
        ),
        crops=crop_indexes(config.test),
        kept=kept_products(),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.matrix"),
    output:
        matrix="results/xdata_matrix.csv",
        long="results/xdata_long.csv",
        pairs="results/xdata_pairs.csv",
        others=matrices(),
    log:
        "results/logs/matrix.log",
    benchmark:
        "results/benchmarks/matrix.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.matrix_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} matrix --scores {input.scores} "
        "--manifests {input.manifests} --crops {input.crops} --spec {params.spec:q} "
        "--out {output.matrix} --long {output.long} --pairs {output.pairs} "
        "--others {output.others}"


rule make_seeds:
    input:
        long="results/xdata_long.csv",
        code=code_stamps.stage_code("dfprobe.evaluation.tables.seeds"),
    output:
        "results/seeds.csv",
    log:
        "results/logs/seeds.log",
    benchmark:
        "results/benchmarks/seeds.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.matrix_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} seeds {input.long} --spec {params.spec:q} "
        "--out {output}"


rule compare_with_paper:
    input:
        long="results/xdata_long.csv",
        anomaly=anomaly_tables()[1:],
        detectors="results/detectors_long.csv",
        localisation="results/explain/localisation.csv",
        correlation="results/fusion/correlation.csv",
        improvement="results/fusion/improvement.csv",
        code=code_stamps.stage_code("dfprobe.report.pages.paper"),
        templates=code_stamps.stage_templates("paper.html"),
        values=code_stamps.stage_data("report/pages/paper_tables.csv"),
    output:
        table="results/paper_comparison.csv",
        page=report(
            "results/paper_comparison.html",
            caption="../report/paper_comparison.rst",
            category="Paper",
            labels={"page": "the paper's values beside ours"},
        ),
    log:
        "results/logs/paper_comparison.log",
    benchmark:
        "results/benchmarks/paper_comparison.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.paper_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} compare-with-paper {input.long} "
        "--anomaly {input.anomaly} --detectors {input.detectors} "
        "--localisation {input.localisation} --correlation {input.correlation} "
        "--improvement {input.improvement} "
        "--spec {params.spec:q} --out {output.table} --page {output.page}"


rule plot_matrix:
    input:
        matrix="results/xdata_matrix.csv",
        code=code_stamps.stage_code("dfprobe.report.plots.matrix"),
    output:
        png=report(
            "results/figures/xdata_matrix.png",
            caption="../report/xdata_matrix.rst",
            category="Cross-corpus matrix",
            labels={"figure": "AUC, per cent"},
        ),
        svg="results/figures/xdata_matrix.svg",
        pdf="results/figures/xdata_matrix.pdf",
    log:
        "results/logs/plot_matrix.log",
    benchmark:
        "results/benchmarks/plot_matrix.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.figure_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-matrix {input.matrix} "
        "--spec {params.spec:q} --out {output.png}"


rule write_summary:
    input:
        matrix="results/xdata_matrix.csv",
        long="results/xdata_long.csv",
        manifests=expand("results/manifests/{corpus}.parquet", corpus=config.test),
        crops=crop_indexes(config.test),
        scores=matrix_score_files(),
        code=code_stamps.stage_code("dfprobe.report.pages.summary"),
    output:
        "results/summary.md",
    log:
        "results/logs/summary.log",
    benchmark:
        "results/benchmarks/summary.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.matrix_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} summary {input.matrix} {input.long} "
        "--manifests {input.manifests} --crops {input.crops} --scores {input.scores} "
        "--spec {params.spec:q} --out {output}"

rule compare_with_paper:
    input:
        long=products.LONG_TABLE,
        anomaly=anomaly.tables(config)[1:],
        detectors=products.DETECTORS_LONG,
        localisation=products.LOCALISATION,
        correlation=products.CORRELATION,
        improvement=products.IMPROVEMENT,
        code=code_stamps.stage_code("dfprobe.report.pages.paper"),
        templates=code_stamps.stage_templates("paper.html"),
        values=code_stamps.stage_data("report/pages/paper_tables.csv"),
    output:
        table=products.PAPER_TABLE,
        page=report(
            products.PAPER_PAGE,
            caption="../captions/paper_comparison.rst",
            category="Paper",
            labels={"page": "the paper's values next to ours"},
        ),
    log:
        products.log("paper_comparison"),
    benchmark:
        products.benchmark("paper_comparison")
    localrule: True
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


rule write_summary:
    input:
        matrix=products.MATRIX,
        long=products.LONG_TABLE,
        manifests=expand(products.manifest(), corpus=config.test),
        crops=shards.crop_indexes(config, config.test),
        scores=heads.of_matrix(config).scores(),
        code=code_stamps.stage_code("dfprobe.report.pages.summary"),
        templates=code_stamps.stage_templates("summary.md"),
    output:
        products.SUMMARY,
    log:
        products.log("summary"),
    benchmark:
        products.benchmark("summary")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.matrix_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} summary {input.matrix} {input.long} "
        "--manifests {input.manifests} --crops {input.crops} --scores {input.scores} "
        "--spec {params.spec:q} --out {output}"


rule write_tex_tables:
    input:
        long=products.LONG_TABLE,
        sets=products.FUSION_SETS,
        anomaly=anomaly.tables(config)[1:],
        code=code_stamps.stage_code("dfprobe.report.pages.tex_tables"),
        templates=code_stamps.stage_templates("tabular.tex"),
    output:
        fusion.tex_tables(config),
    log:
        products.log("tex_tables"),
    benchmark:
        products.benchmark("tex_tables")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.matrix_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} tex-tables {input.long} {input.sets} "
        "--anomaly {input.anomaly} --spec {params.spec:q} --out {output}"

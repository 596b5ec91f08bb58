from dfprobe.planning import site


rule make_report_clips:
    input:
        manifest="results/manifests/{test}.parquet",
        scores=lambda wildcards: site.probe_files(config, "scores", wildcards.test),
        curves=lambda wildcards: site.probe_files(config, "curves", wildcards.test),
        code=code_stamps.stage_code("dfprobe.report.explorer.clips"),
    output:
        index="results/report/clips/{test}/index.js",
    log:
        "results/logs/report/clips/{test}.log",
    benchmark:
        "results/benchmarks/report_clips/{test}.tsv"
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: site.clips_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} report-clips {input.manifest} "
        "--scores {input.scores} --curves {input.curves} --spec {params.spec:q} "
        "--out {output.index}"


rule make_report:
    input:
        tables=site.table_files(config),
        audits=expand("results/audit/{corpus}.html", corpus=specs.used_corpora(config)),
        findings=expand(
            "results/audit/{corpus}/findings.csv", corpus=specs.used_corpora(config)
        ),
        comparison="results/paper_comparison.html",
        figures=site.figures(config),
        manifests=expand(
            "results/manifests/{corpus}.parquet", corpus=specs.used_corpora(config)
        ),
        stores=site.stores(config),
        code=code_stamps.stage_code("dfprobe.report.site.make"),
        templates=code_stamps.stage_templates("report.html", "explorer.html"),
        assets=[
            code_stamps.stage_data(f"report/{name}")
            for name in (
                "site/site.js",
                "explorer/explorer.js",
            )
        ],
    output:
        page="results/report/index.html",
        others=[
            f"results/report/{name}"
            for name in (
                "explorer.html",
                "data.js",
                "explorer_data.js",
                "provenance.js",
                "paper_comparison.html",
            )
        ],
        folders=[
            directory(f"results/report/{name}")
            for name in ("assets", "tables", "audit", "figures")
        ],
    log:
        "results/logs/report/site.log",
    benchmark:
        "results/benchmarks/report_site.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: site.site_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} report-site --tables {input.tables} "
        "--audits {input.audits} --findings {input.findings} "
        "--comparison {input.comparison} --figures {input.figures} "
        "--manifests {input.manifests} --stores {input.stores} "
        "--spec {params.spec:q} --out {output.page}"

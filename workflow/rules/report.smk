rule make_report_clips:
    input:
        manifest=products.manifest("{test}"),
        scores=lambda wildcards: site.probes(config, wildcards.test).scores(),
        curves=lambda wildcards: site.probes(config, wildcards.test).curves(),
        code=code_stamps.stage_code("dfprobe.report.explorer.clips"),
    output:
        index=products.report_clips(),
    log:
        products.log("report/clips/{test}"),
    benchmark:
        products.benchmark("report_clips/{test}")
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
        audits=expand(products.audit_page(), corpus=specs.used_corpora(config)),
        findings=expand(
            products.audit_table("findings"), corpus=specs.used_corpora(config)
        ),
        comparison=products.PAPER_PAGE,
        figures=site.figures(config),
        manifests=expand(products.manifest(), corpus=specs.used_corpora(config)),
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
        page=products.SITE,
        others=[
            products.report_part(name)
            for name in (
                "explorer.html",
                "data.js",
                "explorer_data.js",
                "provenance.js",
                "paper_comparison.html",
            )
        ],
        folders=[
            directory(products.report_part(name))
            for name in ("assets", "tables", "audit", "figures")
        ],
    log:
        products.log("report/site"),
    benchmark:
        products.benchmark("report_site")
    localrule: True
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

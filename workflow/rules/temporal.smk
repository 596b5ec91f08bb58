rule make_localisation:
    input:
        curves=temporal.curve_files(config),
        scores=temporal.score_files(config),
        manifests=expand(products.manifest(), corpus=config.test),
        crops=shards.crop_indexes(config, config.test),
        code=code_stamps.stage_code("dfprobe.explain.temporal.tables"),
    output:
        localisation=products.LOCALISATION,
        leading=products.LEADING,
    log:
        products.log("explain/localisation"),
    benchmark:
        products.benchmark("explain/localisation")
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: temporal.tables_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} localisation --curves {input.curves} "
        "--scores {input.scores} --manifests {input.manifests} "
        "--crops {input.crops} --spec {params.spec:q} --out {output.localisation} "
        "--leading {output.leading}"


rule plot_temporal:
    input:
        localisation=products.LOCALISATION,
        leading=products.LEADING,
        code=code_stamps.stage_code(
            "dfprobe.report.plots.localisation", "dfprobe.report.plots.leading"
        ),
    output:
        png=report(
            products.LOCALISATION_FIGURE,
            caption="../captions/localisation.rst",
            category="Temporal explanations",
            labels={"figure": "classification and localisation"},
        ),
        vectors=products.vectors(products.LOCALISATION_FIGURE),
        leading_png=report(
            products.LEADING_FIGURE,
            caption="../captions/leading.rst",
            category="Temporal explanations",
            labels={"figure": "share of the first half second"},
        ),
        leading_vectors=products.vectors(products.LEADING_FIGURE),
    log:
        products.log("explain/plot_temporal"),
    benchmark:
        products.benchmark("explain/plot_temporal")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: temporal.figures_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-temporal {input.localisation} "
        "{input.leading} --spec {params.spec:q} --out {output.png} "
        "--leading-out {output.leading_png}"


rule plot_panels:
    input:
        curves=lambda wildcards: temporal.panel_curves(config, wildcards.test),
        manifest=products.manifest("{test}"),
        crops=lambda wildcards: shards.crop_indexes(config, [wildcards.test]),
        localisation=products.LOCALISATION,
        code=code_stamps.stage_code(
            "dfprobe.explain.temporal.panels", "dfprobe.report.plots.panels"
        ),
    output:
        png=report(
            products.panels_figure(),
            caption="../captions/temporal.rst",
            category="Temporal explanations",
            labels={"figure": "clips of {test} over time"},
        ),
        vectors=products.vectors(products.panels_figure()),
    log:
        products.log("explain/panels/{test}"),
    benchmark:
        products.benchmark("explain/panels/{test}")
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: temporal.panels_spec(config, wildcards.test).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-panels {input.manifest} "
        "{input.localisation} --curves {input.curves} --crops {input.crops} "
        "--spec {params.spec:q} --out {output.png}"

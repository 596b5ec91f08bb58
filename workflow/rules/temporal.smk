rule make_localisation:
    input:
        curves=temporal.curve_files(config),
        scores=temporal.score_files(config),
        manifests=expand("results/manifests/{corpus}.parquet", corpus=config.test),
        crops=crop_indexes(config.test),
        code=code_stamps.stage_code("dfprobe.explain.temporal.tables"),
    output:
        localisation="results/explain/localisation.csv",
        leading="results/explain/leading.csv",
    log:
        "results/logs/explain/localisation.log",
    benchmark:
        "results/benchmarks/explain/localisation.tsv"
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
        localisation="results/explain/localisation.csv",
        leading="results/explain/leading.csv",
        code=code_stamps.stage_code(
            "dfprobe.report.plots.localisation", "dfprobe.report.plots.leading"
        ),
    output:
        png=report(
            "results/figures/localisation.png",
            caption="../report/localisation.rst",
            category="Temporal explanations",
            labels={"figure": "classification and localisation"},
        ),
        svg="results/figures/localisation.svg",
        pdf="results/figures/localisation.pdf",
        leading_png=report(
            "results/figures/leading.png",
            caption="../report/leading.rst",
            category="Temporal explanations",
            labels={"figure": "share of the first half second"},
        ),
        leading_svg="results/figures/leading.svg",
        leading_pdf="results/figures/leading.pdf",
    log:
        "results/logs/explain/plot_temporal.log",
    benchmark:
        "results/benchmarks/explain/plot_temporal.tsv"
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
        manifest="results/manifests/{test}.parquet",
        crops=lambda wildcards: crop_indexes([wildcards.test]),
        localisation="results/explain/localisation.csv",
        code=code_stamps.stage_code(
            "dfprobe.explain.temporal.panels", "dfprobe.report.plots.panels"
        ),
    output:
        png=report(
            "results/figures/temporal/{test}.png",
            caption="../report/temporal.rst",
            category="Temporal explanations",
            labels={"figure": "clips of {test} over time"},
        ),
        svg="results/figures/temporal/{test}.svg",
        pdf="results/figures/temporal/{test}.pdf",
    log:
        "results/logs/explain/panels/{test}.log",
    benchmark:
        "results/benchmarks/explain/panels/{test}.tsv"
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: temporal.panels_spec(config, wildcards.test).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-panels {input.manifest} "
        "{input.localisation} --curves {input.curves} --crops {input.crops} "
        "--spec {params.spec:q} --out {output.png}"

rule import_external:
    input:
        scores=lambda wildcards: config.external[wildcards.detector].scores[
            wildcards.test
        ],
        manifest=products.manifest("{test}"),
        code=code_stamps.stage_code("dfprobe.score.external"),
    output:
        products.external_scores(),
    log:
        products.log("scores/external/{detector}/{detector_train}/{test}"),
    benchmark:
        products.benchmark("scores/external/{detector}/{detector_train}/{test}")
    localrule: True
    conda:
        "../../envs/evaluation.yaml"
    shell:
        "python -m dfprobe --log {log} import-scores {input.scores:q} {input.manifest} "
        "--out {output}"


rule make_detectors:
    input:
        scores=tables.detector_scores(config),
        manifests=expand(products.manifest(), corpus=config.test),
        code=code_stamps.stage_code("dfprobe.evaluation.tables.detectors"),
    output:
        table=products.DETECTORS,
        long=products.DETECTORS_LONG,
    log:
        products.log("detectors"),
    benchmark:
        products.benchmark("detectors")
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: tables.detectors_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} detectors --scores {input.scores} "
        "--manifests {input.manifests} --spec {params.spec:q} --out {output.table} "
        "--long {output.long}"

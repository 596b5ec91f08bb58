onstart:
    to_run = {
        job.wildcards.encoder
        for job in workflow.dag.needrun_jobs()
        if job.rule.name == "extract_features"
    }
    resources.require_weights(config, to_run)
    weight_files.warn_of_others(config, to_run)


# Looked up once here, not for each of thousands of jobs.
features_gpus = {
    encoder: resources.features_gpus(config, encoder)
    for encoder in specs.computed_encoders(config)
}
features_weights = weight_files.content_hashes(config)


rule extract_features:
    input:
        manifest=products.manifest(),
        crops=products.crops(),
        index=products.crop_index(),
    output:
        products.features(),
    log:
        products.log("features/{encoder}/{corpus}/{shard}"),
    benchmark:
        products.benchmark("features/{encoder}/{corpus}/{shard}")
    wildcard_constraints:
        encoder=one_of(specs.computed_encoders(config)),
    conda:
        "../../envs/encoders.yaml"
    threads: resources.features_threads(config)
    resources:
        gpu=lambda wildcards: features_gpus[wildcards.encoder],
        mem_mb=lambda wildcards, attempt: (
            attempt * resources.features_memory_mb(config, wildcards.encoder)
        ),
    params:
        spec=lambda wildcards: specs.features_spec(config, wildcards.encoder).to_json(),
        recipes=lambda wildcards: recipes.every_input(
            config.encoders[wildcards.encoder].family,
            config.encoders[wildcards.encoder].trim is not None,
        ),
        weights=lambda wildcards: features_weights[wildcards.encoder],
    shell:
        "python -m dfprobe --log {log} features {input.manifest} {input.crops} "
        "{input.index} {wildcards.shard} --threads {threads} --spec {params.spec:q} "
        "--out {output}"


rule import_features:
    input:
        manifest=products.manifest(),
    output:
        products.features(),
    log:
        products.log("features/{encoder}/{corpus}/{shard}"),
    benchmark:
        products.benchmark("features/{encoder}/{corpus}/{shard}")
    wildcard_constraints:
        encoder=one_of(set(config.encoders) - set(specs.computed_encoders(config))),
    conda:
        "../../envs/encoders.yaml"
    params:
        spec=lambda wildcards: specs.files_spec(config, wildcards.encoder).to_json(),
        state=lambda wildcards: watched_files.files_state(
            config, wildcards.encoder, wildcards.corpus
        ),
        recipes=recipes.feature_files(),
    shell:
        "python -m dfprobe --log {log} import-features {input.manifest} "
        "{wildcards.shard} --spec {params.spec:q} --out {output}"

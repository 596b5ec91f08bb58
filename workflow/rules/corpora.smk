rule make_demo_corpus:
    output:
        products.demo_listing(),
    log:
        products.log("demo/{corpus}"),
    benchmark:
        products.benchmark("demo/{corpus}")
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: specs.demo_spec(config, wildcards.corpus).to_json(),
        recipes=recipes.demo(),
    shell:
        "python -m dfprobe --log {log} demo {wildcards.corpus} "
        "--spec {params.spec:q} --out {output}"


rule make_manifest:
    input:
        demo=lambda wildcards: (
            products.demo_listing(wildcards.corpus)
            if config.corpora[wildcards.corpus].demo is not None
            else []
        ),
    output:
        products.manifest(),
    log:
        products.log("manifests/{corpus}"),
    benchmark:
        products.benchmark("manifests/{corpus}")
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: specs.manifest_spec(config, wildcards.corpus).to_json(),
        state=lambda wildcards: watched_files.corpus_state(config, wildcards.corpus),
        recipes=lambda wildcards: recipes.manifest(
            config.corpora[wildcards.corpus].layout
        ),
    shell:
        "python -m dfprobe --log {log} manifest {wildcards.corpus} "
        "--spec {params.spec:q} --out {output}"

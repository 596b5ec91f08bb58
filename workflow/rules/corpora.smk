rule make_demo_corpus:
    output:
        "results/demo/{corpus}.tsv",
    log:
        "results/logs/demo/{corpus}.log",
    benchmark:
        "results/benchmarks/demo/{corpus}.tsv"
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
            watched_files.demo_listing(wildcards.corpus)
            if config.corpora[wildcards.corpus].demo is not None
            else []
        ),
    output:
        "results/manifests/{corpus}.parquet",
    log:
        "results/logs/manifests/{corpus}.log",
    benchmark:
        "results/benchmarks/manifests/{corpus}.tsv"
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

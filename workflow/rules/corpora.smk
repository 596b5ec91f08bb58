rule make_demo_corpus:
    input:
        code=stamps.stage_code("dfprobe.corpora.demo.make"),
    output:
        "results/demo/{corpus}.tsv",
    log:
        "results/logs/demo/{corpus}.log",
    benchmark:
        "results/benchmarks/demo/{corpus}.tsv"
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: plan.demo_spec(config, wildcards.corpus),
    shell:
        "python -m dfprobe --log {log} demo {wildcards.corpus} "
        "--spec {params.spec:q} --out {output}"


rule make_manifest:
    input:
        demo=lambda wildcards: (
            states.demo_listing(wildcards.corpus)
            if config["corpora"][wildcards.corpus]["demo"] is not None
            else []
        ),
        code=lambda wildcards: stamps.stage_code(
            "dfprobe.corpora.manifest",
            f"dfprobe.corpora.{config['corpora'][wildcards.corpus]['layout']}",
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
        spec=lambda wildcards: plan.manifest_spec(config, wildcards.corpus),
        state=lambda wildcards: states.corpus_state(config, wildcards.corpus),
    shell:
        "python -m dfprobe --log {log} manifest {wildcards.corpus} "
        "--spec {params.spec:q} --out {output}"

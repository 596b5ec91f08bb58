rule make_crops:
    input:
        manifest="results/manifests/{corpus}.parquet",
    output:
        crops="results/crops/{corpus}/{shard}.h5",
        index="results/crops/{corpus}/{shard}.parquet",
    log:
        "results/logs/crops/{corpus}/{shard}.log",
    benchmark:
        "results/benchmarks/crops/{corpus}/{shard}.tsv"
    conda:
        "../../envs/media.yaml"
    # Shards keep the cores busy; few large ones gain from --set-threads make_crops=N.
    threads: 1
    params:
        spec=lambda wildcards: specs.crops_spec(config).to_json(),
        recipes=recipes.crops(),
    shell:
        "python -m dfprobe --log {log} crops {input.manifest} {wildcards.shard} "
        "--threads {threads} --spec {params.spec:q} --out {output.crops} "
        "--index {output.index}"

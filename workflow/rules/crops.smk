rule make_crops:
    input:
        manifest=products.manifest(),
    output:
        crops=products.crops(),
        index=products.crop_index(),
    log:
        products.log("crops/{corpus}/{shard}"),
    benchmark:
        products.benchmark("crops/{corpus}/{shard}")
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

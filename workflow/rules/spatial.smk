from dfprobe.planning import spatial


rule explain_frames:
    input:
        manifest="results/manifests/{test}.parquet",
        crops=lambda wildcards: of_shards(
            "results/crops/{corpus}/{shard}.h5", [wildcards.test]
        ),
        indexes=lambda wildcards: crop_indexes([wildcards.test]),
        head=lambda wildcards: expand(
            "results/heads/{head}/{encoder}/{train}.safetensors",
            head=spatial.explained_head(config),
            **wildcards,
        ),
        scores=lambda wildcards: expand(
            "results/scores/{head}/{encoder}/{train}/{test}.parquet",
            head=spatial.explained_head(config),
            **wildcards,
        ),
        learned="results/manifests/{train}.parquet",
        features=features_of("train") if spatial.checked(config) else [],
        code=lambda wildcards: code_stamps.stage_code(
            "dfprobe.explain.spatial.maps.attribution",
            f"dfprobe.encoders.families.{config.encoders[wildcards.encoder].family}",
        ),
    output:
        "results/spatial/{encoder}/{train}/{test}.parquet",
    log:
        "results/logs/spatial/{encoder}/{train}/{test}.log",
    benchmark:
        "results/benchmarks/spatial/{encoder}/{train}/{test}.tsv"
    conda:
        "../../envs/encoders.yaml"
    resources:
        gpu=lambda wildcards: resources.features_gpus(config, wildcards.encoder),
        mem_mb=growing(config.training.memory_mb),
    params:
        spec=lambda wildcards: spatial.explain_spec(config, wildcards.encoder).to_json(),
    shell:
        "python -m dfprobe --log {log} explain-frames {input.manifest} "
        "--crops {input.crops} --head {input.head} --scores {input.scores} "
        "--train-manifest {input.learned} --train-features {input.features} "
        "--spec {params.spec:q} --out {output}"


rule make_points:
    input:
        maps=spatial.map_files(config),
        manifests=expand(
            "results/manifests/{corpus}.parquet",
            corpus=spatial.explained_corpora(config),
        ),
        crops=of_shards(
            "results/crops/{corpus}/{shard}.h5", spatial.explained_tests(config)
        ),
        indexes=crop_indexes(spatial.explained_tests(config)),
        code=code_stamps.stage_code(
            "dfprobe.explain.spatial.measures.tables",
            "dfprobe.explain.spatial.measures.sanity",
        ),
    output:
        table="results/explain/spatial.csv",
        confidence="results/explain/spatial_confidence.csv",
        points="results/explain/spatial_points.parquet",
        sanity="results/explain/sanity.csv",
    log:
        "results/logs/points.log",
    benchmark:
        "results/benchmarks/points.tsv"
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: spatial.points_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} make-points {input.maps} "
        "--manifests {input.manifests} --crops {input.crops} --spec {params.spec:q} "
        "--out {output.table} --confidence {output.confidence} "
        "--points {output.points} --sanity {output.sanity}"


rule plot_spatial:
    input:
        table="results/explain/spatial.csv",
        confidence="results/explain/spatial_confidence.csv",
        points="results/explain/spatial_points.parquet",
        maps=spatial.map_files(config),
        manifests=expand(
            "results/manifests/{corpus}.parquet",
            corpus=spatial.explained_tests(config),
        ),
        code=code_stamps.stage_code(
            "dfprobe.report.plots.spatial", "dfprobe.report.plots.overlays"
        ),
    output:
        png=report(
            "results/figures/spatial.png",
            caption="../report/spatial.rst",
            category="Spatial explanations",
            labels={"figure": "error, hits and shares"},
        ),
        svg="results/figures/spatial.svg",
        pdf="results/figures/spatial.pdf",
        overlays=report(
            spatial.overlay_files(config, "png"),
            caption="../report/overlays.rst",
            category="Spatial explanations",
            labels={"figure": "maps over frames"},
        ),
        others=spatial.overlay_files(config, "svg")
        + spatial.overlay_files(config, "pdf"),
    log:
        "results/logs/plot_spatial.log",
    benchmark:
        "results/benchmarks/plot_spatial.tsv"
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: spatial.spatial_figures_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-spatial {input.table} {input.confidence} "
        "--points {input.points} --maps {input.maps} --manifests {input.manifests} "
        "--spec {params.spec:q} --out {output.png} --overlays {output.overlays}"

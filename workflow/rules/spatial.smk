rule explain_frames:
    input:
        manifest=products.manifest("{test}"),
        crops=lambda wildcards: shards.crops(config, [wildcards.test]),
        indexes=lambda wildcards: shards.crop_indexes(config, [wildcards.test]),
        head=products.head(spatial.explained_head(config)),
        scores=products.scores(spatial.explained_head(config)),
        learned=products.manifest("{train}"),
        features=lambda wildcards: (
            shards.features(config, wildcards.encoder, [wildcards.train])
            if spatial.checked(config)
            else []
        ),
        code=lambda wildcards: code_stamps.stage_code(
            "dfprobe.explain.spatial.maps.attribution",
            encoder_families.module(config.encoders[wildcards.encoder].family),
        ),
    output:
        products.maps(),
    log:
        products.log("spatial/{encoder}/{train}/{test}"),
    benchmark:
        products.benchmark("spatial/{encoder}/{train}/{test}")
    conda:
        "../../envs/encoders.yaml"
    resources:
        gpu=lambda wildcards: resources.features_gpus(config, wildcards.encoder),
        mem_mb=resources.growing(config.training.memory_mb),
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
            products.manifest(),
            corpus=spatial.explained_corpora(config),
        ),
        crops=shards.crops(config, spatial.explained_tests(config)),
        indexes=shards.crop_indexes(config, spatial.explained_tests(config)),
        code=code_stamps.stage_code(
            "dfprobe.explain.spatial.measures.tables",
            "dfprobe.explain.spatial.measures.sanity",
        ),
    output:
        table=products.SPATIAL,
        confidence=products.SPATIAL_CONFIDENCE,
        points=products.SPATIAL_POINTS,
        sanity=products.SANITY,
    log:
        products.log("points"),
    benchmark:
        products.benchmark("points")
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
        table=products.SPATIAL,
        confidence=products.SPATIAL_CONFIDENCE,
        points=products.SPATIAL_POINTS,
        maps=spatial.map_files(config),
        manifests=expand(
            products.manifest(),
            corpus=spatial.explained_tests(config),
        ),
        code=code_stamps.stage_code(
            "dfprobe.report.plots.spatial", "dfprobe.report.plots.overlays"
        ),
    output:
        png=report(
            products.SPATIAL_FIGURE,
            caption="../captions/spatial.rst",
            category="Spatial explanations",
            labels={"figure": "error, hits and shares"},
        ),
        vectors=products.vectors(products.SPATIAL_FIGURE),
        overlays=report(
            spatial.overlays(config),
            caption="../captions/overlays.rst",
            category="Spatial explanations",
            labels={"figure": "maps over frames"},
        ),
        overlay_vectors=spatial.overlay_vectors(config),
    log:
        products.log("plot_spatial"),
    benchmark:
        products.benchmark("plot_spatial")
    conda:
        "../../envs/media.yaml"
    params:
        spec=lambda wildcards: spatial.spatial_figures_spec(config).to_json(),
    shell:
        "python -m dfprobe --log {log} plot-spatial {input.table} {input.confidence} "
        "--points {input.points} --maps {input.maps} --manifests {input.manifests} "
        "--spec {params.spec:q} --out {output.png} --overlays {output.overlays}"

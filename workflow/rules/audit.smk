rule read_facts:
    input:
        manifest="results/manifests/{corpus}.parquet",
    output:
        "results/facts/{corpus}/{shard}.parquet",
    log:
        "results/logs/facts/{corpus}/{shard}.log",
    benchmark:
        "results/benchmarks/facts/{corpus}/{shard}.tsv"
    conda:
        "../../envs/media.yaml"
    params:
        recipes=recipes.facts(),
    shell:
        "python -m dfprobe --log {log} audit-facts {input.manifest} "
        "{wildcards.shard} --out {output}"


rule audit_corpus:
    input:
        manifest="results/manifests/{corpus}.parquet",
        facts=lambda wildcards: of_shards(
            "results/facts/{corpus}/{shard}.parquet", [wildcards.corpus]
        ),
        code=code_stamps.stage_code("dfprobe.report.pages.audit"),
        templates=code_stamps.stage_templates("audit.html"),
    output:
        page=report(
            "results/audit/{corpus}.html",
            caption="../report/audit.rst",
            category="Audits",
            labels={"corpus": "{corpus}"},
        ),
        tables=audit_tables("{corpus}"),
        # A corpus without labels has fewer of them.
        figures=directory("results/audit/{corpus}/figures"),
    log:
        "results/logs/audit/{corpus}.log",
    benchmark:
        "results/benchmarks/audit/{corpus}.tsv"
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: specs.audit_spec(config, wildcards.corpus).to_json(),
        state=lambda wildcards: watched_files.corpus_state(config, wildcards.corpus),
    shell:
        "python -m dfprobe --log {log} audit-corpus {input.manifest} {input.facts} "
        "--spec {params.spec:q} --out {output.page}"

rule read_facts:
    input:
        manifest=products.manifest(),
    output:
        products.facts(),
    log:
        products.log("facts/{corpus}/{shard}"),
    benchmark:
        products.benchmark("facts/{corpus}/{shard}")
    conda:
        "../../envs/media.yaml"
    params:
        recipes=recipes.facts(),
    shell:
        "python -m dfprobe --log {log} audit-facts {input.manifest} "
        "{wildcards.shard} --out {output}"


rule audit_corpus:
    input:
        manifest=products.manifest(),
        facts=lambda wildcards: shards.facts(config, [wildcards.corpus]),
        code=code_stamps.stage_code("dfprobe.report.pages.audit"),
        templates=code_stamps.stage_templates("audit.html"),
    output:
        page=report(
            products.audit_page(),
            caption="../captions/audit.rst",
            category="Audits",
            labels={"corpus": "{corpus}"},
        ),
        tables=targets.audit_tables("{corpus}"),
        # A corpus without labels has fewer of them.
        figures=directory(products.audit_figures()),
    log:
        products.log("audit/{corpus}"),
    benchmark:
        products.benchmark("audit/{corpus}")
    conda:
        "../../envs/evaluation.yaml"
    params:
        spec=lambda wildcards: specs.audit_spec(config, wildcards.corpus).to_json(),
        state=lambda wildcards: watched_files.corpus_state(config, wildcards.corpus),
    shell:
        "python -m dfprobe --log {log} audit-corpus {input.manifest} {input.facts} "
        "--spec {params.spec:q} --out {output.page}"

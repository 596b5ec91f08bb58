"""What a run leaves, by group, for those that have no module of their own."""

from dfprobe import products
from dfprobe.planning import fusion, heads, shards, specs
from dfprobe.settings.config import Config

_AUDIT_TABLES = (
    *("findings", "balance", "overlap"),
    *("files", "values", "categories", "shortcuts"),
)


def kept(config: Config) -> list[str]:
    """Return what later jobs read: the default target asks for all of it.

    Snakemake does not miss an intermediate file as long as the files made from it are
    newer than its sources.
    """
    corpora = specs.used_corpora(config)
    features = [
        path
        for corpus in corpora
        for encoder in specs.encoded_on(config, corpus)
        for path in shards.features(config, encoder, [corpus])
    ]
    on_labels = [
        path
        for head in heads.on_labels(config)
        for path in (
            *(*head.files(), *head.val_scores()),
            *(*head.scores(), *head.curves()),
        )
    ]
    return [
        *map(products.manifest, corpora),
        *shards.crop_indexes(config, corpora),
        *shards.crops(config, corpora),
        *features,
        *on_labels,
    ]


def audits(config: Config) -> list[str]:
    """Return the pages and tables of the corpora that are used, and their facts."""
    corpora = specs.used_corpora(config)
    return [
        *shards.facts(config, corpora),
        *map(products.audit_page, corpora),
        *(path for corpus in corpora for path in audit_tables(corpus)),
        *map(products.audit_figures, corpora),
    ]


def audit_tables(corpus: str) -> list[str]:
    """Return the tables of an audit that every corpus has."""
    return [products.audit_table(name, corpus) for name in _AUDIT_TABLES]


def layers(config: Config) -> list[str]:
    """Return the tables and figures of the encoders whose layers are probed."""
    encoders = specs.layered(config)
    figures = [products.layers_figure(encoder) for encoder in encoders]
    vectors = [path for figure in figures for path in products.vectors(figure)]
    probes = [*map(products.layers_folder, encoders)]
    return [*probes, *map(products.layers_table, encoders), *figures, *vectors]


def documents(config: Config) -> list[str]:
    """Return the comparison with the paper, the summary, and the tables for papers."""
    return [
        *(products.PAPER_TABLE, products.PAPER_PAGE, products.SUMMARY),
        *fusion.tex_tables(config),
    ]

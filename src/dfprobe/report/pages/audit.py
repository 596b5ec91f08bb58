"""The audit stage: page, tables and figures of one corpus."""

from collections.abc import Sequence
from pathlib import Path

from dfprobe.audit.files import extra_files
from dfprobe.audit.findings import Finding, findings, write_findings
from dfprobe.audit.tables import Tables, audit_tables, read_facts, write_tables
from dfprobe.report.pages.audit_figures import write_figures
from dfprobe.report.pages.audit_page import audit_page
from dfprobe.settings.corpus_layouts import complete_options
from dfprobe.settings.stage_specs.corpora import AuditSpec
from dfprobe.store.files import write_whole
from dfprobe.store.parquet import read_parquet


def audit_corpus(
    manifest: Path, facts: Sequence[Path], spec: AuditSpec, out: Path
) -> None:
    """Write the page of a corpus and, in a folder of its name, tables and figures.

    ``facts`` are those of all shards, see `dfprobe.audit.facts_table`. Files that the
    manifest does not name are looked for in the ``root`` of the spec.

    Raises
    ------
    DataError
        If the facts cannot be read, or are not of the clips of the manifest.
    """
    clips = read_parquet(manifest)
    links = complete_options(spec.layout, spec.options)["links"]
    extra = extra_files(clips, Path(spec.root), links)
    tables = audit_tables(clips, spec.layout, read_facts(facts), extra)
    write_audit(spec.label, tables, out, out.with_suffix(""))


def write_audit(title: str, tables: Tables, page: Path, folder: Path) -> list[Finding]:
    """Write the page and return its findings.

    The folder gets the findings, tables and, where files were read, ``figures``;
    ``title`` is the name of the corpus for people.
    """
    found = findings(tables)
    write_findings(found, folder / "findings.csv")
    write_tables(tables, folder)
    if tables.files is not None:
        write_figures(tables.files, folder / "figures")
    with write_whole(page) as draft:
        draft.write_text(audit_page(title, tables, found), encoding="utf-8")
    return found

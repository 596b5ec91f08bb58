"""The audits: what they warn of, and copies of the pages."""

from collections.abc import Mapping
from pathlib import Path

from dfprobe.audit.findings import read_findings
from dfprobe.report.markup import link, section, text
from dfprobe.report.site.run_tables import Run


def audit_section(run: Run, findings: Mapping[str, Path]) -> str:
    """Write the section: what each audit warns of, and where its page is.

    Parameters
    ----------
    run : Run
        For the labels.
    findings : mapping of str to Path
        ``findings.csv`` of each corpus.
    """
    parts = [text("What a detector could use instead of the forgery, by corpus.")]
    for corpus, path in findings.items():
        warnings = [finding.text for finding in read_findings(path) if finding.warns]
        parts.append(f"<h3>{link(run.corpus(corpus), f'audit/{corpus}.html')}</h3>")
        parts += [text(f"! {warning}") for warning in warnings]
        parts += [] if warnings else [text("The audit has no warnings.", quiet=True)]
    return section("audits", "Audits", parts)

"""``dfprobe doctor`` tells whether a configuration can run here."""

import sys
from pathlib import Path

from dfprobe.doctor import corpora, encoders, needs
from dfprobe.doctor.findings import Finding, table
from dfprobe.settings.complete import read_config


def examine(configfile: Path) -> bool:
    """Print what a run with a configuration (YAML) needs; tell whether it can start.

    Raises
    ------
    ConfigError
        If there is no such file, or it is not a configuration.
    """
    config = read_config(configfile)
    sections = (
        (needs.HEADERS, needs.check_needs()),
        (corpora.HEADERS, corpora.check_corpora(config)),
        (encoders.HEADERS, encoders.check_encoders(config)),
    )
    everything: list[Finding] = []
    for headers, findings in sections:
        found = list(findings)
        sys.stdout.write(f"{table(headers, found)}\n\n")
        everything += found
    for finding in everything:
        if finding.problem:
            sys.stdout.write(f"{finding.problem}\n\n")
    return all(finding.ok for finding in everything)

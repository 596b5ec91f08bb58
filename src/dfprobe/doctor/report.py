"""``dfprobe doctor`` tells whether a configuration can run here."""

import sys
from pathlib import Path

import yaml

from dfprobe.config import complete_config
from dfprobe.doctor import corpora, encoders, needs
from dfprobe.doctor.findings import Finding, table
from dfprobe.errors import ConfigError

SCHEMA = Path("workflow/schemas/config.schema.yaml")


def examine(configfile: Path) -> bool:
    """Print what a run with a configuration needs; tell whether it can start.

    Parameters
    ----------
    configfile : Path
        YAML, as for ``snakemake --configfile``.

    Raises
    ------
    ConfigError
        If there is no such file, or it is no configuration.
    """
    config = complete_config(_read(configfile), SCHEMA)
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


def _read(path: Path) -> dict:
    for needed in (path, SCHEMA):
        if not needed.is_file():
            raise ConfigError(
                f"{needed} is not there; run dfprobe doctor in the folder that holds "
                "the Snakefile, or name the file with --configfile"
            )
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ConfigError(f"{path} holds no configuration: its top level is no mapping")
    return content

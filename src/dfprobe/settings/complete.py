"""From what a user wrote to a complete configuration."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from dfprobe.errors import ConfigError
from dfprobe.settings.anomaly import Anomaly
from dfprobe.settings.config import Config
from dfprobe.settings.messages import sentences
from dfprobe.settings.model import Options
from dfprobe.settings.reading import read_yaml
from dfprobe.settings.references import problems


def complete_config(given: Mapping[str, Any]) -> Config:
    """Check a merged configuration, as Snakemake gives it, and fill in every default.

    Raises
    ------
    ConfigError
        With one line for each problem: key path, value, what was expected, near match.
    """
    try:
        config = Config.model_validate(dict(given))
    except ValidationError as error:
        raise ConfigError("\n".join(sentences(error, "config"))) from None
    wrong = list(problems(config))
    if wrong:
        raise ConfigError("\n".join(wrong))
    return _resolved(config)


def read_config(path: Path) -> Config:
    """Read a configuration (YAML) where there is no Snakemake to do it.

    Raises
    ------
    ConfigError
        If there is no such file, or it is not a configuration.
    """
    if not path.is_file():
        raise ConfigError(
            f"{path} is not there; run dfprobe in the folder that holds the "
            "Snakefile, or name the file with --configfile"
        )
    return complete_config(read_yaml(path))


def _resolved(config: Config) -> Config:
    """Fill in what one group of settings leaves to another, and the labels."""
    update: Options = {
        group: {
            name: entry.model_copy(update={"label": entry.label or name})
            for name, entry in getattr(config, group).items()
        }
        for group in ("corpora", "encoders", "external")
    }
    update["heads"] = {
        name: entry.model_copy(
            update={"encoders": entry.encoders or tuple(config.encoders)}
        )
        for name, entry in config.heads.items()
    }
    if config.spatial is not None and not config.spatial.train:
        train = {"train": config.train[-1]}
        update["spatial"] = config.spatial.model_copy(update=train)
    if config.anomaly is not None:
        labels = {name: entry.label for name, entry in update["encoders"].items()}
        update["anomaly"] = _labelled(config.anomaly, labels)
    return config.model_copy(update=update)


def _labelled(anomaly: Anomaly, labels: dict[str, str]) -> Anomaly:
    """Join the labels of the encoders of a row that has none of its own."""
    rows = tuple(
        row.model_copy(
            update={"label": row.label or " + ".join(labels[n] for n in row.streams)}
        )
        for row in anomaly.rows
    )
    return anomaly.model_copy(update={"rows": rows})

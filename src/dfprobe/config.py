"""The configuration as dictionaries, for what does not take a `Config` yet."""

from pathlib import Path
from typing import Any

from dfprobe.settings import complete
from dfprobe.settings.config import Config

SCHEMA = Path("workflow/schemas/config.schema.yaml")
_NOT_OF_FILES = ("family", "revision", "trim", "layer", "seed")
_NOT_OF_VIDEOS = ("root", "rate_hz", "first_row_s")


def complete_config(config: dict[str, Any], schema: Path) -> dict[str, Any]:
    """Return a checked copy of a configuration with every default filled in."""
    return _tree(complete.complete_config(config))


def read_config(path: Path) -> dict[str, Any]:
    """Read a configuration where there is no Snakemake to do it."""
    return _tree(complete.read_config(path))


def _tree(config: Config) -> dict[str, Any]:
    tree = config.model_dump(mode="json")
    for name, entry in tree["encoders"].items():
        if entry["source"] == "files":
            tree["encoders"][name] = dict.fromkeys(_NOT_OF_FILES) | entry
            tree["encoders"][name] |= {"weights": "files", "options": {}}
        else:
            tree["encoders"][name] = dict.fromkeys(_NOT_OF_VIDEOS) | entry
    return tree

"""The corpus layouts: found by looking at the files, imported only when used.

A layout is a module of this package that declares a literal dictionary ``OPTIONS`` at
top level. It is read from the source text, so that checking a configuration imports
no data frames.
"""

import copy
import importlib
from pathlib import Path
from types import ModuleType
from typing import Any

from dfprobe.declarations import declared
from dfprobe.errors import ConfigError, unknown_name

_PACKAGE = "dfprobe.corpora"
_FOLDER = Path(__file__).parent

Options = dict[str, dict[str, Any]]

COMMON: Options = {
    "links": {
        "type": "string",
        "enum": ["inside", "anywhere"],
        "default": "inside",
        "description": "Where symbolic links below the root may lead: only to files "
        "inside it, or also to another disk. Files behind a linked folder are not "
        "watched.",
    },
}


def layouts() -> list[str]:
    """Names of all layouts, sorted."""
    return sorted(declared(_FOLDER, "OPTIONS"))


def layout_options(name: str) -> Options:
    """JSON-schema properties of a layout's options, with `COMMON` (a copy).

    Raises
    ------
    ConfigError
        If there is no such layout, with the near match and all that are known.
    """
    known = declared(_FOLDER, "OPTIONS")
    if name not in known:
        raise ConfigError(unknown_name("there is no corpus layout", name, known))
    return copy.deepcopy(known[name]["OPTIONS"] | COMMON)


def complete_options(layout: str, options: dict[str, Any]) -> dict[str, Any]:
    """Return the options with the layout's defaults for all that were not given.

    Raises
    ------
    ConfigError
        If there is no such layout, or it has no such option.
    """
    defaults = {key: prop["default"] for key, prop in layout_options(layout).items()}
    unknown = [key for key in options if key not in defaults]
    if unknown:
        raise ConfigError(
            f"corpus layout {layout!r} has no option {unknown[0]!r} "
            f"(known: {', '.join(defaults)})"
        )
    return defaults | options


def load_layout(name: str) -> ModuleType:
    """Import the module of a layout that exists (see ``layout_options``)."""
    return importlib.import_module(f"{_PACKAGE}.{name}")

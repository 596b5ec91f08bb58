"""The corpus layouts: found by looking at the files, without importing them.

A layout is a module of `dfprobe.corpora.layouts`, or one that an installed package
names by an entry point of the group ``dfprobe.layouts``. What it declares (see
`dfprobe.corpora.clip`) is read from the source text, so that checking a configuration
imports no data frames.
"""

from functools import cache

from pydantic import ValidationError

from dfprobe.errors import ConfigError, unknown_name
from dfprobe.settings.declarations import Declared, declared
from dfprobe.settings.messages import sentences
from dfprobe.settings.model import Options, Settings
from dfprobe.settings.options import complete, options_model

COMMON = {
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
    return sorted(_known())


@cache
def layout_options(name: str) -> type[Settings]:
    """Return the model of a layout's options, with `COMMON`.

    Raises
    ------
    ConfigError
        If there is no such layout, with the near match and all that are known.
    """
    return options_model(name, _layout(name).values["OPTIONS"] | COMMON)


def complete_options(layout: str, options: Options) -> Options:
    """Return the options with the layout's defaults for all that were not given.

    Raises
    ------
    ConfigError
        If there is no such layout, or it has no such option, or the option cannot have
        such a value.
    """
    try:
        return complete(layout_options(layout), options)
    except ValidationError as error:
        where = f"corpus layout {layout!r}, options"
        raise ConfigError("\n".join(sentences(error, where))) from None


def module(name: str) -> str:
    """Dotted name of the module of a layout."""
    return _layout(name).module


def _layout(name: str) -> Declared:
    if name not in _known():
        raise ConfigError(unknown_name("there is no corpus layout", name, _known()))
    return _known()[name]


@cache
def _known() -> dict[str, Declared]:
    return declared(
        "dfprobe.corpora.layouts", {"OPTIONS": dict}, group="dfprobe.layouts"
    )

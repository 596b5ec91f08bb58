"""The corpus layouts: found by looking at the files, without importing them.

A layout is a module of `dfprobe.corpora.layouts`, or one that an installed package
names by an entry point of the group ``dfprobe.layouts``. What it declares (see
`dfprobe.corpora.clip`) is read from the source text, so that checking a configuration
imports no data frames.
"""

from functools import cache

from dfprobe.code import package_folder
from dfprobe.errors import ConfigError, unknown_name
from dfprobe.settings.declarations import Declared, declared
from dfprobe.settings.model import Options, Settings
from dfprobe.settings.options import complete_or_refuse, options_model

# What a corpus may tell of its clips, beyond split, label and method.
TELLS = ("segments", "clicks", "speaker", "source")
# What clips may have in common that only their paths tell.
KEYS = ("sibling", "named_identity")

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
    owner = f"corpus layout {layout!r}"
    return complete_or_refuse(layout_options(layout), options, owner)


def module(name: str) -> str:
    """Dotted name of the module of a layout."""
    return _layout(name).module


def tells(name: str) -> tuple[str, ...]:
    """Names of what a layout tells of its clips, of those in `TELLS`."""
    found: tuple[str, ...] = _layout(name).values["TELLS"]
    return found


def keys_in_path(name: str) -> dict[str, str]:
    """Regular expressions that find keys in clip ids, by their names, `KEYS`."""
    return dict(_layout(name).values.get("KEYS_IN_PATH", {}))


def generated() -> list[str]:
    """Layouts in which the demo generator makes corpora: it has a plan of each."""
    plans = package_folder("dfprobe.demo.plans")
    return [name for name in layouts() if (plans / f"{name}.py").is_file()]


def _layout(name: str) -> Declared:
    if name not in _known():
        raise ConfigError(unknown_name("there is no corpus layout", name, _known()))
    return _known()[name]


@cache
def _known() -> dict[str, Declared]:
    known = declared(
        "dfprobe.corpora.layouts",
        {"OPTIONS": dict, "TELLS": tuple},
        {"KEYS_IN_PATH": dict},
        "dfprobe.layouts",
    )
    for layout in known.values():
        _check_names(layout, "TELLS", TELLS)
        _check_names(layout, "KEYS_IN_PATH", KEYS)
    return known


def _check_names(layout: Declared, literal: str, known: tuple[str, ...]) -> None:
    for name in layout.values.get(literal, ()):
        if name not in known:
            what = f"{layout.module}: {literal} has an unknown name"
            raise ConfigError(unknown_name(what, name, known))

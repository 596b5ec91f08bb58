"""The encoder families: found by looking at the files, without importing them.

A family is a module of `dfprobe.encoders.families`, or one that an installed package
names by an entry point of the group ``dfprobe.encoders``. At top level it declares the
literals ``STREAMS``, ``WEIGHTS`` and ``OPTIONS``; ``RANDOM_SIZES``, more options, if
it draws random weights; and ``EXPLAINED`` if its rows can be explained in space. They
are read from the source text, so that listing the families, and checking a
configuration against them, imports no torch.
"""

from functools import cache

from dfprobe.errors import ConfigError, unknown_name
from dfprobe.settings.declarations import Declared, declared
from dfprobe.settings.model import Options, Settings
from dfprobe.settings.options import complete_or_refuse, options_model

# stream -> modality; kind of weights -> description; option -> JSON schema
_REQUIRED = {"STREAMS": dict, "WEIGHTS": dict, "OPTIONS": dict}
# streams; option -> default, minimum and description of a size of random weights
_OPTIONAL = {"EXPLAINED": tuple, "RANDOM_SIZES": dict}


def families() -> list[str]:
    """Names of all families, sorted."""
    return sorted(_known())


def module(name: str) -> str:
    """Dotted name of the module of a family."""
    return _family(name).module


def streams(name: str) -> list[str]:
    """Names of the streams that a family offers."""
    return list(_family(name).values["STREAMS"])


def weights(name: str) -> dict[str, str]:
    """Kinds of weights that a family takes: ``none``, ``random``, ``file``, ``hub``."""
    return dict(_family(name).values["WEIGHTS"])


def modality(family: str, stream: str) -> str:
    """Modality of a stream: ``audio``, ``visual`` or ``audio-visual``.

    Raises
    ------
    ConfigError
        If there is no such family, or the family has no such stream.
    """
    offered = _family(family).values["STREAMS"]
    if stream not in offered:
        owner = f"encoder family {family!r}"
        raise ConfigError(unknown_name(f"{owner} has no stream", stream, offered))
    found: str = offered[stream]
    return found


@cache
def family_options(name: str) -> type[Settings]:
    """Return the model of a family's options."""
    values = _family(name).values
    sizes = values.get("RANDOM_SIZES", {})
    random = {option: _random_size(*sizes[option]) for option in sizes}
    return options_model(name, values["OPTIONS"] | random)


def _random_size(default: int, minimum: int, about: str) -> Options:
    return {
        "type": "integer",
        "minimum": minimum,
        "default": default,
        "description": f"Random weights: {about}.",
    }


def complete_options(family: str, options: Options) -> Options:
    """Add the family's defaults for the options that were not given.

    Raises
    ------
    ConfigError
        If the family has no such option, or the option cannot have such a value.
    """
    owner = f"encoder family {family!r}"
    return complete_or_refuse(family_options(family), options, owner)


def names_a_file(family: str, name: str) -> bool:
    """Whether weights are a checkpoint file, by the kinds that the family takes."""
    return "file" in weights(family) and name not in ("none", "random")


def explained_streams() -> dict[str, tuple[str, ...]]:
    """Streams whose rows can be traced back to places in the frame, by family."""
    return {
        name: family.values["EXPLAINED"]
        for name, family in sorted(_known().items())
        if "EXPLAINED" in family.values
    }


def _family(name: str) -> Declared:
    if name not in _known():
        raise ConfigError(unknown_name("there is no encoder family", name, _known()))
    return _known()[name]


@cache
def _known() -> dict[str, Declared]:
    return declared(
        "dfprobe.encoders.families", _REQUIRED, _OPTIONAL, "dfprobe.encoders"
    )

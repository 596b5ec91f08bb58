"""The encoder families: found by looking at the files, imported only when built.

A family is a module of this package that declares two literal dictionaries at top
level, ``STREAMS`` and ``OPTIONS``. They are read from the source text, so that listing
the families, and checking a configuration against them, imports no torch.
"""

import ast
import copy
import difflib
import importlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from dfprobe.encoders.base import Encoder, EncoderSpec
from dfprobe.errors import ConfigError, EncoderError

_PACKAGE = "dfprobe.encoders"
_FOLDER = Path(__file__).parent
_DECLARATIONS = ("STREAMS", "OPTIONS")


@dataclass(frozen=True)
class Family:
    """What a family module declares.

    Parameters
    ----------
    streams : dict of str to str
        Stream name -> modality (``audio``, ``visual`` or ``audio-visual``).
    options : dict of str to dict
        Option name -> JSON schema with ``description`` and ``default``.
    """

    streams: dict[str, str]
    options: dict[str, dict[str, Any]]


def families() -> list[str]:
    """Names of all families, sorted."""
    return sorted(declared(_FOLDER))


def streams(name: str) -> list[str]:
    """Names of the streams that a family offers."""
    return list(_family(name).streams)


def modality(family: str, stream: str) -> str:
    """Modality of a stream: ``audio``, ``visual`` or ``audio-visual``.

    Raises
    ------
    ConfigError
        If there is no such family, or the family has no such stream.
    """
    offered = _family(family).streams
    if stream not in offered:
        owner = f"encoder family {family!r}"
        raise ConfigError(_unknown(f"{owner} has no stream", stream, offered))
    return offered[stream]


def family_options(name: str) -> dict[str, dict[str, Any]]:
    """JSON-schema properties of a family's options (a copy)."""
    return copy.deepcopy(_family(name).options)


def complete_options(family: str, options: dict[str, Any]) -> dict[str, Any]:
    """Add the family's defaults for the options that were not given."""
    defaults = {key: prop["default"] for key, prop in family_options(family).items()}
    return defaults | options


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build one encoder; only its family's module is imported.

    Parameters
    ----------
    spec : EncoderSpec
        Missing options are filled with the family's defaults.
    device : str
        Name of a torch device, e.g. ``cpu`` or ``cuda``.

    Raises
    ------
    ConfigError
        If the family or the stream does not exist.
    EncoderError
        If the encoder cannot be built, e.g. because its weights are not there.
    """
    modality(spec.family, spec.stream)
    complete = replace(spec, options=complete_options(spec.family, spec.options))
    module = importlib.import_module(f"{_PACKAGE}.{spec.family}")
    encoder: Encoder = module.build(complete, device)
    return encoder


@cache
def declared(folder: Path) -> dict[str, Family]:
    """Families declared by the modules in a folder.

    Raises
    ------
    EncoderError
        If a module has one of the two declarations without the other, or one that is
        not a literal dictionary.
    """
    found = {}
    for path in sorted(folder.glob("*.py")):
        values = _literals(path)
        if len(values) == 1:
            raise EncoderError(
                f"{path.name} declares {next(iter(values))} without its counterpart; "
                f"an encoder family needs both {' and '.join(_DECLARATIONS)}"
            )
        if values:
            found[path.stem] = Family(values["STREAMS"], values["OPTIONS"])
    return found


def _family(name: str) -> Family:
    known = declared(_FOLDER)
    if name not in known:
        raise ConfigError(_unknown("there is no encoder family", name, known))
    return known[name]


def _literals(path: Path) -> dict[str, dict[str, Any]]:
    """Values of the declarations in one module, by name."""
    values = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if name in _DECLARATIONS:
            values[name] = _literal(path, name, value)
    return values


def _literal(path: Path, name: str, value: ast.expr) -> dict[str, Any]:
    try:
        literal = ast.literal_eval(value)
    except ValueError as error:
        raise EncoderError(
            f"{path.name}: {name} must be a literal dictionary, since it is read "
            f"without importing the module, but it is {ast.unparse(value)[:80]!r}"
        ) from error
    if not isinstance(literal, dict):
        raise EncoderError(
            f"{path.name}: {name} must be a dictionary, not {type(literal).__name__}"
        )
    return literal


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    return f"{what} {name!r}{hint} (known: {', '.join(sorted(known))})"

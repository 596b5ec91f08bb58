"""What modules declare in literals, read without importing them.

Encoder families, corpus layouts and kinds of heads are found by looking at the files of
their package; entry points of installed packages add families and layouts from outside.
Listing them, and checking a configuration against them, therefore imports no torch and
no data frames.
"""

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeAlias

from dfprobe.code import module_path, package_folder
from dfprobe.errors import ConfigError

# By their names; what they hold is for their reader to check.
Literals: TypeAlias = dict[str, Any]


@dataclass(frozen=True)
class Declared:
    """What a module of a dotted name declares."""

    module: str
    values: Literals


def declared(
    package: str,
    required: Mapping[str, type],
    optional: Mapping[str, type] | None = None,
    group: str | None = None,
) -> dict[str, Declared]:
    """Find the modules that declare some literals at top level.

    Parameters
    ----------
    package : str
        Its modules that declare none of the required names are helpers and left out.
    required, optional : mapping of str to type
        Declared name -> ``dict`` or ``tuple``.
    group : str or None
        Group of entry points, each of which names one more module: ``name = module``.

    Returns
    -------
    dict
        By the name of the module in the package, or of the entry point.

    Raises
    ------
    ConfigError
        If a module declares only some of the required names or anything but literals,
        or an entry point names no module or has a name that is taken.
    """
    types = {**required, **(optional or {})}
    found = {}
    for path in sorted(package_folder(package).glob("*.py")):
        values = _literals(path, types)
        if not required.keys().isdisjoint(values):
            _check_complete(path, values, required)
            found[path.stem] = Declared(f"{package}.{path.stem}", values)
    for point in entry_points(group=group) if group is not None else ():
        if point.name in found:
            raise ConfigError(
                f"{_source(point)} has the name of {found[point.name].module}; rename "
                "the entry point, or uninstall the package"
            )
        path = _path(point)
        values = _literals(path, types)
        _check_complete(path, values, required)
        found[point.name] = Declared(point.value, values)
    return found


def _path(point: EntryPoint) -> Path:
    try:
        return module_path(point.value)
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"{_source(point)} must name a module, but {error}; install the package "
            "again, or uninstall it"
        ) from None


def _source(point: EntryPoint) -> str:
    owner = f" of the package {point.dist.name}" if point.dist is not None else ""
    return f"the entry point {point.group}: {point.name} = {point.value}{owner}"


def _check_complete(path: Path, values: Iterable[str], required: Iterable[str]) -> None:
    missing = [name for name in required if name not in values]
    if missing:
        raise ConfigError(
            f"{path.name} declares {', '.join(values) or 'nothing'} without "
            f"{', '.join(missing)}; it needs all of {', '.join(required)}"
        )


def _literals(path: Path, types: Mapping[str, type]) -> Literals:
    values = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if name in types:
            values[name] = _literal(path, name, value, types[name])
    return values


def _literal(path: Path, name: str, value: ast.expr, wanted: type) -> Any:
    try:
        literal = ast.literal_eval(value)
    except ValueError:
        literal = None
    if not isinstance(literal, wanted):
        raise ConfigError(
            f"{path.name}: {name} must be a literal {wanted.__name__}, since it is "
            f"read without importing the module, but it is {ast.unparse(value)[:80]!r}"
        )
    return literal

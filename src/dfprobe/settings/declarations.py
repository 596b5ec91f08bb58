"""What modules declare in literal dictionaries, read without importing them.

Encoder families and corpus layouts are found by looking at the files of their package.
Listing them, and checking a configuration against them, therefore imports no torch and
no data frames.
"""

import ast
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from dfprobe.errors import ConfigError

Declarations = dict[str, Any]  # name -> literal


@cache
def declared(folder: Path, *names: str) -> dict[str, Declarations]:
    """Literal dictionaries or tuples that the modules of a folder declare at top level.

    Parameters
    ----------
    folder : Path
        Folder of a package.
    *names : str
        Names that a module declares all of or none of.

    Returns
    -------
    dict
        Module name -> declared name -> literal, for the modules that declare.

    Raises
    ------
    ConfigError
        If a module declares a part of the names, or a value that is not such a literal.
    """
    found = {}
    for path in sorted(folder.glob("*.py")):
        values = _literals(path, names)
        missing = [name for name in names if name not in values]
        if values and missing:
            raise ConfigError(
                f"{path.name} declares {', '.join(values)} without "
                f"{', '.join(missing)}; it needs all of {', '.join(names)}"
            )
        if values:
            found[path.stem] = values
    return found


def _literals(path: Path, names: Iterable[str]) -> Declarations:
    values = {}
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                pass
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
                pass
            case _:
                continue
        if name in names:
            values[name] = _literal(path, name, value)
    return values


def _literal(path: Path, name: str, value: ast.expr) -> Any:
    try:
        literal = ast.literal_eval(value)
    except ValueError:
        literal = None
    if not isinstance(literal, dict | tuple):
        raise ConfigError(
            f"{path.name}: {name} must be a literal dictionary or tuple, since it is "
            f"read without importing the module, but it is "
            f"{ast.unparse(value)[:80]!r}"
        )
    return literal

"""The corpus layouts: found by looking at the files, imported only when used.

A layout is a module of this package that declares a literal dictionary ``OPTIONS`` at
top level. It is read from the source text, so that checking a configuration imports
no data frames.
"""

import ast
import copy
import difflib
import importlib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from dfprobe.errors import ConfigError

_PACKAGE = "dfprobe.corpora"
_FOLDER = Path(__file__).parent

Options = dict[str, dict[str, Any]]


def layouts() -> list[str]:
    """Names of all layouts, sorted."""
    return sorted(_declared(_FOLDER))


def layout_options(name: str) -> Options:
    """JSON-schema properties of a layout's options (a copy).

    Raises
    ------
    ConfigError
        If there is no such layout, with the near match and all that are known.
    """
    known = _declared(_FOLDER)
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(
            f"there is no corpus layout {name!r}{hint} (known: {', '.join(known)})"
        )
    return copy.deepcopy(known[name])


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
            f"(known: {', '.join(defaults) or 'none'})"
        )
    return defaults | options


def load_layout(name: str) -> ModuleType:
    """Import the module of a layout that exists (see ``layout_options``)."""
    return importlib.import_module(f"{_PACKAGE}.{name}")


@cache
def _declared(folder: Path) -> dict[str, Options]:
    """``OPTIONS`` of each module in a folder that has it, by module name."""
    found = {}
    for path in sorted(folder.glob("*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            match node:
                case ast.Assign(targets=[ast.Name(id="OPTIONS")], value=value):
                    found[path.stem] = _literal(path, value)
                case ast.AnnAssign(
                    target=ast.Name(id="OPTIONS"), value=ast.expr() as value
                ):
                    found[path.stem] = _literal(path, value)
    return found


def _literal(path: Path, value: ast.expr) -> Options:
    try:
        options = ast.literal_eval(value)
    except ValueError:
        options = None
    if not isinstance(options, dict):
        raise ConfigError(
            f"{path.name}: OPTIONS must be a literal dictionary, since it is read "
            f"without importing the module, but it is {ast.unparse(value)[:80]!r}"
        )
    return options

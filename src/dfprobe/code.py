"""Which modules a stage depends on, and what they compute.

A comment, a docstring or a line break changes no number, so none of them may make a
product stale. Modules are therefore compared by their canonical source: parsed,
stripped of docstrings and written out again.
"""

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.machinery import ModuleSpec, PathFinder
from importlib.util import find_spec
from pathlib import Path

_PACKAGE = "dfprobe"
_ROOT = Path(__file__).resolve().parent
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def import_closure(modules: Iterable[str]) -> list[str]:
    """Modules of dfprobe that ``modules`` import, directly or not, themselves included.

    Only ``import`` statements are followed: a module that is looked up by name at run
    time (an encoder family, a corpus layout) has to be given as a root of its own. It
    may be of another package; of what it imports, only modules of dfprobe are followed.
    Packages' ``__init__.py`` files are empty and left out.

    Parameters
    ----------
    modules : iterable of str
        Dotted names, e.g. ``["dfprobe.media.crops"]``.

    Returns
    -------
    list of str
        Dotted names, sorted.

    Raises
    ------
    ModuleNotFoundError
        If there is no such module.
    """
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module not in found:
            found.add(module)
            waiting.extend(_imports(module))
    return sorted(found)


@cache
def canonical_source(module: str) -> str:
    """Source of a module without comments, docstrings and layout."""
    tree = ast.parse(_text(module))
    for node in ast.walk(tree):
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return ast.unparse(tree) + "\n"


def code_digest(modules: Iterable[str]) -> str:
    """SHA-256 over the canonical sources of the import closure of ``modules``.

    For the record only: no key holds it, see `dfprobe.recipes`.
    """
    digest = hashlib.sha256()
    for module in import_closure(modules):
        digest.update(f"{module}\n{canonical_source(module)}".encode())
    return digest.hexdigest()


def module_path(module: str) -> Path:
    """File of a module, found without importing it or the packages that hold it.

    Raises
    ------
    ModuleNotFoundError
        If there is no such module, or it is not a Python file.
    """
    first, *rest = module.split(".")
    if first == _PACKAGE:
        path: Path | None = _ROOT.joinpath(*rest).with_suffix(".py")
    else:
        path = _foreign_path(first, rest)
    if path is None or path.suffix != ".py" or not path.is_file():
        raise ModuleNotFoundError(f"there is no module {module}")
    return path


def _foreign_path(name: str, rest: Iterable[str]) -> Path | None:
    spec: ModuleSpec | None = find_spec(name)
    for part in rest:
        name = f"{name}.{part}"
        inside = None if spec is None else spec.submodule_search_locations
        spec = None if inside is None else PathFinder.find_spec(name, inside)
    return None if spec is None or spec.origin is None else Path(spec.origin)


def package_folder(package: str) -> Path:
    """Folder of a package of dfprobe."""
    return _ROOT.joinpath(*package.split(".")[1:])


def _text(module: str) -> str:
    return module_path(module).read_text(encoding="utf-8")


@cache
def _imports(module: str) -> tuple[str, ...]:
    """Modules of dfprobe named by the import statements of one module."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(_text(module))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            names.add(node.module)  # may be a package: then the names are modules
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return tuple(sorted(name for name in names if _is_module(name)))


def _is_module(name: str) -> bool:
    package, *parts = name.split(".")
    return package == _PACKAGE and _ROOT.joinpath(*parts).with_suffix(".py").is_file()

"""Files that stand for the code of a stage, so that Snakemake sees when it changes."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dfprobe import products
from dfprobe.code import canonical_source, import_closure

_TEMPLATES = "report/templates"
_TAKEN_IN = re.compile(r'{% *(?:extends|include|from) +"([^"]+)"')

_outdated: set[str] | None = None  # not None: collect these instead of rewriting them


@contextmanager
def keep_stamps() -> Iterator[set[str]]:
    """Leave existing code stamps as they are; yield the paths of the outdated ones.

    For planning without a run: the jobs of another run in progress record the stamps
    as they are when they end. A missing stamp is still written.
    """
    global _outdated
    _outdated = set()
    try:
        yield _outdated
    finally:
        _outdated = None


def stage_code(*modules: str) -> list[str]:
    """Files that stand for the code of a stage, to be listed as a rule's inputs.

    Each holds one module of the import closure of ``modules`` without comments,
    docstrings and layout, and is rewritten only when that changes: Snakemake compares
    contents, so an edited comment makes nothing stale and an edited statement names its
    module in the reason.

    Returns
    -------
    list of str
        Paths relative to the working directory.
    """
    return [str(_stamp(module)) for module in import_closure(modules)]


def stage_data(name: str) -> str:
    """File that stands for one below the package, e.g. a CSV file; see `stage_code`."""
    content = (Path(__file__).parents[1] / name).read_text(encoding="utf-8")
    return str(_written(Path(products.CODE, "dfprobe", name), content))


def stage_templates(*names: str) -> list[str]:
    """Files that stand for some in ``report/templates`` and all that they take in."""
    found: dict[str, str] = {}
    waiting = list(names)
    while waiting:
        path = f"{_TEMPLATES}/{waiting.pop()}"
        if path not in found:
            found[path] = stage_data(path)
            text = (Path(__file__).parents[1] / path).read_text(encoding="utf-8")
            waiting += _TAKEN_IN.findall(text)
    return sorted(found.values())


def _stamp(module: str) -> Path:
    path = Path(products.CODE, *module.split(".")).with_suffix(".py")
    return _written(path, canonical_source(module))


def _written(path: Path, source: str) -> Path:
    """Write a file unless it holds this already."""
    present = path.exists()
    if present and path.read_text(encoding="utf-8") == source:
        return path
    if present and _outdated is not None:
        _outdated.add(str(path))
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft = path.with_suffix(f".{os.getpid()}.draft")  # jobs may plan concurrently
        draft.write_text(source, encoding="utf-8")
        draft.replace(path)
    return path

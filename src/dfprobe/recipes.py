"""Recipe numbers: what the code of a stage is called in the keys of its products.

A module whose numbers are kept declares an integer, ``RECIPE``, at top level. Whoever
changes those numbers raises it, and with it everything that was computed before is
computed again; a reworded message, a renamed module or another version of Python
changes no key. The numbers are read from the source text, so that planning imports no
torch.
"""

import ast
from collections.abc import Iterable
from functools import cache

from dfprobe.code import module_path
from dfprobe.errors import ConfigError
from dfprobe.settings import corpus_layouts, encoder_families

# The module that declares the recipe of each input of an encoder.
_INPUTS = {
    "frames": "dfprobe.media.video",
    "waveform": "dfprobe.media.audio",
}
_CROPS = ("dfprobe.media.audio", "dfprobe.media.faces", "dfprobe.media.video")


def crops() -> dict[str, int]:
    """Recipes of sound, landmarks and mouth patches."""
    return _recipes(_CROPS)


def rows(family: str, inputs: Iterable[str], trimmed: bool = False) -> dict[str, int]:
    """Recipes of the feature rows of an encoder family.

    Parameters
    ----------
    family : str
        Encoder family.
    inputs : iterable of str
        What the encoder reads, see `ClipInputs`. What is made from landmarks has the
        key of the crops instead.
    trimmed : bool
        Whether the start of clips is cut.
    """
    read = [_INPUTS[name] for name in inputs if name in _INPUTS]
    if trimmed:
        read.append("dfprobe.features.trimming")
    modules = [encoder_families.module(family), "dfprobe.features.extract", *read]
    return _recipes(modules)


def every_input(family: str, trimmed: bool = False) -> dict[str, int]:
    """Recipes of the rows of a family, whatever it reads: for planning."""
    return rows(family, _INPUTS, trimmed)


def feature_files() -> dict[str, int]:
    """Recipe of rows that are read from feature files."""
    return _recipes(["dfprobe.features.feature_files"])


def heads(*kinds: str) -> dict[str, int]:
    """Recipes of heads of some kinds, their scores and curves."""
    kind_modules = (f"dfprobe.heads.kinds.{kind}" for kind in kinds)
    return _recipes(["dfprobe.heads.training", *kind_modules])


def manifest(layout: str) -> dict[str, int]:
    """Recipes of the list of a corpus's clips."""
    return _recipes(["dfprobe.corpora.manifest", corpus_layouts.module(layout)])


def facts() -> dict[str, int]:
    """Recipe of the audit's facts of files."""
    return _recipes(["dfprobe.audit.facts"])


def demo() -> dict[str, int]:
    """Recipe of the generated corpora."""
    return _recipes(["dfprobe.demo.make"])


def _recipes(modules: Iterable[str]) -> dict[str, int]:
    return {_name(module): _declared(module) for module in modules}


def _name(module: str) -> str:
    """Last part of a module's name, the whole of one that is outside the package."""
    return module.rpartition(".")[2] if module.startswith("dfprobe.") else module


@cache
def _declared(module: str) -> int:
    """Integer that a module assigns to ``RECIPE``."""
    for node in ast.parse(module_path(module).read_text(encoding="utf-8")).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="RECIPE")], value=ast.Constant(value=int(number))
            ):
                return number
    raise ConfigError(
        f"{module} declares no recipe number: write RECIPE = 1 into it, and raise it "
        "whenever the numbers that it computes change"
    )

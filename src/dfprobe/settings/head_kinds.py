"""The kinds of heads: found by looking at the files of the package.

A kind is a module that declares ``STREAMS``, a literal tuple, at top level; one that
entries of ``heads`` can name also declares ``OPTIONS``, a literal dictionary. They are
read from the source text, so that checking a configuration imports no torch.
"""

from dataclasses import dataclass
from functools import cache

from dfprobe.settings.declarations import Declared, declared
from dfprobe.settings.model import Settings
from dfprobe.settings.options import options_model

# Names that stand for other heads in paths.
RESERVED = ("next_token", "next_token_mean", "sync", "external", "layers", "layer_mix")


@dataclass(frozen=True)
class Preset:
    """What the name of a setting stands for."""

    learning_rates: tuple[float, ...]
    max_epochs: int
    patience: int
    schedule: str


# The paper's, and one that trains until the validation loss really stops falling.
PRESETS = {
    "paper": Preset((0.001,), 100, 10, "none"),
    "converged": Preset((0.01, 0.1), 1000, 10, "plateau"),
}


def every_kind() -> list[str]:
    """Names of all kinds, also of those that learn from real clips alone; sorted."""
    return sorted(_known())


def streams(kind: str) -> tuple[int, ...]:
    """How many encoders' features a kind can read."""
    numbers: tuple[int, ...] = _known()[kind].values["STREAMS"]
    return numbers


def kinds() -> list[str]:
    """Names of the kinds on clip labels that the configuration can name; sorted."""
    return sorted(kind for kind, entry in _known().items() if "OPTIONS" in entry.values)


@cache
def kind_options(kind: str) -> type[Settings]:
    """Return the model of the options of a kind that there is."""
    return options_model(kind, _known()[kind].values["OPTIONS"])


@cache
def _known() -> dict[str, Declared]:
    return declared("dfprobe.heads.kinds", {"STREAMS": tuple}, {"OPTIONS": dict})

"""The kinds of heads: found by looking at the files of the package.

A kind is a module that declares ``STREAMS``, a literal tuple, at top level; one that
entries of ``heads`` can name also declares ``OPTIONS``, a literal dictionary. They are
read from the source text, so that checking a configuration imports no torch.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from dfprobe.settings.declarations import declared
from dfprobe.settings.model import Settings
from dfprobe.settings.options import options_model

_FOLDER = Path(__file__).parents[1] / "heads/kinds"

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
    return sorted(declared(_FOLDER, "STREAMS"))


def streams(kind: str) -> tuple[int, ...]:
    """How many encoders' features a kind can read."""
    numbers: tuple[int, ...] = declared(_FOLDER, "STREAMS")[kind]["STREAMS"]
    return numbers


def kinds() -> list[str]:
    """Names of the kinds on clip labels that the configuration can name; sorted."""
    return sorted(declared(_FOLDER, "OPTIONS"))


@cache
def kind_options(kind: str) -> type[Settings]:
    """Return the model of the options of a kind that there is."""
    return options_model(kind, declared(_FOLDER, "OPTIONS")[kind]["OPTIONS"])

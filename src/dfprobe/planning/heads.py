"""The heads of a run, and the files of each."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from dfprobe import products
from dfprobe.planning.specs import heads_of
from dfprobe.settings.config import Config


@dataclass(frozen=True)
class Head:
    """A head on each of some encoders, trained and tested on each of some corpora."""

    name: str  # in paths
    encoders: tuple[str, ...]  # or pairs of them, a+b
    train: tuple[str, ...]
    test: tuple[str, ...]

    def files(self) -> list[str]:
        """Head files."""
        return self._trained(products.head)

    def histories(self) -> list[str]:
        """Losses per epoch."""
        return self._trained(products.history)

    def val_scores(self) -> list[str]:
        """Scores of the validation clips."""
        return self._trained(products.val_scores)

    def scores(self) -> list[str]:
        """Scores of the test clips."""
        return self._tested(products.scores)

    def curves(self) -> list[str]:
        """Logits over time of the test clips."""
        return self._tested(products.curves)

    def _trained(self, path: Callable[[str, str, str], str]) -> list[str]:
        return [path(self.name, *names) for names in product(self.encoders, self.train)]

    def _tested(self, path: Callable[[str, str, str, str], str]) -> list[str]:
        names = product(self.encoders, self.train, self.test)
        return [path(self.name, *of_one) for of_one in names]


def of_entry(config: Config, entry: str) -> list[Head]:
    """Return the heads of an entry of ``heads``, one per seed."""
    encoders = config.heads[entry].encoders
    return [
        Head(name, encoders, config.train, config.test)
        for name in heads_of(config, entry)
    ]


def on_labels(config: Config) -> list[Head]:
    """Return all heads that learn from labelled clips, that of the matrix first."""
    return [head for entry in config.heads for head in of_entry(config, entry)]


def of_matrix(config: Config) -> Head:
    """Return the head of the matrix, which is trained on all encoders."""
    return on_labels(config)[0]

"""Where the workflow puts what, and which of the names there a configuration knows."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from dfprobe import products
from dfprobe.planning import anomaly, specs
from dfprobe.planning.heads import on_labels
from dfprobe.settings import corpus_layouts, encoder_families
from dfprobe.settings.config import Config


@dataclass(frozen=True)
class Named:
    """What some configurations name, taken together.

    Parameters
    ----------
    encoders, heads, detectors : frozenset of str
        Names in paths.
    corpora : dict of str to int
        Number of shards of each corpus.
    modules : frozenset of str
        Modules of the encoder families and the corpus layouts.
    """

    encoders: frozenset[str]
    heads: frozenset[str]
    detectors: frozenset[str]
    corpora: dict[str, int]
    modules: frozenset[str]

    @classmethod
    def by(cls, configs: Iterable[Config]) -> Self:
        """Collect the names of complete configurations."""
        encoders, heads, detectors, modules = (set[str]() for _ in range(4))
        corpora: dict[str, int] = {}
        for config in configs:
            encoders.update(config.encoders)
            heads.update(head.name for head in on_labels(config))
            if config.anomaly is not None:
                heads.update(head.name for head in anomaly.scored(config))
            detectors.update(config.external)
            for name, corpus in config.corpora.items():
                corpora[name] = max(corpora.get(name, 0), corpus.shards)
                modules.add(corpus_layouts.module(corpus.layout))
            for encoder in specs.computed_encoders(config).values():
                modules.add(encoder_families.module(encoder.family))
        return cls(
            frozenset(encoders),
            frozenset(heads),
            frozenset(detectors),
            corpora,
            frozenset(modules),
        )

    def knows(self, wildcard: str, names: tuple[str, ...]) -> bool:
        """Whether a configuration gives the last of these nested names.

        Parameters
        ----------
        wildcard : str
            What the name stands for, as in the paths of `dfprobe.products`.
        names : tuple of str
            Names of the folders below the place, and of the entry.
        """
        name = names[-1]
        match wildcard:
            case "corpus" | "train" | "test":
                return name in self.corpora
            case "encoder" | "layered":
                return self.encoders.issuperset(name.split("+"))
            case "head":
                return name in self.heads
            case "detector":
                return name in self.detectors
            case "detector_train":  # a corpus of others has any name
                return True
            case "shard":
                return not name.isdigit() or int(name) < self.corpora[names[-2]]
        raise ValueError(f"gc knows no names of the wildcard {wildcard}")


@dataclass(frozen=True)
class Place:
    """A folder of products.

    Parameters
    ----------
    folder : str
        Relative to the working directory.
    levels : tuple of str
        Wildcard that the names stand for, for each level of folders below.
    suffixes : tuple of str
        What follows the name in the names of files.
    """

    folder: str
    levels: tuple[str, ...]
    suffixes: tuple[str, ...]


def places() -> Iterator[Place]:
    """Yield the folders of all products that stand for one encoder, corpus or head.

    The logs and benchmarks of their jobs lie as the products do.
    """
    suffixes: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for pattern in products.NAMED:
        folder, levels, suffix = _parts(pattern)
        suffixes.setdefault((folder, levels), []).extend(filter(None, [suffix]))
    for (folder, levels), found in suffixes.items():
        below = Path(folder).relative_to(products.RESULTS)
        yield Place(folder, levels, tuple(found))
        yield Place(f"{products.LOGS}/{below}", levels, (".log",))
        yield Place(f"{products.BENCHMARKS}/{below}", levels, (".tsv",))


def _parts(pattern: str) -> tuple[str, tuple[str, ...], str]:
    """Folder before the first wildcard, the nested wildcards, what follows the last."""
    folder, first, rest = pattern.partition("/{")
    levels, suffix = [], ""
    for part in (first[1:] + rest).split("/"):
        found = re.fullmatch(r"\{(\w+)\}(.*)", part)
        if found is None:  # the same name for all: index.js
            break
        levels.append(found[1])
        suffix = found[2]
    return folder, tuple(levels), suffix

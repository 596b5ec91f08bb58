"""Where the workflow puts what, and which of the names there a configuration knows."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from dfprobe import products
from dfprobe.planning import anomaly, specs
from dfprobe.planning.heads import on_labels
from dfprobe.settings import corpus_layouts, encoder_families
from dfprobe.settings.config import Config


@dataclass(frozen=True)
class Named:
    """What some configurations name, taken together."""

    encoders: set[str] = field(default_factory=set)
    heads: set[str] = field(default_factory=set)
    detectors: set[str] = field(default_factory=set)
    corpora: dict[str, int] = field(default_factory=dict)  # name -> number of shards
    modules: set[str] = field(default_factory=set)  # of encoder families and layouts

    @classmethod
    def by(cls, configs: Iterable[Config]) -> Self:
        """Collect the names of complete configurations."""
        named = cls()
        for config in configs:
            named.encoders.update(config.encoders)
            named.heads.update(head.name for head in on_labels(config))
            if config.anomaly is not None:
                named.heads.update(head.name for head in anomaly.scored(config))
            named.detectors.update(config.external)
            for name, corpus in config.corpora.items():
                named.corpora[name] = max(named.corpora.get(name, 0), corpus.shards)
                named.modules.add(corpus_layouts.module(corpus.layout))
            for encoder in specs.computed_encoders(config).values():
                named.modules.add(encoder_families.module(encoder.family))
        return named

    def knows(self, wildcard: str, names: tuple[str, ...]) -> bool:
        """Whether a configuration gives the last of these nested names.

        ``wildcard`` is what it stands for in the paths of `dfprobe.products`; ``names``
        are those of the folders below the place, and of the entry.
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
    """A folder of products."""

    folder: str  # relative to the working directory
    levels: tuple[str, ...]  # wildcard of the names, for each level of folders below
    suffixes: tuple[str, ...]  # what follows the name in the names of files


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

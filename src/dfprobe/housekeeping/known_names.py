"""Where the workflow puts what, and which of the names there a configuration knows."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Self

from dfprobe.planning import specs

# Whether the last of these folder and file names stands for something named.
Known = Callable[[tuple[str, ...]], bool]


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
    def by(cls, configs: Iterable[dict[str, Any]]) -> Self:
        """Collect the names of complete configurations."""
        encoders, heads, detectors, modules = (set[str]() for _ in range(4))
        corpora: dict[str, int] = {}
        for config in configs:
            encoders.update(config["encoders"])
            heads.update(h for e in config["heads"] for h in specs.heads_of(config, e))
            if config["anomaly"] is not None:
                heads.update(("next_token", "next_token_mean", "sync"))
            detectors.update(config["external"])
            for name, corpus in config["corpora"].items():
                corpora[name] = max(corpora.get(name, 0), corpus["shards"])
                modules.add(f"dfprobe.corpora.layouts.{corpus['layout']}")
            computed = (
                n for n in config["encoders"] if not specs.from_files(config, n)
            )
            used = {config["encoders"][name]["family"] for name in computed}
            modules.update(f"dfprobe.encoders.families.{family}" for family in used)
        return cls(
            frozenset(encoders),
            frozenset(heads),
            frozenset(detectors),
            corpora,
            frozenset(modules),
        )


@dataclass(frozen=True)
class Place:
    """A folder of products.

    Parameters
    ----------
    folder : str
        Relative to ``results/``.
    levels : tuple of callable
        Whether a name is known, for each level of names below the folder.
    suffixes : tuple of str
        How the names of files there go on.
    """

    folder: str
    levels: tuple[Known, ...]
    suffixes: tuple[str, ...]


def places(named: Named) -> Iterator[Place]:
    """Yield the folders of all products that stand for one encoder, corpus or head."""

    def encoder(names: tuple[str, ...]) -> bool:
        return names[-1] in named.encoders

    def row(names: tuple[str, ...]) -> bool:
        return named.encoders.issuperset(names[-1].split("+"))

    def corpus(names: tuple[str, ...]) -> bool:
        return names[-1] in named.corpora

    def shard(names: tuple[str, ...]) -> bool:
        return not names[-1].isdigit() or int(names[-1]) < named.corpora[names[-2]]

    def head(names: tuple[str, ...]) -> bool:
        return names[-1] in named.heads

    def detector(names: tuple[str, ...]) -> bool:
        return names[-1] in named.detectors

    heads = (".safetensors", ".curve.csv", ".val.parquet")
    pictures = (".png", ".svg", ".pdf")
    scored = (head, row, corpus, corpus)
    for place in (
        Place("manifests", (corpus,), (".parquet",)),
        Place("facts", (corpus, shard), (".parquet",)),
        Place("audit", (corpus,), (".html",)),
        Place("crops", (corpus, shard), (".h5", ".parquet")),
        Place("features", (encoder, corpus, shard), (".zarr.zip",)),
        Place("heads", (head, row, corpus), heads),
        Place("scores", scored, (".parquet",)),
        Place("scores/external", (detector, lambda _: True, corpus), (".parquet",)),
        Place("curves", scored, (".parquet",)),
        Place("layers", (encoder,), (".csv",)),
        Place("spatial", (encoder, corpus, corpus), (".parquet",)),
    ):
        yield place
        yield Place(f"logs/{place.folder}", place.levels, (".log",))
        yield Place(f"benchmarks/{place.folder}", place.levels, (".tsv",))
    yield Place("report/clips", (corpus,), ())
    yield Place("figures/layers", (encoder,), pictures)
    yield Place("figures/temporal", (corpus,), pictures)
    yield Place("figures/overlays", (corpus,), pictures)

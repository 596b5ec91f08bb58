"""Lists of the files that corpora have one of per shard."""

from collections.abc import Callable, Iterable
from functools import partial

from dfprobe import products
from dfprobe.planning.specs import shards
from dfprobe.settings.config import Config


def facts(config: Config, corpora: Iterable[str]) -> list[str]:
    """Facts about the files of corpora."""
    return _per_shard(config, corpora, products.facts)


def crops(config: Config, corpora: Iterable[str]) -> list[str]:
    """Crops of corpora."""
    return _per_shard(config, corpora, products.crops)


def crop_indexes(config: Config, corpora: Iterable[str]) -> list[str]:
    """Indexes of the crops of corpora."""
    return _per_shard(config, corpora, products.crop_index)


def features(config: Config, encoder: str, corpora: Iterable[str]) -> list[str]:
    """Features of an encoder on corpora."""
    return _per_shard(config, corpora, partial(products.features, encoder))


def stream_features(config: Config, row: str, place: int, corpus: str) -> list[str]:
    """Features of the encoder at a place of ``a+b``; none where the row has fewer."""
    encoders = row.split("+")[place : place + 1]
    return [path for name in encoders for path in features(config, name, [corpus])]


def _per_shard(
    config: Config, corpora: Iterable[str], path: Callable[[str, str], str]
) -> list[str]:
    return [path(name, shard) for name in corpora for shard in shards(config, name)]

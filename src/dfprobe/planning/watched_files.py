"""Digests of files that no rule makes, so that one that came or went is noticed."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from dfprobe import products
from dfprobe.settings.config import Config
from dfprobe.settings.encoders import FeatureFiles
from dfprobe.settings.file_streams import folder_of
from dfprobe.store.listing import changes_since


def files_state(config: Config, encoder: str, corpus: str) -> str:
    """Digest of an encoder's feature files, or "not watched"."""
    entry = config.encoders[encoder]
    if not config.corpora[corpus].watch or not isinstance(entry, FeatureFiles):
        return "not watched"
    folder = folder_of(entry.root, corpus)
    return _digest("\n".join(sorted(_states(Path(folder)))))


def corpus_state(config: Config, corpus: str) -> str:
    """Digest of the files of a corpus, or "not watched".

    A generated corpus is compared with the generator's own list, and gives a constant
    as long as nobody touched it (also before it was generated).
    """
    entry = config.corpora[corpus]
    if not entry.watch:
        return "not watched"
    if entry.demo is not None:
        listing = Path(products.demo_listing(corpus))
        return _digest(changes_since(listing, listing.with_suffix("")))
    folders = [entry.root, *([entry.splits] if entry.splits else [])]
    lines = [line for folder in folders for line in _states(Path(folder))]
    return _digest("\n".join(sorted(lines)))


def _states(folder: Path) -> Iterator[str]:
    for parent, _, names in os.walk(folder):
        for path in (Path(parent, name) for name in names):
            state = path.lstat()
            yield f"{path.as_posix()}\t{state.st_size}\t{state.st_mtime_ns}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()

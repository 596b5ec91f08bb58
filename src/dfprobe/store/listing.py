"""The list of a generated corpus's files, and whether they are still as generated.

The list lies beside the folder of the corpus: ``demo/favc.tsv`` and ``demo/favc/``.
Planning reads it, so this module imports nothing heavy.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_TEXT = frozenset({".csv", ".json", ".txt"})


def listing_text(folder: Path, files: Iterable[Path]) -> str:
    """Lines ``size<TAB>digest<TAB>path``, sorted by path.

    Parameters
    ----------
    folder : Path
        Folder of the corpus, its lists and its ground truth.
    files : iterable of Path
        Files below it. Metadata are listed with the start of their SHA-256, media
        with ``-``: reading them all would make planning slow.
    """
    paths = sorted((file.relative_to(folder).as_posix(), file) for file in files)
    return "".join(
        f"{file.stat().st_size}\t{_digest(file)}\t{path}\n" for path, file in paths
    )


def changes_since(listing: Path, folder: Path) -> str:
    """Lines of the files that were added, removed or changed since a corpus was made.

    Returns
    -------
    str
        Empty if nothing did, or if the corpus was not generated yet.
    """
    if not listing.exists():
        return ""
    listed = set(listing.read_text(encoding="utf-8").splitlines())
    found = set(listing_text(folder, _visible_files(folder)).splitlines())
    return "\n".join(sorted(found ^ listed))


def _digest(file: Path) -> str:
    if file.suffix not in _TEXT:
        return "-"
    return hashlib.sha256(file.read_bytes()).hexdigest()[:16]


def _visible_files(folder: Path) -> Iterator[Path]:
    """Files but for hidden ones, such as the generator's own record."""
    for parent, _, names in os.walk(folder):
        yield from (Path(parent, name) for name in names if not name.startswith("."))

"""``dfprobe gc``: products of encoders, corpora and heads that no config names.

A file counts as a leftover only where the workflow would write it, under a name that
the workflow could have given. Symbolic links are not followed, so that nothing outside
the results folder is read or removed. Generated corpora stay.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from dfprobe import products
from dfprobe.code import import_closure
from dfprobe.errors import DataError
from dfprobe.housekeeping.known_names import Named, Place, places
from dfprobe.settings import corpus_layouts, encoder_families
from dfprobe.settings.complete import read_config

_LOCKS = Path(".snakemake/locks")
_PACKAGE = Path(__file__).parents[1]
_ID = "[a-z0-9][a-z0-9_-]*"
# `lfcc`, `a+b`, `000.zarr.zip`, `.000.zarr.zip.kept`: the name, and what follows it
_ENTRY = re.compile(rf"\.?({_ID}(?:\+{_ID})*)(\..*)?")


@dataclass(frozen=True)
class Leftover:
    """A file, folder or link to delete."""

    path: Path  # relative to the working directory
    size: int  # bytes; a file with several hard links counts once, a link as zero


def collect_garbage(configfiles: list[Path], delete: bool) -> None:
    """Print the leftovers, and delete them on request.

    What any of the configurations names is kept.

    Raises
    ------
    ConfigError
        If a configuration does not exist or is not valid.
    DataError
        If a run is in progress, or a file cannot be deleted.
    """
    if delete:
        _refuse_during_a_run()
    found = leftovers(Named.by(read_config(path) for path in configfiles))
    for leftover in found:
        sys.stdout.write(f"{_readable(leftover.size):>10}  {leftover.path}\n")
    total = _readable(sum(leftover.size for leftover in found))
    kept = " or ".join(map(str, configfiles))
    sys.stdout.write(f"{total:>10}  in total, not named in {kept}\n")
    if delete:
        for leftover in found:
            _remove(leftover.path)
    elif found:
        sys.stdout.write("Nothing was deleted; add --delete to delete these.\n")


def leftovers(named: Named) -> list[Leftover]:
    """Find the products that no configuration names, ordered by path."""
    paths = set(_unused_stamps(named))
    known = list(places())
    folders = {Path(place.folder) for place in known}
    for place in known:
        if not _behind_a_link(Path(place.folder)):
            paths.update(_unnamed(Path(place.folder), place, (), named, folders))
    seen: set[tuple[int, int]] = set()
    return [Leftover(path, _size(path, seen)) for path in sorted(paths)]


def _unnamed(
    folder: Path,
    place: Place,
    above: tuple[str, ...],
    named: Named,
    folders: set[Path],
) -> Iterator[Path]:
    """Entries of a folder and its subfolders that no configuration names."""
    level = place.levels[len(above)]
    for entry in _entries(folder):
        path = folder / entry.name
        name = _name(entry, place.suffixes)
        if name is None or path in folders:  # not ours, or a place of its own
            continue
        names = (*above, name)
        if not named.knows(level, names):
            yield path
        elif entry.is_dir(follow_symlinks=False) and len(names) < len(place.levels):
            yield from _unnamed(path, place, names, named, folders)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return list(entries)


def _name(entry: os.DirEntry[str], suffixes: tuple[str, ...]) -> str | None:
    """Name that an entry stands for; None if the workflow gives no such name."""
    found = _ENTRY.fullmatch(entry.name)
    if found is None:
        return None
    name, rest = found.groups()
    if rest is None:
        linked = entry.is_symlink()
        folder = linked or entry.is_dir(follow_symlinks=False)
        return name if folder and entry.name == name else None
    return name if rest.startswith(suffixes) else None


def _behind_a_link(folder: Path) -> bool:
    """Whether a folder, or one above it, is a link below the results."""
    return any(path.is_symlink() for path in [folder, *folder.parents][:-2])


def _unused_stamps(named: Named) -> Iterator[Path]:
    """Code stamps of deleted modules, and of families and layouts not in use."""
    root = Path(products.CODE)
    if _behind_a_link(root):
        return
    used, unused = map(_files, (named.modules, _unused_modules(named)))
    for parent, _, names in os.walk(root):
        for path in (Path(parent, name) for name in names):
            inside = path.relative_to(root)
            gone = not (_PACKAGE.parent / inside).exists()
            if inside in unused or (gone and inside not in used):
                yield path


def _unused_modules(named: Named) -> set[str]:
    optional = {
        encoder_families.module(family) for family in encoder_families.families()
    }
    optional |= {corpus_layouts.module(layout) for layout in corpus_layouts.layouts()}
    files = (path.relative_to(_PACKAGE) for path in _PACKAGE.rglob("[!_]*.py"))
    modules = {".".join(("dfprobe", *path.with_suffix("").parts)) for path in files}
    return optional - set(import_closure((modules - optional) | named.modules))


def _files(modules: Iterable[str]) -> set[Path]:
    return {Path(*module.split(".")).with_suffix(".py") for module in modules}


def _size(path: Path, seen: set[tuple[int, int]]) -> int:
    """Bytes of the files at or below a path that were not counted as another link."""
    files = [path]
    if path.is_dir() and not path.is_symlink():
        files = [Path(p, name) for p, _, names in os.walk(path) for name in names]
    total = 0
    for file in (file for file in files if not file.is_symlink()):
        state = file.stat()
        if (state.st_dev, state.st_ino) not in seen:
            seen.add((state.st_dev, state.st_ino))
            total += state.st_size
    return total


def _readable(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def _refuse_during_a_run() -> None:
    if any(_entries(_LOCKS)):
        raise DataError(
            f"a run is in progress in {Path.cwd()}, or was killed ({_LOCKS} is not "
            "empty). Wait for it, or run `snakemake --unlock`; nothing was deleted."
        )


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)  # deletes links in it, follows none
        else:
            path.unlink()
    except OSError as error:
        raise DataError(
            f"{path} cannot be deleted ({error.strerror}); the entries listed above it "
            "have been deleted."
        ) from error

"""``dfprobe gc``: products of encoders, corpora and heads that no config names.

Only what lies where the workflow puts it, under a name that the workflow could have
given, is taken for a leftover. Links are not followed, so that nothing outside
``results/`` is looked at or removed. Generated videos (``results/demo``) stay.
"""

import os
import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dfprobe.code import import_closure
from dfprobe.config import read_config
from dfprobe.errors import DataError
from dfprobe.housekeeping.known_names import Named, Place, places
from dfprobe.planning import code_stamps
from dfprobe.settings.corpus_layouts import layouts
from dfprobe.settings.encoder_families import families

_RESULTS = Path("results")
_LOCKS = Path(".snakemake/locks")
_PACKAGE = Path(__file__).parents[1]
_ID = "[a-z0-9][a-z0-9_-]*"
# `lfcc`, `a+b`, `000.zarr.zip`, `.000.zarr.zip.kept`: the name, and what follows it
_ENTRY = re.compile(rf"\.?({_ID}(?:\+{_ID})*)(\..*)?")


@dataclass(frozen=True)
class Leftover:
    """A file, folder or link to remove.

    Parameters
    ----------
    path : Path
        Relative to the working directory.
    size : int
        Bytes; a file that has a second name counts once, a link nothing.
    """

    path: Path
    size: int


def collect_garbage(configfiles: list[Path], delete: bool) -> None:
    """Print the leftovers, and remove them where told to.

    Parameters
    ----------
    configfiles : list of Path
        Configurations whose results lie here: what any of them names is kept.
    delete : bool
        False only lists.

    Raises
    ------
    ConfigError
        If a configuration is not there or is not valid.
    DataError
        If a run is going on, or a file cannot be removed.
    """
    if delete:
        _refuse_during_a_run()
    found = leftovers(Named.by(read_config(path) for path in configfiles))
    for leftover in found:
        sys.stdout.write(f"{_readable(leftover.size):>10}  {leftover.path}\n")
    total = _readable(sum(leftover.size for leftover in found))
    kept = " or ".join(map(str, configfiles))
    sys.stdout.write(f"{total:>10}  in all that {kept} does not name\n")
    if delete:
        for leftover in found:
            _remove(leftover.path)
    elif found:
        sys.stdout.write("Nothing was removed; with --delete it is.\n")


def leftovers(named: Named) -> list[Leftover]:
    """Find what no configuration names below ``results/``, ordered by path."""
    paths = set(_unused_stamps(named))
    known = list(places(named))
    folders = {_RESULTS / place.folder for place in known}
    for place in known:
        if not _behind_a_link(place.folder):
            paths.update(_unnamed(_RESULTS / place.folder, place, (), folders))
    seen: set[tuple[int, int]] = set()
    return [Leftover(path, _size(path, seen)) for path in sorted(paths)]


def _unnamed(
    folder: Path, place: Place, above: tuple[str, ...], folders: set[Path]
) -> Iterator[Path]:
    """Entries of a folder, and of those in it, that nothing names."""
    level = place.levels[len(above)]
    for entry in _entries(folder):
        path = folder / entry.name
        name = _name(entry, place.suffixes)
        if name is None or path in folders:  # not ours, or a place of its own
            continue
        names = (*above, name)
        if not level(names):
            yield path
        elif entry.is_dir(follow_symlinks=False) and len(names) < len(place.levels):
            yield from _unnamed(path, place, names, folders)


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    if not folder.is_dir():
        return []
    with os.scandir(folder) as entries:
        return list(entries)


def _name(entry: os.DirEntry[str], suffixes: tuple[str, ...]) -> str | None:
    """Name that a file or folder stands for, None if the workflow gives no such one."""
    found = _ENTRY.fullmatch(entry.name)
    if found is None:
        return None
    name, rest = found.groups()
    if rest is None:
        linked = entry.is_symlink()
        folder = linked or entry.is_dir(follow_symlinks=False)
        return name if folder and entry.name == name else None
    return name if rest.startswith(suffixes) else None


def _behind_a_link(folder: str) -> bool:
    path = _RESULTS
    for part in Path(folder).parts:
        path /= part
        if path.is_symlink():
            return True
    return False


def _unused_stamps(named: Named) -> Iterator[Path]:
    """Code stamps of modules that are gone, or of families and layouts not named."""
    root = code_stamps.CODE_FOLDER / _PACKAGE.name
    if _behind_a_link(root.relative_to(_RESULTS).as_posix()):
        return
    unused = {_file(module) for module in _unused_modules(named)}
    for parent, _, names in os.walk(root):
        for path in (Path(parent, name) for name in names):
            inside = path.relative_to(root)
            if inside in unused or not (_PACKAGE / inside).exists():
                yield path


def _unused_modules(named: Named) -> set[str]:
    optional = {f"dfprobe.encoders.families.{family}" for family in families()}
    optional |= {f"dfprobe.corpora.layouts.{layout}" for layout in layouts()}
    files = (path.relative_to(_PACKAGE) for path in _PACKAGE.rglob("[!_]*.py"))
    modules = {".".join(("dfprobe", *path.with_suffix("").parts)) for path in files}
    return optional - set(import_closure((modules - optional) | named.modules))


def _file(module: str) -> Path:
    return Path(*module.split(".")[1:]).with_suffix(".py")


def _size(path: Path, seen: set[tuple[int, int]]) -> int:
    """Bytes of the files at or below a path that were not seen under another name."""
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
            f"a run is going on in {Path.cwd()}, or was killed ({_LOCKS} is not "
            "empty). Wait for it, or say `snakemake --unlock`; nothing was removed."
        )


def _remove(path: Path) -> None:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)  # removes links in it, and follows none
        else:
            path.unlink()
    except OSError as error:
        raise DataError(
            f"{path} cannot be removed ({error.strerror}); what stands above it in the "
            "list is removed already."
        ) from error

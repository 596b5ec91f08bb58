"""The files of a corpus: which there are, that they lie inside it, what they hold."""

import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

from dfprobe.clip_ids import leaves_root
from dfprobe.errors import DataError
from dfprobe.progress import Progress
from dfprobe.store.files import sha256_of

MISSING = "missing"  # content key of a clip that is listed but not on disk
VIDEO_SUFFIXES = (
    *(".3gp", ".avi", ".flv", ".m4v", ".mkv", ".mov"),
    *(".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv"),
)


def video_files(root: Path, folder: str = "", links: str = "inside") -> list[str]:
    """Sorted paths of the video files under a folder, as `files_under` yields them."""
    return sorted(
        file
        for file in files_under(root, folder, links)
        if posixpath.splitext(file)[1].lower() in VIDEO_SUFFIXES
    )


def files_under(root: Path, folder: str, links: str = "inside") -> Iterator[str]:
    """Yield every file below ``root / folder`` as a path relative to ``root``.

    A link to a folder inside the corpus is not followed, since what it leads to is
    found in its own place. A link to a folder outside it raises DataError; with
    ``links="anywhere"`` it is followed, but only once and to no folder above the root.
    """
    real_root = os.path.realpath(root)
    waiting, followed = [folder], {real_root}
    while waiting:
        here = waiting.pop()
        with _entries(root / here) as entries:
            for entry in entries:
                file = f"{here}/{entry.name}" if here else entry.name
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(file)
                elif not (entry.is_symlink() and Path(entry).is_dir()):
                    yield file
                elif links == "inside":
                    _refuse_outside(file, root, real_root)
                elif _leads_on(target := os.path.realpath(root / file), followed):
                    followed.add(target)
                    waiting.append(file)


def _entries(folder: Path) -> AbstractContextManager[Iterator[os.DirEntry[str]]]:
    try:
        return os.scandir(folder)
    except OSError as error:
        raise DataError(
            f"{folder}: expected a folder that can be read, got {error}. Mend its "
            "permissions."
        ) from error


def _leads_on(target: str, followed: set[str]) -> bool:
    """Whether a linked folder is apart from the root and all that was followed."""
    return not any(
        os.path.commonpath([target, other]) in (target, other) for other in followed
    )


def content_keys(
    corpus: str, files: list[str], root: Path, kind: str, links: str = "inside"
) -> list[str]:
    """Return for each file what tells whether it has changed.

    Parameters
    ----------
    corpus : str
        Name of the corpus, for progress lines.
    files : list of str
        Plain paths relative to ``root``.
    kind : str
        ``"stat"``: size in bytes and modification time in nanoseconds; ``"hash"``:
        SHA-256 of the content.
    links : str
        ``"inside"`` refuses links that lead out of the corpus, ``"anywhere"`` does not.

    Returns
    -------
    list of str
        ``"missing"`` where there is no such file.

    Raises
    ------
    DataError
        If a link leads out of the corpus, or a file cannot be looked at.
    """
    progress = Progress(f"content keys {corpus}", len(files))
    locator = _Locator(root, links)
    keys = []
    for file in files:
        try:
            state = locator.state(file)
            if state is None:
                keys.append(MISSING)
            elif kind == "hash":
                keys.append(sha256_of(root / file))
            else:
                keys.append(f"{state.st_size}-{state.st_mtime_ns}")
        except OSError as error:
            raise DataError(
                f"Clip {file!r} of {root}: expected a file that can be read, got "
                f"{error}. Mend the file or its permissions."
            ) from error
        progress.step()
    return keys


class _Locator:
    """Looks up files of a corpus, with each folder checked for links only once."""

    def __init__(self, root: Path, links: str) -> None:
        self._root = root
        self._links = links
        self._real_root = os.path.realpath(root)
        self._is_folder = {"": True}

    def state(self, file: str) -> os.stat_result | None:
        """State of a file (of its target if it is a link); None if there is none."""
        folder = file.rpartition("/")[0]
        if not (self._is_folder.get(folder) or self._has_folder(folder)):
            return None
        state = self._followed(file)
        return state if state is not None and stat.S_ISREG(state.st_mode) else None

    def _has_folder(self, folder: str) -> bool:
        if folder not in self._is_folder:
            state = None
            if self._has_folder(posixpath.dirname(folder)):
                state = self._followed(folder)
            found = state is not None and stat.S_ISDIR(state.st_mode)
            self._is_folder[folder] = found
        return self._is_folder[folder]

    def _followed(self, file: str) -> os.stat_result | None:
        path = f"{self._root}/{file}"
        try:
            state = os.lstat(path)
            if stat.S_ISLNK(state.st_mode):
                if self._links == "inside":
                    _refuse_outside(file, self._root, self._real_root)
                state = Path(path).stat()
        except FileNotFoundError:
            return None
        return state


def _refuse_outside(file: str, root: Path, real_root: str) -> None:
    target = os.path.realpath(root / file)
    if os.path.commonpath([target, real_root]) != real_root:
        raise leaves_root(file, target, root)

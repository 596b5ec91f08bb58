"""The generator's own record: what it has made, so that it can resume and clean up.

The record is a JSON file beside the corpus root. Before a source is made, the paths of
its files are noted (size null); when it is whole, their sizes and the source's key.
Only noted files are ever overwritten or removed.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from dfprobe.errors import DataError
from dfprobe.store.files import write_whole


class Record:
    """Files of one demo corpus that the generator wrote.

    ``base`` is the folder that holds the corpus root ``root_name``; paths in the record
    are relative to it.
    """

    def __init__(self, base: Path, root_name: str) -> None:
        self._base = base
        self._path = base / f".{root_name}.made.json"
        self._sizes: dict[str, int | None] = {}  # path: bytes, None = not finished
        self._keys: dict[str, str] = {}  # source: key it was made with
        if self._path.exists():
            stored = json.loads(self._path.read_text(encoding="utf-8"))
            self._sizes, self._keys = stored["files"], stored["sources"]

    def _save(self) -> None:
        with write_whole(self._path) as draft:
            stored = {"files": self._sizes, "sources": self._keys}
            text = json.dumps(stored, indent=0, sort_keys=True)
            draft.write_text(text, encoding="utf-8")

    def _names(self, files: Iterable[Path]) -> list[str]:
        return [file.relative_to(self._base).as_posix() for file in files]

    def holds(self, source: str, key: str, files: Iterable[Path]) -> bool:
        """Whether a source was made with this key and all its files still stand."""
        if self._keys.get(source) != key:
            return False
        return all(map(self._stands, self._names(files)))

    def _stands(self, name: str) -> bool:
        file = self._base / name
        return file.is_file() and file.stat().st_size == self._sizes.get(name)

    def begin(self, source: str, files: Iterable[Path]) -> None:
        """Note the files that are about to be written.

        Raises
        ------
        DataError
            If one of them exists and is not the generator's.
        """
        names = self._names(files)
        for name in names:
            if name not in self._sizes and (self._base / name).exists():
                raise DataError(
                    f"{self._base / name}: expected no file here but a demo file, got "
                    "a file that the generator did not write. Give the demo corpus "
                    "another root, or move the file away."
                )
        self._keys.pop(source, None)
        self._sizes.update(dict.fromkeys(names))
        self._save()

    def finish(self, source: str, key: str, files: Iterable[Path]) -> None:
        """Note that a source's files are whole."""
        for name in self._names(files):
            self._sizes[name] = (self._base / name).stat().st_size
        self._keys[source] = key
        self._save()

    def remove_others(self, keep: Iterable[Path]) -> None:
        """Remove files of earlier specs; one that has changed since is left alone."""
        for name in sorted(set(self._sizes) - set(self._names(keep))):
            file, size = self._base / name, self._sizes.pop(name)
            if file.is_file() and size in (None, file.stat().st_size):
                file.unlink()
                self._prune(file.parent)
        self._save()

    def _prune(self, folder: Path) -> None:
        """Remove folders that became empty, up to the base."""
        while folder != self._base and not any(folder.iterdir()):
            folder.rmdir()
            folder = folder.parent

"""Hashes: of large files, remembered by path, size and time, and of settings."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from dfprobe import products
from dfprobe.store.files import write_whole

MEMORY = Path(products.FILE_HASHES)


def digest(path: Path, algorithm: str) -> str:
    """Hash of a file, computed only if its path, size or time is not remembered.

    Parameters
    ----------
    path : Path
        A file that is there.
    algorithm : str
        ``sha256`` or ``md5``.
    """
    state = path.stat()
    name = f"{algorithm} {path.resolve()} {state.st_size} {state.st_mtime_ns}"
    memory = _memory(MEMORY.absolute())
    if name not in memory:
        with path.open("rb") as file:
            memory[name] = hashlib.file_digest(file, algorithm).hexdigest()
        with write_whole(MEMORY) as draft:
            draft.write_text(json.dumps(memory, indent=1), encoding="utf-8")
    return memory[name]


def key_of(parts: Mapping[str, object]) -> str:
    """Hash of JSON values that change some numbers: 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


@cache
def _memory(path: Path) -> dict[str, str]:
    """Hashes that an earlier process found; none where they cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

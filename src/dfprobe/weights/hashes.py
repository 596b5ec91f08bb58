"""Hashes of the content of weights, remembered by path, size and time."""

import hashlib
import json
from functools import cache
from pathlib import Path

from dfprobe.store.files import write_whole
from dfprobe.weights.records import tensor_files

MEMORY = Path("results/weight_hashes.json")


def content_hash(weights: str) -> str | None:
    """SHA-256 over the files that hold the tensors of weights.

    Parameters
    ----------
    weights : str
        As a configuration names them: a file, a folder, or a hub id.

    Returns
    -------
    str or None
        64 hexadecimal digits, whatever the files are called; None where there are none.
    """
    files = tensor_files(weights)
    if not files:
        return None
    digests = [digest(path, "sha256") for path in files]
    joined = "\n".join(digests).encode()
    return digests[0] if len(files) == 1 else hashlib.sha256(joined).hexdigest()


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


@cache
def _memory(path: Path) -> dict[str, str]:
    """Hashes that an earlier process found; none where they cannot be read."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

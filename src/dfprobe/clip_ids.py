"""What a clip is called, its shard, and the hash that decides both."""

import hashlib
import posixpath
from collections.abc import Iterable
from pathlib import Path

from dfprobe.errors import DataError


def stable_hash(text: str) -> int:
    """First 64 bits of the SHA-256 of a text: the same on every machine and run."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def stable_fraction(text: str) -> float:
    """Hash of a text as a number in [0, 1)."""
    return (stable_hash(text) >> 11) / 2**53


def clip_id_of(file: str) -> str:
    """Clip id of a file: its path relative to the root without the suffix.

    Examples
    --------
    >>> clip_id_of("1_fake/-take 2.final.mp4")
    '1_fake/-take 2.final'
    """
    return posixpath.splitext(file)[0]


def shard_of(clip_id: str, shards: int) -> str:
    """Shard of a clip, such as ``"004"``; other clips have no influence on it."""
    return f"{stable_hash(clip_id) % shards:03d}"


def check_plain(files: Iterable[str], root: Path) -> None:
    """Refuse paths that are not plainly relative, or that no table can hold.

    Raises
    ------
    DataError
        For a path that is absolute, has a ``..``, ``.`` or empty part, or is not text.
    """
    for file in files:
        if _is_plain(file):
            continue
        if not file or "\0" in file or not _is_text(file):
            raise DataError(
                f"Clip {file!r} of {root}: expected a file name in UTF-8, got bytes "
                "that are not. Rename the file."
            )
        if file.startswith("/") or ".." in file.split("/"):
            raise leaves_root(file, posixpath.join(root, file), root)
        raise DataError(
            f"Clip {file!r} of {root}: expected a path without '.' and empty parts, "
            f"such as {posixpath.normpath(file)!r}. Correct the table that names it."
        )


def _is_plain(file: str) -> bool:
    path = f"/{file}/"
    odd = "//" in path or "/./" in path or "/../" in path or "\0" in path
    return not odd and _is_text(file)


def _is_text(file: str) -> bool:
    try:
        file.encode()
    except UnicodeEncodeError:  # undecodable bytes of a file name
        return False
    return True


def leaves_root(file: str, path: str, root: Path) -> DataError:
    """Error for a file whose path leads out of the corpus."""
    return DataError(
        f"Clip {file!r}: expected a file inside the corpus folder {root}, got {path}. "
        "Put the file into the corpus folder, or set 'root' to the folder above both. "
        "Where a link may lead to another disk, set the option links: anywhere."
    )

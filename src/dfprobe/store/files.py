"""Files that are whole or absent, and the last whole version that is kept."""

import errno
import functools
import hashlib
import logging
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from dfprobe.errors import StorageError

log = logging.getLogger("dfprobe")

# A row of a table, as Polars gives and takes it: values of its columns by name.
Row: TypeAlias = dict[str, Any]


@contextmanager
def write_whole(path: Path) -> Iterator[Path]:
    """Give a temporary path beside ``path``; rename it to ``path`` on success.

    A reader never sees a half-written file. On an error the temporary file is removed;
    what a killed process left is removed by the next one that writes in its folder.

    Raises
    ------
    StorageError
        If the disk is full.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(path.parent)
    draft = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}.draft")
    try:
        with explain_full_disk(path):
            yield draft
            draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@functools.cache  # a folder is looked through once per process, it may be large
def _remove_abandoned(folder: Path) -> None:
    """Remove the drafts of processes of this machine that have ended."""
    for draft in folder.glob(".*.draft"):
        *name, pid = draft.name.removesuffix(".draft").split(".")
        ours = ".".join(name).endswith(f".{platform.node()}") and pid.isdecimal()
        if ours and not _is_alive(int(pid)):
            draft.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # someone else's
        return True
    return True


@contextmanager
def explain_full_disk(path: Path) -> Iterator[None]:
    """Turn the errors of a full disk into one sentence.

    Raises
    ------
    StorageError
        If the disk that ``path`` is on is full.
    """
    try:
        yield
    except Exception as error:
        if not _is_full_disk(error):
            raise
        raise StorageError(
            f"{path} cannot be written: the disk is full, or a quota or a limit on "
            f"the size of files is reached ({error}). Make room and run the workflow "
            "again: it goes on from here."
        ) from error


def reserve(path: Path, size: int) -> None:
    """Make a file of a size, or fail now where the disk has no room for it.

    For libraries that cannot be trusted to fail well later. Systems that cannot reserve
    room are not asked.

    Parameters
    ----------
    path : Path
        File to write; what it holds is lost.
    size : int
        Bytes.

    Raises
    ------
    OSError
        If the disk is full, or a limit on the size of files is reached.
    """
    if size and hasattr(os, "posix_fallocate"):
        with path.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)


def _is_full_disk(error: BaseException | None) -> bool:
    """Whether a lack of space is behind an error.

    Libraries that write files in C or Rust keep the system's words, not its number.
    """
    if error is None:
        return False
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    said = any(os.strerror(number) in str(error) for number in numbers)
    if said or (isinstance(error, OSError) and error.errno in numbers):
        return True
    return _is_full_disk(error.__cause__ or error.__context__)


def kept(path: Path) -> Path:
    """Second name under which the last whole version of a product is kept."""
    return path.with_name(f".{path.name}.kept")


def keep(path: Path) -> None:
    """Give a whole product its second name, so that the next run can reuse it.

    Snakemake deletes a rule's outputs before the job starts and after it failed. The
    second name is a hard link: it costs no space and survives both. (Snakemake's own
    ``update()`` copies the file before every run, and takes the old version for current
    after a failure.)
    """
    _link(path, kept(path))


def restore(path: Path) -> None:
    """Bring a product back from its second name, as new."""
    _link(kept(path), path)
    os.utime(path)


def _link(source: Path, target: Path) -> None:
    with write_whole(target) as draft:
        os.link(source, draft)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, as 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

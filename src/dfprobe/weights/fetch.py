"""Fetch published weights: whole or not at all, and on from where it stopped."""

import http.client
import logging
import math
import shutil
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path

from dfprobe.errors import EncoderError
from dfprobe.progress import Progress
from dfprobe.weights.records import (
    TENSOR_FILES,
    Record,
    how_to_get,
    local_path,
    mismatch,
    stored,
)

log = logging.getLogger("dfprobe")

_CHUNK = 1_000_000  # bytes
_TIMEOUT_S = 60.0  # without any byte from the server
_CONFIG_FILES = ("config.json", "preprocessor_config.json")


def fetch(record: Record) -> Path:
    """Fetch a record's weights, unless they are there.

    A file is written as ``NAME.part`` and renamed when it is whole and is what the
    record says. After an interruption the next call goes on with the rest; if the
    server cannot, or has another file by then, it starts again.

    A file goes below the weights folder, a hub id into the Hugging Face cache.

    Returns
    -------
    Path
        The file with the tensors.

    Raises
    ------
    EncoderError
        If no program can fetch the weights; if the network or the disk fails; if
        what was received, or what is there, differs from the record. Nothing is
        deleted.
    """
    there = stored(record)
    if there is not None:
        _require_published(record, there)
        log.info("%s is there: %s", record.name, there)
        return there
    if not record.can_be_fetched:
        raise EncoderError(f"{record.name}: {how_to_get(record)}")
    log.info("%s: licence: %s", record.name, record.licence or "not known")
    with _explained(record):
        return _snapshot(record) if record.is_hub else _file(record)


def _file(record: Record) -> Path:
    path = local_path(record.name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    if record.url is not None:
        _download(record.url, part, record.name)
    else:
        _download_from_hub(record, part)
    _require_published(record, part)
    part.replace(path)
    _version_file(part).unlink(missing_ok=True)
    log.info("%s is there: %s", record.name, path)
    return path


def _require_published(record: Record, path: Path) -> None:
    wrong = mismatch(record, path, hashed=True)
    if wrong:
        raise EncoderError(wrong.message)


def _download(url: str, part: Path, task: str) -> None:
    """Add to ``part`` what it lacks; afterwards it is as long as the server says."""
    version = _version_file(part)
    have = part.stat().st_size if part.exists() and version.exists() else 0
    response = _request(url, have, version)
    if response is None:
        return
    with response:
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            have = 0
        rest = _length(response)
        _require_space(part.parent, rest)
        with part.open("ab" if have else "wb") as file:
            _remember_version(version, response)
            progress = Progress(f"fetch {task}", math.ceil(rest / _CHUNK), unit="MB")
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                progress.step()
    if (size := part.stat().st_size) < have + rest:
        raise EncoderError(
            f"{url}: the connection ended after {size} of {have + rest} bytes; they "
            f"are kept in {part}. Call again to go on from there"
        )


def _request(url: str, have: int, version: Path) -> http.client.HTTPResponse | None:
    """Ask for a file, or for what follows its first bytes; None if nothing does.

    With If-Range the server sends the whole file if it is no longer the same.
    """
    headers = {"User-Agent": "dfprobe"}
    if have:
        headers |= {"Range": f"bytes={have}-", "If-Range": version.read_text()}
    request = urllib.request.Request(url, headers=headers)
    try:
        response: http.client.HTTPResponse
        response = urllib.request.urlopen(request, timeout=_TIMEOUT_S)
    except urllib.error.HTTPError as error:
        error.close()
        if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            return None
        raise
    return response


def _length(response: http.client.HTTPResponse) -> int:
    """Bytes to be received; without it a cut download would look whole."""
    length = response.headers.get("Content-Length")
    if length is None:
        raise http.client.HTTPException("the server does not say how long the file is")
    return int(length)


def _version_file(part: Path) -> Path:
    """Side file with the server's name for the version that ``part`` is a part of."""
    return part.with_name(f"{part.name}.version")


def _remember_version(version: Path, response: http.client.HTTPResponse) -> None:
    name = response.headers.get("ETag") or response.headers.get("Last-Modified")
    if name is None:
        version.unlink(missing_ok=True)
    else:
        version.write_text(name)


def _require_space(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise EncoderError(
            f"{folder}: {needed / 1e9:.2f} GB are to come, but {free / 1e9:.2f} GB are "
            "free; make room, or name a folder on another disk in DFPROBE_WEIGHTS"
        )


def _download_from_hub(record: Record, part: Path) -> None:
    """Put a file of a hub repository at ``part``; the library resumes by itself."""
    from huggingface_hub import hf_hub_download

    assert record.hub_repo and record.hub_file  # a record that can be fetched
    folder = part.with_name(f"{part.name}.hub")
    file = hf_hub_download(record.hub_repo, record.hub_file, local_dir=folder)
    Path(file).replace(part)
    shutil.rmtree(folder)


def _snapshot(record: Record) -> Path:
    """Put what is needed of a hub repository into the Hugging Face cache."""
    from huggingface_hub import snapshot_download

    wanted = [*_CONFIG_FILES, *TENSOR_FILES]
    offered = snapshot_download(record.name, allow_patterns=wanted, dry_run=True)
    names = {file.filename for file in offered}
    tensors = next((name for name in TENSOR_FILES if name in names), None)
    if tensors is None:
        raise EncoderError(
            f"{record.name}: its hub repository has none of {', '.join(TENSOR_FILES)}"
        )
    folder = snapshot_download(record.name, allow_patterns=[*_CONFIG_FILES, tensors])
    path = Path(folder) / tensors
    _require_published(record, path)
    return path


@contextmanager
def _explained(record: Record) -> Iterator[None]:
    """Turn failures of the network and of the disk into sentences."""
    # HTTPError is the base class of the HTTP library that huggingface_hub uses.
    from huggingface_hub.errors import DryRunError, EntryNotFoundError, HTTPError

    try:
        yield
    except (
        *(urllib.error.URLError, http.client.HTTPException, ssl.SSLError),
        *(ConnectionError, TimeoutError),
        *(HTTPError, EntryNotFoundError, DryRunError),
    ) as error:
        raise EncoderError(
            f"{record.name} could not be fetched: {_first_line(error)}. To try again: "
            f"{how_to_get(record)}"
        ) from error
    except OSError as error:
        variable = "HF_HOME" if record.is_hub else "DFPROBE_WEIGHTS"
        raise EncoderError(
            f"{record.name} could not be written: {_first_line(error)}. Make room and "
            "see that the folder can be written to, or name another one in "
            f"{variable}"
        ) from error


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines() or [type(error).__name__]
    return lines[0].rstrip(".")

"""Data as script files: a page that is opened from disk may load nothing else."""

import json
from pathlib import Path
from typing import Any

from dfprobe.store.files import write_whole

Json = dict[str, Any]  # an object for the page's scripts


def call(name: str, value: Any) -> str:
    r"""JavaScript that hands a value to the page, ``dfprobe.take(name, value);``.

    No text in the value, which is one of JSON, can end a script or begin a comment:
    ``<`` is written ``\u003c``.

    Raises
    ------
    ValueError
        If a number is not finite.
    """
    arguments = (
        json.dumps(v, allow_nan=False, separators=(",", ":")) for v in (name, value)
    )
    return f"dfprobe.take({','.join(arguments)});\n".replace("<", "\\u003c")


def write_call(path: Path, name: str, value: Any) -> None:
    """Write a file with `call` of a name and a value, whole or not at all."""
    with write_whole(path) as draft:
        draft.write_text(call(name, value), encoding="ascii")

"""What a check found, and tables of it for the terminal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One row of a table."""

    cells: tuple[str, ...]  # what is shown
    problem: str = ""  # sentences for the user; empty where there is nothing to say
    ok: bool = True  # whether a run can start with it


def table(headers: Sequence[str], findings: Iterable[Finding]) -> str:
    """Columns as wide as they need to be; a row that is not ok begins with ``!``."""
    rows = [(" ", headers), *((" !"[not f.ok], f.cells) for f in findings)]
    widths = [
        max(map(len, column)) for column in zip(*(c for _, c in rows), strict=True)
    ]
    return "\n".join(
        f"{mark} {'  '.join(map(str.ljust, cells, widths))}".rstrip()
        for mark, cells in rows
    )

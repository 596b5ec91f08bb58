"""How the tables of results are written: equal numbers give equal bytes."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe.storage import write_whole


def per_cent(areas: Sequence[float | None]) -> str | None:
    """Mean in per cent with one decimal; null if there is none or one is undefined."""
    known = [area for area in areas if area is not None]
    if not known or len(known) < len(areas):
        return None
    return f"{100.0 * float(np.mean(known)):.1f}"


def decimals(columns: Sequence[str], form: str) -> pl.Expr:
    """Numbers as text of a form such as ``{:.6f}``."""
    return pl.col(columns).map_elements(form.format, return_dtype=pl.String)


def write_csv(table: pl.DataFrame, path: Path) -> None:
    """Write a table, whole or not at all."""
    with write_whole(path) as draft:
        table.write_csv(draft)

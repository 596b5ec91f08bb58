"""The figures of an audit, each with the table that it is drawn from."""

from pathlib import Path
from typing import NamedTuple

import polars as pl
from matplotlib.figure import Figure

from dfprobe.audit.tables import FileTables
from dfprobe.audit.values import MARGIN, VALUE_OF_NAME, WHOLE
from dfprobe.report.plots.audit import distribution_figure, shortcut_figure
from dfprobe.report.plots.save import save
from dfprobe.store.files import write_whole

_DRAWN = 6  # panels


class Drawn(NamedTuple):
    """A figure and the table that it is drawn from."""

    figure: Figure
    table: pl.DataFrame


def draw_shortcuts(files: FileTables) -> Drawn | None:
    """Draw the AUC of each value alone on all clips; None where no label is known."""
    whole = files.shortcuts.filter(pl.col("subset") == WHOLE)
    if whole.is_empty():
        return None
    names = [VALUE_OF_NAME[name].label for name in whole["value"]]
    table = whole.with_columns(pl.Series("label", names))
    return Drawn(shortcut_figure(table, MARGIN), table)


def draw_distributions(files: FileTables) -> Drawn | None:
    """Draw how the shortcuts (without labels: all values) are distributed, by class.

    None where there is nothing to draw.
    """
    table = _numbers(files)
    if table.is_empty():
        return None
    return Drawn(distribution_figure(table), table)


def write_figures(files: FileTables, folder: Path) -> None:
    """Write the figures there are, each with its table (CSV), into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    drawings = {
        "shortcuts": draw_shortcuts(files),
        "distributions": draw_distributions(files),
    }
    for name, drawn in drawings.items():
        if drawn is not None:
            save(drawn.figure, folder / f"{name}.png")
            with write_whole(folder / f"{name}.csv") as draft:
                drawn.table.write_csv(draft, float_precision=6)


def _numbers(files: FileTables) -> pl.DataFrame:
    """Numbers of the ordered values to draw: the shortcuts, or without labels all."""
    table = files.shortcuts
    names = [value.name for value in VALUE_OF_NAME.values() if value.ordered]
    if not table.is_empty():
        flagged = table.filter(pl.col("shortcut"), pl.col("ordered"))
        flagged = flagged.sort("auc", descending=True)
        names = flagged["value"].unique(maintain_order=True).to_list()
    classes = pl.col("label").cast(pl.Int64).replace_strict({0: "real", 1: "fake"})
    parts = [
        files.clips.select(
            pl.lit(VALUE_OF_NAME[name].title).alias("label"),
            classes.fill_null("unknown").alias("class"),
            pl.col(name).cast(pl.Float64).alias("number"),
        ).drop_nulls("number")
        for name in names[:_DRAWN]
    ]
    return pl.concat(parts) if parts else pl.DataFrame()

"""The classes of clips by their names in tables and on pages."""

import polars as pl

REAL, FAKE, UNKNOWN = "real", "fake", "unknown"
CLASSES = (REAL, FAKE, UNKNOWN)


def class_name() -> pl.Expr:
    """Name of the class of a clip, from the column ``label``, as column ``class``."""
    label = pl.col("label").cast(pl.Int64)
    return label.replace_strict({0: REAL, 1: FAKE}, default=UNKNOWN).alias("class")


def class_order() -> pl.Expr:
    """Rank of the column ``class``, to sort by."""
    return pl.col("class").cast(pl.Enum(CLASSES)).to_physical()

"""Subsets of a test corpus for which the tidy table has rows of their own."""

from dataclasses import dataclass

import numpy as np
import polars as pl

LEADING_SILENCE_S = 0.02  # a fake that begins with at least this much is "silent"

_REAL = pl.col("label") == 0


@dataclass(frozen=True)
class Subset:
    """Some labelled clips of a test corpus."""

    name: str  # as in the column ``subset``
    members: np.ndarray  # (clips,) bool: which clips belong to it
    common: bool = True  # whether only clips that all encoders could score count


def manipulation_subsets(clips: pl.DataFrame) -> list[Subset]:
    """Make the subsets of ``label, manipulation``: ``common, all, manipulation=X``."""
    names = clips.filter(~_REAL)["manipulation"].unique().sort()
    everything = np.ones(clips.height, bool)
    masks = clips.select(
        (_REAL | (pl.col("manipulation") == name)).alias(f"manipulation={name}")
        for name in names
    )
    return [
        Subset("common", everything),
        Subset("all", everything, common=False),
        *(Subset(mask.name, mask.to_numpy()) for mask in masks),
    ]


def subsets(clips: pl.DataFrame, trained_on: pl.DataFrame) -> list[Subset]:
    """Cut the clips of a test corpus into subsets.

    ``manipulation=X``, ``leading_silence`` and ``no_leading_silence`` compare some
    fakes with all reals. ``speaker_unseen`` and ``source_unseen`` hold the clips, real
    and fake, whose speaker or source is known and is none of those that the head was
    trained on, by name; nothing where no name of the training clips is known.

    Parameters
    ----------
    clips : pl.DataFrame
        ``label, manipulation, speaker, source, leading_silence_s``.
    trained_on : pl.DataFrame
        ``speaker, source`` of the clips that the head was trained on.
    """
    silent = (pl.col("leading_silence_s") >= LEADING_SILENCE_S).fill_null(False)
    masks = clips.select(
        leading_silence=_REAL | silent, no_leading_silence=_REAL | ~silent
    )
    return [
        *manipulation_subsets(clips),
        *(Subset(mask.name, mask.to_numpy()) for mask in masks),
        *(
            Subset(f"{kind}_unseen", _unseen(clips[kind], trained_on[kind]))
            for kind in ("speaker", "source")
        ),
    ]


def _unseen(names: pl.Series, seen: pl.Series) -> np.ndarray:
    seen = seen.drop_nulls().unique()
    if seen.is_empty():
        return np.zeros(len(names), bool)
    return (names.is_not_null() & ~names.is_in(seen.implode())).to_numpy()

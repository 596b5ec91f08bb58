"""Nuisance values: their distributions by class, and the AUC of each alone.

The table of clips that the functions here take has one row per clip: ``clip_id``,
``split``, ``label``, ``manipulation`` of the manifest and the columns of the facts
(see `dfprobe.audit.facts`).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import polars as pl

from dfprobe.audit.classes import CLASSES, class_name, class_order
from dfprobe.clip_ids import stable_hash
from dfprobe.corpora.clip import SPLITS
from dfprobe.evaluation.statistics.metrics import INTERVAL, Interval, auc, auc_interval
from dfprobe.store.files import Row

MARGIN = 0.05  # a shortcut: the interval lies above chance by more than this
FEWEST = 10  # clips of each class that it takes to call a value so
NONE = "none"  # category of a clip that does not have the thing
WHOLE = "all"  # the subset of all labelled clips
_DECIMALS = 9  # of a category's score: equal shares must tie
_PRIOR_CLIPS = 1.0  # weight of the half's own share of fakes in that of a category


class Value(NamedTuple):
    """A nuisance value."""

    name: str  # column of the table of clips
    label: str  # for people
    unit: str  # empty for a category
    ordered: bool  # used as a score unchanged; otherwise each value is a category

    @property
    def title(self) -> str:
        """Label and unit."""
        return f"{self.label}, {self.unit}" if self.unit else self.label


VALUES = (
    Value("leading_silence_s", "leading silence", "s", ordered=True),
    Value("trailing_silence_s", "trailing silence", "s", ordered=True),
    Value("loudness_db", "loudness", "dB RMS", ordered=True),
    Value("duration_s", "length", "s", ordered=True),
    Value("kilobytes", "file size", "kB", ordered=True),
    Value("bit_rate_kbps", "bit rate", "kbit/s", ordered=True),
    Value("width", "width", "pixels", ordered=True),
    Value("height", "height", "pixels", ordered=True),
    Value("fps", "frame rate", "", ordered=False),
    Value("container", "container", "", ordered=False),
    Value("video_codec", "video codec", "", ordered=False),
    Value("audio_codec", "audio codec", "", ordered=False),
    Value("sample_rate_hz", "sample rate", "", ordered=False),
    Value("channels", "audio channels", "", ordered=False),
)
VALUE_OF_NAME = {value.name: value for value in VALUES}

_SHORTCUTS_SCHEMA = {
    "subset": pl.String,
    "value": pl.String,
    "ordered": pl.Boolean,
    "clips": pl.Int64,
    "real": pl.Int64,
    "fake": pl.Int64,
    "auc": pl.Float64,
    "auc_low": pl.Float64,
    "auc_high": pl.Float64,
    "interval": pl.String,
    "direction": pl.String,
    "shortcut": pl.Boolean,
}


def with_values(clips: pl.DataFrame) -> pl.DataFrame:
    """Add the values that follow from others, and turn categories into text.

    A file that could not be opened has no value, and no category either; one without
    sound has the category ``none``.
    """
    opened = pl.col("container").is_not_null()
    kilobytes = pl.when(opened).then(pl.col("bytes") / 1000)
    rate = kilobytes * 8 / pl.col("duration_s")
    categories = [value.name for value in VALUES if not value.ordered]
    return clips.with_columns(
        kilobytes=kilobytes,
        bit_rate_kbps=pl.when(pl.col("duration_s") > 0).then(rate),
        fps=pl.col("fps").round(2),
    ).with_columns(
        pl.when(opened).then(pl.col(name).cast(pl.String).fill_null(NONE))
        for name in categories
    )


def ordered_by_class(clips: pl.DataFrame) -> pl.DataFrame:
    """Summarise the ordered values by class.

    Returns
    -------
    pl.DataFrame
        ``value, class, clips`` (that have it), ``mean, p5, median, p95``.
    """
    values = [value.name for value in VALUES if value.ordered]
    tidy = (
        clips.select(class_name(), *values)
        .unpivot(index="class", variable_name="value", value_name="number")
        .drop_nulls("number")
    )
    number = pl.col("number")
    summary = tidy.group_by("value", "class").agg(
        pl.len().cast(pl.Int64).alias("clips"),
        number.mean().alias("mean"),
        *(
            number.quantile(share, "linear").alias(name)
            for name, share in (("p5", 0.05), ("median", 0.5), ("p95", 0.95))
        ),
    )
    return summary.sort(_value_order(), class_order())


def categories_by_class(clips: pl.DataFrame) -> pl.DataFrame:
    """Count the clips of each category by class.

    Returns
    -------
    pl.DataFrame
        ``value, category, real, fake, unknown``, the most frequent category first.
    """
    values = [value.name for value in VALUES if not value.ordered]
    tidy = (
        clips.select(class_name(), *values)
        .unpivot(index="class", variable_name="value", value_name="category")
        .drop_nulls("category")
    )
    counts = tidy.group_by("value", "category").agg(
        (pl.col("class") == name).sum().cast(pl.Int64).alias(name) for name in CLASSES
    )
    frequent = -pl.sum_horizontal(CLASSES)
    return counts.sort(_value_order(), frequent, "category")


def shortcuts(clips: pl.DataFrame) -> pl.DataFrame:
    """Measure each value alone as a detector of fakes, after `with_values`.

    An ordered value is used as the score unchanged; of the two directions, larger or
    smaller = fake, the one with an AUC of at least 0.5 is reported. For a category the
    score is its share of fakes, fitted on one half of the clips and applied to the
    other, both ways: see `category_scores`.

    Returns
    -------
    pl.DataFrame
        One row per value and subset: ``all``, ``split=...``, and ``manipulation=...``
        (the fakes of one kind against all reals); only subsets with both classes.
        ``clips, real, fake`` count those that have the value. AUCs lie in 0..1.
        ``shortcut`` says that the 95% interval lies above 0.5 by more than `MARGIN`,
        on at least `FEWEST` clips of each class.
    """
    labelled = clips.drop_nulls("label")
    turn = [stable_hash(clip_id) for clip_id in labelled["clip_id"]]
    labelled = labelled.with_columns(pl.Series("turn", turn, pl.UInt64))
    rows = [
        {"subset": subset} | _detector(members, value)
        for subset, members in _subsets(labelled)
        for value in VALUES
    ]
    return pl.DataFrame(
        [row for row in rows if row["real"] and row["fake"]], schema=_SHORTCUTS_SCHEMA
    )


def category_scores(
    categories: np.ndarray, labels: np.ndarray, turn: np.ndarray
) -> np.ndarray:
    """Score clips by the share of fakes of their category among other clips.

    The clips of each class are dealt to two halves. A clip gets the share of fakes of
    its category in the other half, with one clip of that half's own share added, minus
    that share: a category that is not in the other half gives 0. No clip has a part in
    its own score, so that a category of which every clip is the only one scores 0.5.

    Parameters
    ----------
    categories : np.ndarray of shape (clips,), int
        Number of the category.
    labels : np.ndarray of shape (clips,), int
        0 real, 1 fake.
    turn : np.ndarray of shape (clips,)
        Order in which the clips are dealt.

    Returns
    -------
    np.ndarray of shape (clips,), float64
        In (-1, 1), larger = more fake.
    """
    half = np.empty(labels.size, np.int64)
    for label in (0, 1):
        (members,) = np.nonzero(labels == label)
        half[members[np.argsort(turn[members], kind="stable")]] = (
            np.arange(members.size) % 2
        )
    scores = np.zeros(labels.size)
    count = int(categories.max()) + 1
    for fitted in (0, 1):
        known, scored = half == fitted, half != fitted
        if not known.any():
            continue
        clips = np.bincount(categories[known], minlength=count)
        fakes = np.bincount(categories[known & (labels == 1)], minlength=count)
        share = labels[known].mean()
        shares = (fakes + _PRIOR_CLIPS * share) / (clips + _PRIOR_CLIPS)
        scores[scored] = shares[categories[scored]] - share
    return scores.round(_DECIMALS)


def _subsets(labelled: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    yield WHOLE, labelled
    for split in SPLITS:
        yield f"split={split}", labelled.filter(pl.col("split") == split)
    fake = pl.col("label") == 1
    kinds = labelled.filter(fake)["manipulation"].unique().sort()
    for kind in kinds if len(kinds) > 1 else []:
        members = labelled.filter(~fake | (pl.col("manipulation") == kind))
        yield f"manipulation={kind}", members


def _detector(clips: pl.DataFrame, value: Value) -> Row:
    """Row of one value and subset, without the name of the subset."""
    known = clips.drop_nulls(value.name)
    labels = known["label"].to_numpy().astype(np.int64)
    fakes = int(labels.sum())
    row: Row = {
        "value": value.name,
        "ordered": value.ordered,
        "clips": labels.size,
        "real": labels.size - fakes,
        "fake": fakes,
    }
    if not 0 < fakes < labels.size:
        return row
    if value.ordered:
        scores = known[value.name].to_numpy().astype(np.float64)
    else:
        _, categories = np.unique(known[value.name].to_numpy(), return_inverse=True)
        scores = category_scores(categories, labels, known["turn"].to_numpy())
    area, interval = auc(labels, scores), auc_interval(labels, scores)
    direction = "by category"
    if known[value.name].n_unique() == 1:
        direction = "same in all clips"
    elif value.ordered:
        direction = "larger = fake" if area >= 0.5 else "smaller = fake"
        if area < 0.5:
            area, interval = 1.0 - area, _turned(interval)
    enough = min(row["real"], row["fake"]) >= FEWEST
    return row | {
        "auc": area,
        "auc_low": interval.low if interval else None,
        "auc_high": interval.high if interval else None,
        "interval": INTERVAL,
        "direction": direction,
        "shortcut": enough and interval is not None and interval.low > 0.5 + MARGIN,
    }


def _turned(interval: Interval | None) -> Interval | None:
    return Interval(1.0 - interval.high, 1.0 - interval.low) if interval else None


def _value_order() -> pl.Expr:
    return pl.col("value").cast(pl.Enum(list(VALUE_OF_NAME))).to_physical()

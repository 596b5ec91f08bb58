"""Do explanations get better where the probe is surer? Figure 4 left of the paper."""

from collections.abc import Iterator, Mapping

import numpy as np
import polars as pl

from dfprobe.store.files import Row

SCORES = {"clip": "clip_score", "frame": "logit"}  # fakeness of the clip, of the frame
CONFIDENCE_NUMBERS = ("threshold", "mae", "training_point_mae")
_THRESHOLDS = 40  # of a curve at most
_KEYS = ("encoder", "train", "test", "method", "part", "truth")
CONFIDENCE_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(("encoder", "label", *_KEYS[1:], "score"), pl.String),
    "threshold": pl.Float64,
    **dict.fromkeys(("targets", "frames"), pl.Int64),
    **dict.fromkeys(CONFIDENCE_NUMBERS[1:], pl.Float64),
}


def confidence_table(
    points: pl.DataFrame, labels: Mapping[str, str], constant: str
) -> pl.DataFrame:
    """Mean error of the targets whose fakeness score is at least a threshold.

    Parameters
    ----------
    points : pl.DataFrame
        Columns as in `dfprobe.explain.spatial.measures.points.POINT_SCHEMA`.
    labels : mapping of str to str
        Labels of the encoders; other rows are baselines and have no curve.
    constant : str
        Baseline whose error on the same targets stands beside, as a control: where it
        falls too, the surer frames are merely the easier ones.

    Returns
    -------
    pl.DataFrame
        ``encoder, label, train, test, method, part, truth, score`` (``clip`` or
        ``frame``), ``threshold`` (logit), ``targets``, ``frames``, ``mae``,
        ``training_point_mae``. Thresholds are scores that occur, at most 40 of a
        curve, evenly spaced by rank; the first one keeps all targets with a score.
    """
    target = ["train", "test", "target"]
    control = points.filter(pl.col("encoder") == constant).select(
        *target, pl.col("error").alias("control")
    )
    ours = points.filter(pl.col("encoder").is_in(list(labels))).join(
        control, on=target, how="left", maintain_order="left"
    )
    rows: list[Row] = []
    for key, group in ours.group_by(_KEYS, maintain_order=True):
        names = dict(zip(_KEYS, key, strict=True))
        for score, column in SCORES.items():
            rows += [names | {"score": score} | row for row in _curve(group, column)]
    label = pl.col("encoder").replace_strict(labels, return_dtype=pl.String)
    return pl.DataFrame(rows, schema=CONFIDENCE_SCHEMA).with_columns(label=label)


def _curve(group: pl.DataFrame, column: str) -> Iterator[Row]:
    """Points of one curve, by rising threshold."""
    scored = group.drop_nulls(column)
    levels = scored[column].unique().sort().to_numpy()
    if levels.size > _THRESHOLDS:
        ranks = np.linspace(0, levels.size - 1, _THRESHOLDS).round().astype(int)
        levels = levels[ranks]
    for level in levels:
        kept = scored.filter(pl.col(column) >= level)
        yield {
            "threshold": float(level),
            "targets": kept.height,
            "frames": kept.n_unique(["clip_id", "frame"]),
            "mae": kept["error"].mean(),
            "training_point_mae": kept["control"].mean(),
        }

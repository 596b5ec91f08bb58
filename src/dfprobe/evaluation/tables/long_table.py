"""One row of the long table, ``xdata_long.csv``: how scores tell fake from real."""

import numpy as np

from dfprobe.evaluation.statistics.bootstrap import BOOTSTRAP, cluster_interval
from dfprobe.evaluation.statistics.metrics import (
    INTERVAL,
    METRICS,
    auc_with_failures,
    auc_with_interval,
)
from dfprobe.evaluation.tables.corpus_scores import CorpusScores, Groups
from dfprobe.evaluation.tables.subsets import Subset
from dfprobe.store.files import Row

COUNTS = ("clips", "real", "fake", "clusters")
NUMBERS = (
    *("coverage", "coverage_real", "coverage_fake"),
    *("auc", "auc_low", "auc_high", "auc_cluster_low", "auc_cluster_high"),
    *("auc_failed_chance", "auc_failed_worst", "ap", "eer"),
)
_CLASSES = ("real", "fake")


def measure(corpus: CorpusScores, scores: np.ndarray, subset: Subset) -> Row:
    """Count and measure one encoder's scores on one subset; None where undefined.

    Parameters
    ----------
    corpus : CorpusScores
        Clips of the test corpus.
    scores : np.ndarray of shape (clips,), float64
        One of its scores, NaN where a clip failed.

    Returns
    -------
    dict
        ``clips``, ``real``, ``fake``: that count. ``coverage``, ``coverage_real``,
        ``coverage_fake``: their share of the subset's clips. ``auc``, ``ap``, ``eer``;
        ``auc_low``, ``auc_high`` and the method ``interval``. ``cluster`` (``speaker``
        or ``source``), ``clusters``, ``auc_cluster_low``, ``auc_cluster_high`` and the
        method ``cluster_interval``, or why there is none. ``auc_failed_chance``,
        ``auc_failed_worst``: with all clips of the subset, see `auc_with_failures`.
    """
    scored = corpus.common if subset.common else np.isfinite(scores)
    counted = subset.members & scored
    labels, values = corpus.labels[counted], scores[counted]
    members = corpus.labels[subset.members]
    area, low, high = auc_with_interval(labels, values)
    others = {
        name: None if area is None else METRICS[name](labels, values)
        for name in ("ap", "eer")
    }
    with_failures = auc_with_failures(members, scores[subset.members])
    return {
        "subset": subset.name,
        **_counts(labels, members),
        "auc": area,
        "auc_low": low,
        "auc_high": high,
        "interval": INTERVAL,
        **_by_cluster(labels, values, corpus.groups, counted),
        "auc_failed_chance": with_failures.chance,
        "auc_failed_worst": with_failures.worst,
        **others,
    }


def _counts(counted: np.ndarray, members: np.ndarray) -> Row:
    of_class = {name: int((counted == k).sum()) for k, name in enumerate(_CLASSES)}
    in_all = {name: int((members == k).sum()) for k, name in enumerate(_CLASSES)}
    return {
        "clips": counted.size,
        **of_class,
        "coverage": _share(counted.size, members.size),
        **{f"coverage_{n}": _share(of_class[n], in_all[n]) for n in _CLASSES},
    }


def _by_cluster(
    labels: np.ndarray, scores: np.ndarray, groups: Groups, counted: np.ndarray
) -> Row:
    numbers = groups.numbers[counted]
    low, high = None, None
    if groups.kind is None:
        method = "neither speaker nor source is known of all clips"
    elif len(np.unique(labels)) < 2:
        method = "only one class"
    elif interval := cluster_interval(labels, scores, numbers):
        (low, high), method = interval, BOOTSTRAP
    else:
        method = f"too few {groups.kind}s"
    return {
        "cluster": groups.kind,
        "clusters": None if groups.kind is None else len(np.unique(numbers)),
        "auc_cluster_low": low,
        "auc_cluster_high": high,
        "cluster_interval": method,
    }


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None

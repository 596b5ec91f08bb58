"""What each hidden layer of an encoder tells, and how a learned mix weighs them.

Layers are compared on the clips that all of them and the mix could score.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy.special import softmax

from dfprobe.evaluation.statistics.metrics import auc, auc_interval
from dfprobe.evaluation.tables.corpus_scores import (
    CorpusScores,
    group_facts,
    join_scores,
)
from dfprobe.heads.files.head_file import read_head
from dfprobe.products import MIX_HEAD, ScoreKey, layer_head
from dfprobe.settings.stage_specs.heads import LayersSpec
from dfprobe.store.csv_files import decimals, write_csv
from dfprobe.store.scores import score_files

MIX = "mix"  # in column `layer`
_NUMBERS = ("auc", "auc_low", "auc_high", "mix_weight")
_SCHEMA = {
    **dict.fromkeys(("train", "test", "layer"), pl.String),
    **dict.fromkeys(_NUMBERS[:3], pl.Float64),
    "clips": pl.Int64,
    "mix_weight": pl.Float64,
}


def make_layers(
    scores: Sequence[Path],
    mixes: Sequence[Path],
    manifests: Sequence[Path],
    spec: LayersSpec,
    layers: int,
    out: Path,
) -> None:
    """Write the table of an encoder's layers.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet``, with ``layer-00``,
        ``layer-01``, ... and ``layer_mix`` as heads.
    mixes : sequence of Path
        Head files of the mix, ``.../{train}.safetensors``.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of the test corpora.
    spec : LayersSpec
        Encoder and corpora, in the order of the table.
    layers : int
        How many there are.
    out : Path
        CSV to write: ``train, test, layer`` (number or ``mix``), ``auc, auc_low,
        auc_high`` (empty where undefined), ``clips, mix_weight`` (empty for the mix).

    Raises
    ------
    DataError
        If a score file is missing or unexpected, or the files of a test corpus are not
        of the same clips.
    """
    heads = [*map(layer_head, range(layers)), MIX_HEAD]
    expected = {
        ScoreKey(head, spec.encoder, train, test)
        for head in heads
        for train in spec.train
        for test in spec.test
    }
    needs = "the table of layers needs one for every layer and the mix"
    paths = score_files(scores, expected, needs)
    facts = group_facts(manifests)
    weights = {path.stem: mix_weights(path) for path in mixes}
    rows: list[dict[str, Any]] = []
    for train in spec.train:
        for test in spec.test:
            keys = [ScoreKey(head, spec.encoder, train, test) for head in heads]
            files = {key: paths[key] for key in keys}
            corpus = join_scores(files, test, facts[test])
            pair = {"train": train, "test": test}
            rows += [pair | row for row in _rows(corpus, keys, weights[train])]
    table = pl.DataFrame(rows, schema=_SCHEMA)
    write_csv(table.with_columns(decimals(_NUMBERS, "{:.6f}")), out)


def mix_weights(path: Path) -> np.ndarray:
    """Weight of each layer in the head file of a mix, (layers,), summing to one."""
    tensors, _ = read_head(path, MIX_HEAD)
    weights: np.ndarray = softmax(tensors["mix"].astype(np.float64))
    return weights


def read_layers(path: Path) -> pl.DataFrame:
    """Read the table that `make_layers` wrote; ``layer`` is text."""
    return pl.read_csv(path, schema=_SCHEMA)


def _rows(
    corpus: CorpusScores, keys: list[ScoreKey], weights: np.ndarray
) -> Iterator[dict[str, Any]]:
    """Rows of one pair of corpora: the layers, then the mix."""
    labels = corpus.labels[corpus.common]
    both = 0 < labels.sum() < labels.size
    for layer, key in enumerate(keys):
        values = corpus.scores[key][corpus.common]
        interval = auc_interval(labels, values) if both else None
        mix = key.head == MIX_HEAD
        yield {
            "layer": MIX if mix else str(layer),
            "auc": auc(labels, values) if both else None,
            "auc_low": interval.low if interval else None,
            "auc_high": interval.high if interval else None,
            "clips": labels.size,
            "mix_weight": None if mix else float(weights[layer]),
        }

"""AUC of a probe on each hidden layer of an encoder, and the weights of a learned mix.

Layers are compared on the clips that all of them and the mix could score.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from dfprobe.evaluation.statistics.metrics import auc_with_interval
from dfprobe.evaluation.tables.corpus_scores import (
    CorpusScores,
    group_facts,
    join_scores,
)
from dfprobe.products import MIX_HEAD, ScoreKey, layer_head
from dfprobe.settings.stage_specs.heads import LayersTableSpec
from dfprobe.store.csv_files import decimals, write_csv
from dfprobe.store.files import Row
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
    weights: Mapping[str, np.ndarray],
    manifests: Sequence[Path],
    spec: LayersTableSpec,
    out: Path,
) -> None:
    """Write the table of an encoder's layers.

    Parameters
    ----------
    scores : sequence of Path
        ``.../{head}/{encoder}/{train}/{test}.parquet``, with ``layer-00``,
        ``layer-01``, ... and ``layer_mix`` as heads.
    weights : mapping of str to np.ndarray of shape (layers,)
        By training corpus: how the mix weighs each layer.
    manifests : sequence of Path
        ``.../{corpus}.parquet`` of the test corpora.
    spec : LayersTableSpec
        Encoder, and corpora in the order of the table.
    out : Path
        CSV to write: ``train, test, layer`` (number or ``mix``), ``auc, auc_low,
        auc_high`` (empty where undefined), ``clips, mix_weight`` (empty for the mix).

    Raises
    ------
    DataError
        If a score file is missing or unexpected, or the files of a test corpus are not
        of the same clips.
    """
    layers = len(weights[spec.train[0]])
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
    rows: list[Row] = []
    for train in spec.train:
        for test in spec.test:
            keys = [ScoreKey(head, spec.encoder, train, test) for head in heads]
            files = {key: paths[key] for key in keys}
            corpus = join_scores(files, test, facts[test])
            pair = {"train": train, "test": test}
            rows += [pair | row for row in _rows(corpus, keys, weights[train])]
    table = pl.DataFrame(rows, schema=_SCHEMA)
    write_csv(table.with_columns(decimals(_NUMBERS, "{:.6f}")), out)


def read_layers(path: Path) -> pl.DataFrame:
    """Read the table that `make_layers` wrote; ``layer`` is text."""
    return pl.read_csv(path, schema=_SCHEMA)


def _rows(
    corpus: CorpusScores, keys: list[ScoreKey], weights: np.ndarray
) -> Iterator[Row]:
    """Rows of one pair of corpora: the layers, then the mix."""
    labels = corpus.labels[corpus.common]
    names = [*map(str, range(len(weights))), MIX]
    for key, name, weight in zip(keys, names, [*weights.tolist(), None], strict=True):
        area, low, high = auc_with_interval(labels, corpus.scores[key][corpus.common])
        yield {
            "layer": name,
            "auc": area,
            "auc_low": low,
            "auc_high": high,
            "clips": labels.size,
            "mix_weight": weight,
        }

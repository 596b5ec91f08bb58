"""Probes on every hidden layer of an encoder, and on a learned mix of all.

The number of layers is known from the features only, so one job trains and scores all
of them.
"""

from collections.abc import Iterable
from pathlib import Path

from dfprobe.errors import DataError
from dfprobe.heads.data.clips import StoreSet
from dfprobe.heads.scoring import Scored, score_clips
from dfprobe.heads.training import train_heads
from dfprobe.products import MIX_HEAD, ScoreKey, layer_head
from dfprobe.settings.stage_specs.heads import LayersSpec


def probe_layers(
    features: dict[str, list[Path]],
    manifests: dict[str, Path],
    spec: LayersSpec,
    folder: Path,
) -> None:
    """Train and score the probes of all layers.

    Parameters
    ----------
    features : dict of str to list of Path
        Feature stores of each corpus, one per shard, made with ``layer: all``.
    manifests : dict of str to Path
        Manifest of each corpus.
    spec : LayersSpec
        Encoder, corpora, and how its linear probes are trained.
    folder : Path
        Gets the heads and their scores, see `head_file` and `score_file`.

    Raises
    ------
    DataError
        If the features are not those of all layers, or as in `train_heads`.
    """
    layers = _layers_of(features[spec.train[0]], spec.encoder)
    groups = {"linear": [layer_head(layer) for layer in range(layers)]}
    groups[MIX_HEAD] = [MIX_HEAD]
    for kind, names in groups.items():
        head_spec = spec.head.model_copy(update={"kind": kind, "layers": layers})
        for train in spec.train:
            files = [head_file(folder, name, spec.encoder, train) for name in names]
            history = files[0].with_suffix(".curve.csv")
            streams = [features[train]]
            train_heads(streams, manifests[train], head_spec, files, history)
        for test in spec.test:
            scored = list(_scored(folder, names, spec, test))
            score_clips([features[test]], manifests[test], scored)


def head_file(folder: Path, head: str, encoder: str, train: str) -> Path:
    """Head in the folder of an encoder's layers."""
    return folder / "heads" / head / encoder / f"{train}.safetensors"


def score_file(folder: Path, key: ScoreKey) -> Path:
    """Scores by a head in the folder of an encoder's layers."""
    return folder.joinpath(
        "scores", key.head, key.encoder, key.train, f"{key.test}.parquet"
    )


def _scored(
    folder: Path, heads: list[str], spec: LayersSpec, test: str
) -> Iterable[Scored]:
    for train in spec.train:
        for head in heads:
            key = ScoreKey(head, spec.encoder, train, test)
            path = head_file(folder, head, spec.encoder, train)
            yield Scored(path, score_file(folder, key))


def _layers_of(stores: list[Path], encoder: str) -> int:
    with StoreSet(stores) as features:
        layers = features.attributes.get("layers", 1)
    if layers < 2:
        raise DataError(
            f"The features of {encoder} hold one layer; probes of single layers need "
            "an encoder with `layer: all`."
        )
    return int(layers)

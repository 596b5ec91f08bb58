"""Probes on every hidden layer of an encoder, and on a learned mix of all.

The number of layers is known from the features only, so one job trains, scores and
measures all of them.
"""

from pathlib import Path

from dfprobe.errors import DataError
from dfprobe.evaluation.tables.layers import make_layers
from dfprobe.heads.data.clips import StoreSet
from dfprobe.heads.scoring import score_clips
from dfprobe.heads.training import train_heads
from dfprobe.products import MIX_HEAD, layer_head
from dfprobe.settings.stage_specs.heads import LayersSpec


def probe_layers(
    features: dict[str, list[Path]],
    manifests: dict[str, Path],
    spec: LayersSpec,
    folder: Path,
    out: Path,
) -> None:
    """Train and score the probes of all layers, and write their table.

    Parameters
    ----------
    features : dict of str to list of Path
        Feature stores of each corpus, one a shard, made with ``layer: all``.
    manifests : dict of str to Path
        Manifest of each corpus.
    spec : LayersSpec
        Its head is a linear one.
    folder : Path
        Gets the heads and their scores: ``heads/{head}/{encoder}/{train}.safetensors``,
        ``scores/{head}/{encoder}/{train}/{test}.parquet``.
    out : Path
        Table to write, see `dfprobe.evaluation.tables.layers.make_layers`.

    Raises
    ------
    DataError
        If the features are not those of all layers, or as in `train_heads`.
    """
    layers = _layers_of(features[spec.train[0]], spec.encoder)
    names = [layer_head(layer) for layer in range(layers)]
    settings = spec.head.model_copy(update={"layers": layers})
    heads: dict[str, dict[str, Path]] = {}
    for train in spec.train:
        heads[train] = {
            name: folder / "heads" / name / spec.encoder / f"{train}.safetensors"
            for name in [*names, MIX_HEAD]
        }
        for kind, group in (("linear", names), (MIX_HEAD, [MIX_HEAD])):
            files = [heads[train][name] for name in group]
            curve = files[0].with_suffix(".curve.csv")
            streams = [features[train]]
            kind_settings = settings.model_copy(update={"kind": kind})
            train_heads(streams, manifests[train], kind_settings, files, curve)
    scores = _score(heads, features, manifests, spec, folder)
    make_layers(
        scores,
        [heads[train][MIX_HEAD] for train in spec.train],
        [manifests[test] for test in spec.test],
        spec,
        layers,
        out,
    )


def _layers_of(stores: list[Path], encoder: str) -> int:
    with StoreSet(stores) as features:
        layers = features.attributes.get("layers", 1)
    if layers < 2:
        raise DataError(
            f"The features of {encoder} hold one layer; probes of single layers need "
            "an encoder with `layer: all`."
        )
    return int(layers)


def _score(
    heads: dict[str, dict[str, Path]],
    features: dict[str, list[Path]],
    manifests: dict[str, Path],
    spec: LayersSpec,
    folder: Path,
) -> list[Path]:
    """Score all test corpora with the layers' probes, then with the mixes."""
    scores: list[Path] = []
    for test in spec.test:
        for mixes in (False, True):
            files = {
                folder
                / "scores"
                / name
                / spec.encoder
                / train
                / f"{test}.parquet": head
                for train, of_train in heads.items()
                for name, head in of_train.items()
                if (name == MIX_HEAD) == mixes
            }
            streams = [features[test]]
            score_clips(streams, manifests[test], list(files.values()), list(files))
            scores += files
    return scores

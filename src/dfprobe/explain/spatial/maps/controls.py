"""What maps are checked against: a probe that learned nothing, an ignorant encoder.

A map that stays as it is when the labels were shuffled, or when the weights are random,
shows the picture and not what the probe learned (Adebayo et al., 2018).
"""

import copy
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl
import torch

from dfprobe.encoders import registry
from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.heads.training import train_heads
from dfprobe.settings.specs import EncoderSpec
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.store.parquet import read_parquet, write_parquet


def shuffled_probe(
    features: Sequence[Path], manifest: Path, spec: HeadSpec, seed: int
) -> LinearProbe:
    """Train the probe again, on the same rows with permuted labels.

    Parameters
    ----------
    features : sequence of Path
        Feature stores of the training corpus.
    manifest : Path
        Its manifest. The labels are permuted among the labelled clips of each split.
    spec : HeadSpec
        As for `dfprobe.heads.training.train_heads`, with one seed.
    seed : int
        Of the permutation.
    """
    clips = read_parquet(manifest)
    with TemporaryDirectory() as folder:
        shuffled = Path(folder, manifest.name)
        write_parquet(permuted_labels(clips, seed), shuffled)
        head, curve = Path(folder, "head.safetensors"), Path(folder, "curve.csv")
        train_heads([features], shuffled, spec, [head], curve)
        return LinearProbe.load(head)


def permuted_labels(clips: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Permute the labels within each split; clips without a label stay so."""
    generator = np.random.default_rng(seed)
    labels = clips["label"].to_numpy(writable=True)
    splits = clips["split"].to_numpy()
    known = clips["label"].is_not_null().to_numpy()
    for split in sorted(set(splits)):
        places = np.flatnonzero((splits == split) & known)
        labels[places] = labels[generator.permutation(places)]
    column = pl.Series("label", labels, nan_to_null=True).cast(clips["label"].dtype)
    return clips.with_columns(column)


def random_encoder(spec: EncoderSpec, encoder: Encoder, seed: int) -> Encoder | None:
    """Make an encoder of the same architecture that has not learned anything.

    Parameters
    ----------
    spec : EncoderSpec
        Of ``encoder``. One with random weights gets another seed.
    encoder : Encoder
        One with learned weights is copied, and the values within each of its
        parameters are permuted: their sizes stay as they are.
    seed : int
        Of the permutations.

    Returns
    -------
    Encoder or None
        None for an encoder without weights.
    """
    if not isinstance(encoder, ModelEncoder):
        return None
    if spec.weights == "random":
        return registry.build(replace(spec, seed=spec.seed + 1), str(encoder.device))
    other = copy.deepcopy(encoder)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in other.module.parameters():
            order = torch.randperm(parameter.numel(), generator=generator)
            values = parameter.flatten()[order.to(parameter.device)]
            parameter.copy_(values.view_as(parameter))
    return other

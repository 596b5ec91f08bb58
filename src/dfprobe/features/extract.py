"""The features stage: one frozen encoder over the clips of one shard."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from dfprobe.encoders import registry
from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.windows import Limits
from dfprobe.errors import DataError
from dfprobe.features.encoding import encoded
from dfprobe.features.inputs import FROM_LANDMARKS, clip_inputs, model_of
from dfprobe.features.keys import provenance
from dfprobe.features.rows import Encoded
from dfprobe.features.update import FeatureProduct
from dfprobe.products import shard_corpus
from dfprobe.settings.stage_specs.features import (
    FeaturesSpec,
    MadeCrops,
    RowSettings,
)
from dfprobe.store.crops import CropReader
from dfprobe.store.parquet import read_parquet
from dfprobe.store.shards import shard_clips, update_shard

if TYPE_CHECKING:  # torch; encoders without a model do without it
    from dfprobe.features.passes import Passes

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes


def extract_features(
    manifest: Path,
    crops: Path,
    crops_index: Path,
    shard: str,
    spec: FeaturesSpec,
    out: Path,
    threads: int = 1,
) -> None:
    """Bring the feature store of one shard up to date.

    Clips whose keys still hold are taken from the last store; the others are
    encoded and noted in a journal beside it, so that a killed job goes on where it was.
    Clips of similar length follow each other, so that equally long ones can share a
    pass.

    Parameters
    ----------
    manifest, shard
        Manifest of the corpus (Parquet), and its shard, e.g. ``"000"``.
    crops, crops_index : Path
        The shard's crop store (HDF5) and its index (Parquet).
    spec : FeaturesSpec
        The encoder and how it runs.
    out : Path
        Feature store to write, see `dfprobe.store.features`.
    threads : int
        Clips that are read and prepared concurrently with the forward pass.

    Raises
    ------
    DataError
        If the crops do not belong to the manifest, or too many clips failed.
    EncoderError
        If the encoder cannot be built or breaks its own contract.
    """
    encoder = registry.build(spec.encoder, spec.device)
    clips = _clip_table(manifest, crops_index, shard, encoder.inputs)
    with CropReader(crops, crops_index) as reader:
        crops_made = MadeCrops.model_validate(reader.settings)
        passes = passes_of(encoder, spec, spec.batch_rows)
        read = partial(clip_inputs, encoder, crops=reader, trim=spec.trim)

        def encode(waiting: pl.DataFrame) -> Iterator[Encoded]:
            rows = waiting.sort("frames", "samples", "clip_id").to_dicts()
            return encoded(encoder, passes, rows, read, threads)

        task = f"features {spec.encoder.name} {shard_corpus(out)}/{shard}"
        update_shard(
            FeatureProduct(
                task=task,
                files=(out,),
                clips=clips,
                max_failed_share=spec.max_failed_share,
                dim=encoder.dim,
                dtype=spec.dtype,
                attributes=provenance(spec.encoder, encoder, spec.rows(), crops_made),
                encode=encode,
            )
        )


def passes_of(
    encoder: Encoder, settings: RowSettings, batch_rows: int | None
) -> Passes | None:
    """How an encoder's model runs; None for an encoder without one.

    ``batch_rows`` are the rows of one pass; None for what suits the device.
    """
    model = model_of(encoder)
    if model is None:
        return None
    from dfprobe.features.passes import Passes, batch_rows_on, precision_on

    device = model.device
    limits = Limits(
        batch_rows_on(device, batch_rows), settings.window_s, settings.overlap_s
    )
    return Passes(model, precision_on(device, settings.precision), limits)


def _clip_table(
    manifest: Path, crops_index: Path, shard: str, inputs: frozenset[str]
) -> pl.DataFrame:
    """Clips of the shard with their keys and the statuses of their inputs."""
    listed = shard_clips(manifest, shard)
    crops = read_parquet(crops_index).rename({"content_key": "cropped_key"})
    clips = listed.join(crops, on="clip_id", how="left", maintain_order="left")
    stale = clips.filter(pl.col("content_key").ne_missing(pl.col("cropped_key")))
    if stale.height or crops.height != listed.height:
        raise DataError(
            f"{crops_index} does not belong to {manifest}: {stale.height} of "
            f"{listed.height} clips differ. Run the crops stage of this shard again."
        )
    if not inputs & FROM_LANDMARKS:
        clips = clips.with_columns(crops_key=pl.lit(""))
    return clips

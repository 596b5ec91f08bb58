"""The features stage: one frozen encoder over the clips of one shard."""

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from dfprobe.code import code_digest
from dfprobe.encoders import registry
from dfprobe.encoders.base import ClipInputs, Encoder, EncoderSpec
from dfprobe.encoders.model_encoder import ModelEncoder, WholeClipEncoder
from dfprobe.encoders.parts import Limits
from dfprobe.errors import ClipError, DataError, EncoderError
from dfprobe.features.encoding import Encoded, encoded
from dfprobe.features.passes import Passes, batch_rows_on, precision_on
from dfprobe.features.store import FeatureReader, write_store
from dfprobe.media.crops import CropReader
from dfprobe.media.mouth import interpolate_landmarks
from dfprobe.media.video import frames_at_25fps
from dfprobe.outcome import check_failures, report_outcome
from dfprobe.progress import Progress
from dfprobe.status import Status
from dfprobe.storage import Journal, keep, kept, restore

log = logging.getLogger("dfprobe")

# Which stage status decides whether an input can be had, and which code makes it.
_STATUS_OF = {
    "frames": "video_status",
    "boxes": "video_status",  # of a clip without a face they are NaN
    "mouth": "face_status",
    "landmarks": "face_status",
    "waveform": "audio_status",
}
# Landmarks, their boxes and patches depend on the settings of the crops stage; the
# others only on the code that reads them.
_FROM_LANDMARKS = {"mouth", "landmarks", "boxes"}
_READ_BY = {"frames": "dfprobe.media.video", "waveform": "dfprobe.media.audio"}
_PACKAGES = ("numpy", "torch", "transformers", "librosa", "decord2")


def extract_features(
    manifest: Path,
    crops: Path,
    crops_index: Path,
    shard: str,
    spec: dict,
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
    manifest : Path
        Manifest of the corpus (Parquet).
    crops, crops_index : Path
        The shard's crop store (HDF5) and its index (Parquet).
    shard : str
        Shard of the manifest, e.g. ``"000"``.
    spec : dict
        ``encoder`` (fields of `EncoderSpec`), ``dtype`` (``float16`` or ``float32``),
        ``device`` (``auto`` or a torch device), ``precision`` (``auto``, ``float32``,
        ``float16``, ``bfloat16``), ``window_s``, ``overlap_s`` and ``batch_rows`` (see
        `Limits`; the last may be None), ``max_failed_share`` (0 to 1).
    out : Path
        Feature store to write, see `dfprobe.features.store`.
    threads : int
        Clips that are read and prepared at a time, beside the forward pass.

    Raises
    ------
    DataError
        If the crops do not belong to the manifest, or too many clips failed.
    EncoderError
        If the encoder cannot be built or breaks its own contract.
    """
    encoder_spec = EncoderSpec(**spec["encoder"])
    encoder = registry.build(encoder_spec, spec["device"])
    passes = _passes(encoder, spec)
    key = encoder_key(encoder_spec, encoder, spec)
    clips = _clip_table(manifest, crops_index, shard, encoder.inputs)
    valid, old = _still_valid(out, key, clips)
    task = f"features {encoder_spec.name} {out.parent.name}/{shard}"

    with Journal(out.with_name(out.name + ".journal"), key) as journal:
        finished = valid | _valid_ids(pl.DataFrame(list(journal.rows.values())), clips)
        waiting = clips.filter(~pl.col("clip_id").is_in(finished))
        with CropReader(crops, crops_index) as reader:
            progress = Progress(task, waiting.height)
            rows = waiting.sort("frames", "samples", "clip_id").to_dicts()
            read = partial(_inputs, encoder, crops=reader)
            for clip in encoded(encoder, passes, rows, read, threads):
                journal.append(*_entry(clip, encoder, spec["dtype"]))
                progress.step()
        index = _index(clips, old, valid, journal)
        previous = None if old is None else old.index
        resumed = len(finished) - len(valid)
        report_outcome(task, index, previous, waiting.height, resumed)
        check_failures(task, index, spec["max_failed_share"])  # the journal stays
        if old is not None and old.index.drop("offset").equals(index):
            restore(out)
        else:
            attributes = _attributes(encoder_spec, encoder, key)
            arrays = _arrays(index, old, valid, journal)
            write_store(out, index, arrays, encoder.dim, spec["dtype"], attributes)
            keep(out)
        journal.discard()


def encoder_key(spec: EncoderSpec, encoder: Encoder, settings: dict[str, Any]) -> str:
    """Hash of all that changes an encoder's numbers.

    The name of the encoder is not part of it; its family's code and the code that
    prepares its inputs are, without comments, docstrings and layout.

    Parameters
    ----------
    spec : EncoderSpec
        What the configuration says.
    encoder : Encoder
        What was built from it.
    settings : dict
        As for `extract_features`; which of them count depends on the encoder.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    readers = [_READ_BY[name] for name in encoder.inputs if name in _READ_BY]
    modules = [f"dfprobe.encoders.{spec.family}", *readers]
    parts = asdict(spec) | {
        "name": None,
        "weights_hash": encoder.weights_hash,
        "dtype": settings["dtype"],
        "code": code_digest(modules),
    }
    if isinstance(encoder, ModelEncoder):
        parts["precision"] = precision_on(encoder.device, settings["precision"])
    if isinstance(encoder, WholeClipEncoder):
        parts |= {name: settings[name] for name in ("window_s", "overlap_s")}
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _passes(encoder: Encoder, spec: dict[str, Any]) -> Passes | None:
    """How the model runs; None for an encoder without one."""
    if not isinstance(encoder, ModelEncoder):
        return None
    device = encoder.device
    batch_rows = batch_rows_on(device, spec["batch_rows"])
    limits = Limits(batch_rows, spec["window_s"], spec["overlap_s"])
    return Passes(encoder, precision_on(device, spec["precision"]), limits)


def _clip_table(
    manifest: Path, crops_index: Path, shard: str, inputs: frozenset[str]
) -> pl.DataFrame:
    """Clips of the shard with their keys and the statuses of their inputs."""
    listed = pl.read_parquet(
        manifest, columns=["clip_id", "path", "content_key", "shard"]
    )
    listed = listed.filter(pl.col("shard") == shard).drop("shard")
    crops = pl.read_parquet(crops_index).rename({"content_key": "cropped_key"})
    clips = listed.join(crops, on="clip_id", how="left", maintain_order="left")
    stale = clips.filter(pl.col("content_key").ne_missing(pl.col("cropped_key")))
    if stale.height or crops.height != listed.height:
        raise DataError(
            f"{crops_index} does not belong to {manifest}: {stale.height} of "
            f"{listed.height} clips differ. Run the crops stage of this shard again."
        )
    if not inputs & _FROM_LANDMARKS:
        clips = clips.with_columns(crops_key=pl.lit(""))
    return clips


def _valid_ids(rows: pl.DataFrame, clips: pl.DataFrame) -> set[str]:
    """Ids of the rows whose keys are those that the clips have now."""
    if rows.is_empty():
        return set()
    keys = ["clip_id", "content_key", "crops_key"]
    return set(rows.join(clips, on=keys, how="semi")["clip_id"])


def _still_valid(
    out: Path, key: str, clips: pl.DataFrame
) -> tuple[set[str], FeatureReader | None]:
    """Clips that need not be computed, and the store that holds them."""
    if not kept(out).exists():
        return set(), None
    try:
        old = FeatureReader(kept(out))
        old.verify()
    except DataError as error:
        log.warning("%s", error)
        return set(), None
    if old.attributes.get("encoder_key") != key:
        return set(), None
    return _valid_ids(old.index, clips), old


def _entry(
    clip: Encoded, encoder: Encoder, dtype: str
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Index row and features of one clip; a named status where there are none."""
    keys = ("clip_id", "content_key", "crops_key")
    entry = {name: clip.row[name] for name in keys}
    try:
        if clip.error is not None:
            raise clip.error
        stored = _checked(clip.features, encoder, entry["clip_id"], dtype)
    except ClipError as error:
        empty = np.empty((0, encoder.dim), dtype)
        failed = {"status": error.status, "detail": error.detail, "rows": 0}
        return entry | failed, {"features": empty}
    passed = {"status": Status.OK, "detail": clip.note, "rows": len(stored)}
    return entry | passed, {"features": stored}


def _check_inputs(encoder: Encoder, row: dict[str, Any]) -> None:
    """Refuse a clip that lacks an input of the encoder."""
    for name in sorted(encoder.inputs):
        status = Status(row[_STATUS_OF[name]])
        if status is not Status.OK:
            raise ClipError(status, row["detail"])


def _inputs(encoder: Encoder, row: dict[str, Any], crops: CropReader) -> ClipInputs:
    """Read what the encoder asks for; whole frames are decoded when it takes them."""
    _check_inputs(encoder, row)
    clip_id = row["clip_id"]
    readers: dict[str, Callable[[], Any]] = {
        "waveform": lambda: crops.waveform(clip_id),
        "mouth": lambda: crops.mouth(clip_id),
        "landmarks": lambda: _without_gaps(crops.landmarks(clip_id)),
        "boxes": lambda: crops.boxes(clip_id),
        "frames": lambda: partial(frames_at_25fps, Path(row["path"])),
    }
    return ClipInputs(clip_id, **{name: readers[name]() for name in encoder.inputs})


def _without_gaps(landmarks: np.ndarray) -> np.ndarray:
    return interpolate_landmarks(landmarks).astype(np.float32)


def _checked(
    features: np.ndarray, encoder: Encoder, clip_id: str, dtype: str
) -> np.ndarray:
    """Features in the stored type, refused where the probe could not use them."""
    if features.ndim != 2 or features.shape[1] != encoder.dim or not len(features):
        raise EncoderError(
            f"{clip_id}: the encoder returned an array of shape {features.shape}, "
            f"expected (rows >= 1, {encoder.dim})."
        )
    with np.errstate(over="ignore"):  # an overflow is looked for right below
        stored = features.astype(dtype)
    finite = np.isfinite(stored).all(axis=1)
    if not finite.all():
        raise ClipError(
            Status.NON_FINITE,
            f"row {int(finite.argmin())} of {len(stored)} is not finite as {dtype}; if "
            "the encoder's values are large, set features.dtype to float32",
        )
    directed = stored.any(axis=1)
    if not directed.all():
        raise ClipError(
            Status.NON_FINITE,
            f"row {int(directed.argmin())} of {len(stored)} is all zero, so that it "
            "cannot be divided by its norm",
        )
    return stored


def _index(
    clips: pl.DataFrame, old: FeatureReader | None, valid: set[str], journal: Journal
) -> pl.DataFrame:
    """Index of the whole shard, in the order of the clips."""
    rows = {clip_id: journal.rows[clip_id] for clip_id in journal.rows}
    if old is not None:
        held = {row["clip_id"]: row for row in old.index.iter_rows(named=True)}
        rows |= {clip_id: held[clip_id] for clip_id in valid}
    columns = ["clip_id", "status", "detail", "rows", "content_key", "crops_key"]
    picked = [{name: rows[key][name] for name in columns} for key in clips["clip_id"]]
    schema = {name: pl.String for name in columns} | {"rows": pl.Int64}
    return pl.DataFrame(picked, schema=schema)


def _arrays(
    index: pl.DataFrame, old: FeatureReader | None, valid: set[str], journal: Journal
) -> Iterator[np.ndarray]:
    for clip_id in index.filter(pl.col("rows") > 0)["clip_id"]:
        if old is not None and clip_id in valid:
            yield old.clip(clip_id)
        else:
            yield journal.arrays(clip_id)["features"]


def _attributes(spec: EncoderSpec, encoder: Encoder, key: str) -> dict[str, Any]:
    return {
        "encoder": asdict(spec),
        "encoder_key": key,
        "weights_hash": encoder.weights_hash,
        "layers": encoder.layers,
        "modality": registry.modality(spec.family, spec.stream),
        "rate_hz": encoder.rate_hz,
        "first_row_s": encoder.first_row_s,
        "versions": {name: version(name) for name in _PACKAGES},
    }

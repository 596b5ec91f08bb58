"""The features stage: one frozen encoder over the clips of one shard."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
import polars as pl

from dfprobe.code import code_digest
from dfprobe.encoders import registry
from dfprobe.encoders.base import ClipInputs, Encoder, ModelBased
from dfprobe.encoders.parts import Limits
from dfprobe.errors import ClipError, DataError
from dfprobe.features.encoding import encoded
from dfprobe.features.rows import Encoded
from dfprobe.features.trimming import silent_frames, without_start
from dfprobe.features.update import Origin, update_store
from dfprobe.media.audio import leading_silence_s
from dfprobe.media.crops import CropReader
from dfprobe.media.mouth import interpolate_landmarks
from dfprobe.media.video import frames_at_25fps
from dfprobe.parquet import read_parquet
from dfprobe.settings import encoder_families
from dfprobe.settings.specs import EncoderSpec
from dfprobe.status import Status

if TYPE_CHECKING:  # torch; encoders without a model do without it
    from dfprobe.encoders.model_encoder import ModelEncoder
    from dfprobe.features.passes import Passes

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
_TRIMMED_BY = ["dfprobe.media.audio", "dfprobe.features.trimming"]
# What the spec of the stage holds beside the settings that change numbers.
_NO_NUMBERS = {"encoder", "device", "batch_rows", "max_failed_share"}
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
        `Limits`; the last may be None), ``max_failed_share`` (0 to 1), and ``trim``
        where clips are trimmed (``leading_silence``).
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
    clips = _clip_table(manifest, crops_index, shard, encoder.inputs)
    with CropReader(crops, crops_index) as reader:
        origin = Origin(
            encoder.dim,
            spec["dtype"],
            provenance(encoder_spec, encoder, spec, reader.settings),
        )
        passes = passes_of(encoder, spec)
        trim = spec.get("trim")
        read = partial(clip_inputs, encoder, crops=reader, trim=trim)

        def encode(waiting: pl.DataFrame) -> Iterator[Encoded]:
            rows = waiting.sort("frames", "samples", "clip_id").to_dicts()
            return encoded(encoder, passes, rows, read, threads)

        task = f"features {encoder_spec.name} {out.parent.name}/{shard}"
        update_store(task, out, clips, origin, encode, spec["max_failed_share"])


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
    trim = settings.get("trim")
    if trim is not None:
        modules += _TRIMMED_BY
    parts = asdict(spec) | {
        "name": None,
        "weights_hash": encoder.weights_hash,
        "dtype": settings["dtype"],
        "code": code_digest(modules),
    }
    if (model := _model(encoder)) is not None:
        from dfprobe.features.passes import precision_on

        parts["precision"] = precision_on(model.device, settings["precision"])
        if model.whole_clip:
            parts |= {name: settings[name] for name in ("window_s", "overlap_s")}
    if trim is not None:
        parts["trim"] = trim
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def passes_of(encoder: Encoder, spec: dict[str, Any]) -> Passes | None:
    """How an encoder's model runs; None for an encoder without one.

    Parameters
    ----------
    encoder : Encoder
    spec : dict
        ``precision``, ``window_s``, ``overlap_s``, ``batch_rows`` as for
        `extract_features`.
    """
    model = _model(encoder)
    if model is None:
        return None
    from dfprobe.features.passes import Passes, batch_rows_on, precision_on

    device = model.device
    batch_rows = batch_rows_on(device, spec["batch_rows"])
    limits = Limits(batch_rows, spec["window_s"], spec["overlap_s"])
    return Passes(model, precision_on(device, spec["precision"]), limits)


def _model(encoder: Encoder) -> ModelEncoder | None:
    """Give the encoder if it is a torch module, without asking torch."""
    return cast("ModelEncoder", encoder) if isinstance(encoder, ModelBased) else None


def _clip_table(
    manifest: Path, crops_index: Path, shard: str, inputs: frozenset[str]
) -> pl.DataFrame:
    """Clips of the shard with their keys and the statuses of their inputs."""
    listed = read_parquet(manifest, columns=["clip_id", "path", "content_key", "shard"])
    listed = listed.filter(pl.col("shard") == shard).drop("shard")
    crops = read_parquet(crops_index).rename({"content_key": "cropped_key"})
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


def _check_inputs(encoder: Encoder, row: Mapping[str, Any]) -> None:
    """Refuse a clip that lacks an input of the encoder."""
    for name in sorted(encoder.inputs):
        status = Status(row[_STATUS_OF[name]])
        if status is not Status.OK:
            raise ClipError(status, row["detail"])


class Crops(Protocol):
    """Where the arrays of clips are found; `CropReader` says what each one is."""

    def waveform(self, clip_id: str) -> np.ndarray:
        """Mono sound at 16 kHz."""
        ...

    def mouth(self, clip_id: str) -> np.ndarray:
        """Mouth patches."""
        ...

    def landmarks(self, clip_id: str) -> np.ndarray:
        """Landmarks, NaN without a face."""
        ...

    def boxes(self, clip_id: str) -> np.ndarray:
        """Face boxes, NaN without a face."""
        ...


def clip_inputs(
    encoder: Encoder, row: Mapping[str, Any], crops: Crops, trim: str | None = None
) -> ClipInputs:
    """Read what the encoder asks for; whole frames are decoded when it takes them.

    Parameters
    ----------
    encoder : Encoder
    row : mapping
        ``clip_id``, ``path``, ``detail``, and the statuses of the crops stage.
    crops : Crops
        Where the clip's arrays are.
    trim : str or None
        ``leading_silence``: its start is cut, see `dfprobe.features.trimming`.

    Raises
    ------
    ClipError
        With the status of an input that the clip lacks.
    """
    _check_inputs(encoder, row)
    clip_id = row["clip_id"]
    readers: dict[str, Callable[[], Any]] = {
        "waveform": lambda: crops.waveform(clip_id),
        "mouth": lambda: crops.mouth(clip_id),
        "landmarks": lambda: _without_gaps(crops.landmarks(clip_id)),
        "boxes": lambda: crops.boxes(clip_id),
        "frames": lambda: partial(frames_at_25fps, Path(row["path"])),
    }
    whole = ClipInputs(clip_id, **{name: readers[name]() for name in encoder.inputs})
    return whole if trim is None else without_start(whole, trimmed_frames(row, crops))


def trimmed_frames(row: Mapping[str, Any], crops: Crops) -> int:
    """Frames at the start of a clip that trimming leaves out; arguments as above."""
    if row["audio_status"] != Status.OK:
        return silent_frames(None)
    return silent_frames(leading_silence_s(crops.waveform(row["clip_id"])))


def _without_gaps(landmarks: np.ndarray) -> np.ndarray:
    return interpolate_landmarks(landmarks).astype(np.float32)


def needs_faces(encoder: Encoder) -> bool:
    """Whether an encoder reads anything that is made from landmarks."""
    return bool(encoder.inputs & _FROM_LANDMARKS)


def provenance(
    spec: EncoderSpec,
    encoder: Encoder,
    settings: Mapping[str, Any],
    crops: Mapping[str, Any],
) -> dict[str, Any]:
    """Tell what rows are made of, so that more of them can be made.

    Parameters
    ----------
    spec : EncoderSpec
        What the configuration says.
    encoder : Encoder
        What was built from it.
    settings : mapping
        As the spec of `extract_features`.
    crops : mapping
        Settings of the crops; kept where the encoder's inputs depend on them.

    Returns
    -------
    dict
        JSON values: the attributes of a feature store, taken over by trained heads.
    """
    return {
        "encoder": asdict(spec),
        "encoder_key": encoder_key(spec, encoder, dict(settings)),
        "weights_hash": encoder.weights_hash,
        "settings": {k: v for k, v in settings.items() if k not in _NO_NUMBERS},
        "crops": dict(crops) if needs_faces(encoder) else None,
        "layers": encoder.layers,
        "modality": encoder_families.modality(spec.family, spec.stream),
        "rate_hz": encoder.rate_hz,
        "first_row_s": encoder.first_row_s,
        "versions": {name: version(name) for name in _PACKAGES},
    }

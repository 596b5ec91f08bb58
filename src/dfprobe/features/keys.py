"""What changes the numbers of feature rows, in one key."""

from __future__ import annotations

from dataclasses import asdict
from importlib.metadata import version

from dfprobe import recipes
from dfprobe.code import code_digest
from dfprobe.encoders.contract import Encoder
from dfprobe.features.inputs import model_of, needs_faces
from dfprobe.settings import encoder_families
from dfprobe.settings.specs import EncoderSpec
from dfprobe.settings.stage_specs.features import MadeCrops, RowSettings
from dfprobe.store.features import Attributes
from dfprobe.store.hashes import key_of

_PACKAGES = ("numpy", "torch", "transformers", "librosa", "decord2")


def encoder_key(spec: EncoderSpec, encoder: Encoder, settings: RowSettings) -> str:
    """Hash of all that changes an encoder's numbers: 64 hexadecimal digits.

    The name of the encoder is not part of it, and of trained weights only the hash of
    their content is: neither their path and revision nor a seed, which they ignore.
    Which of the settings count depends on the encoder.
    """
    trim = settings.trim
    heard = () if trim is None else ("waveform",)  # sound decides what is cut
    parts = _identity(spec) | {
        "weights_hash": encoder.weights_hash,
        "dtype": settings.dtype,
        "recipes": recipes.rows(
            spec.family, {*encoder.inputs, *heard}, trim is not None
        ),
    }
    if (model := model_of(encoder)) is not None:
        from dfprobe.features.passes import precision_on

        parts["precision"] = precision_on(model.device, settings.precision)
        if model.whole_clip:
            parts["window_s"] = settings.window_s
            parts["overlap_s"] = settings.overlap_s
    if trim is not None:
        parts["trim"] = trim
    return key_of(parts)


def _identity(spec: EncoderSpec) -> Attributes:
    """Fields of the spec that change numbers, besides the content of the weights."""
    fields = asdict(spec)
    for name in ("name", "revision"):
        del fields[name]
    if spec.weights not in ("none", "random"):
        del fields["weights"], fields["seed"]
    return fields


def provenance(
    spec: EncoderSpec,
    encoder: Encoder,
    settings: RowSettings,
    crops: MadeCrops,
) -> Attributes:
    """Describe how rows were made, so that more rows can be made the same way.

    Returns
    -------
    dict
        JSON values: the attributes of a feature store, taken over by trained heads.
        Settings of the crops are kept where the encoder's inputs depend on them.
    """
    return {
        "encoder": asdict(spec),
        "encoder_key": encoder_key(spec, encoder, settings),
        "weights_hash": encoder.weights_hash,
        "settings": settings.model_dump(),
        "crops": crops.model_dump() if needs_faces(encoder) else None,
        "layers": encoder.layers,
        "modality": encoder_families.modality(spec.family, spec.stream),
        "rate_hz": encoder.rate_hz,
        "first_row_s": encoder.first_row_s,
        "code": code_digest([__name__, encoder_families.module(spec.family)]),
        "versions": {name: version(name) for name in _PACKAGES},
    }

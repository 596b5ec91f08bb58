"""Specs of the stages from clips to rows: crops, features, feature files."""

from typing import Literal

from dfprobe.settings.specs import EncoderSpec, Spec


class CropSettings(Spec):
    """How faces are found; see `dfprobe.settings.stages.Crops`."""

    detect_every: int
    upsample: int


class CropsSpec(CropSettings):
    """The crops stage."""

    max_failed_share: float


class MadeCrops(CropSettings):
    """How the crops of a shard were made, and their key."""

    crops_key: str


class Windows(Spec):
    """Which part of a clip an encoder sees at once.

    ``trim``: the start of clips that is left out; ``window_s``, ``overlap_s``: see
    `dfprobe.settings.stages.Features`.
    """

    trim: Literal["leading_silence"] | None = None
    window_s: float
    overlap_s: float


class RowSettings(Windows):
    """Settings that change the numbers of an encoder's rows."""

    dtype: Literal["float16", "float32"]
    precision: Literal["auto", "float32", "float16", "bfloat16"]


class FeaturesSpec(RowSettings):
    """The features stage: one encoder, and how it runs."""

    encoder: EncoderSpec
    device: str
    batch_rows: int | None
    max_failed_share: float

    def rows(self) -> RowSettings:
        """Return the settings that change numbers, without the others."""
        return RowSettings.of(self)


class FilesEncoder(Spec):
    """An encoder whose rows are in files; see `dfprobe.settings.encoders`."""

    name: str
    source: Literal["files"]
    stream: str
    root: str
    rate_hz: float
    first_row_s: float


class FilesSpec(Spec):
    """Features of one encoder, from feature files."""

    encoder: FilesEncoder
    dtype: Literal["float16", "float32"]
    max_failed_share: float

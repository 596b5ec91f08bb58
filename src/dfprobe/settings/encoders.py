"""Settings of an encoder: a family that computes its rows, or files that hold them."""

from typing import Annotated, Any, ClassVar, Literal, TypeAlias

from pydantic import Field, ValidationInfo, WrapValidator, field_validator

from dfprobe.settings import encoder_families
from dfprobe.settings.file_streams import MODALITIES, RATE_HZ
from dfprobe.settings.model import (
    Layer,
    Options,
    Settings,
    derived,
    expected,
    known,
    require_known,
    told,
)
from dfprobe.settings.options import options_of

_STORED = {"file", "hub"}  # kinds of weights that are named, not described
_OF_FILES, _OF_A_FAMILY = "`source: files`", "an encoder with a `family`"


class ComputedEncoder(Settings):
    """An encoder that reads videos."""

    elsewhere = dict.fromkeys(("root", "rate_hz", "first_row_s"), _OF_FILES)

    source: Literal["videos"] = Field(
        "videos", description="`videos` are encoded by `family`."
    )
    family: Annotated[str, known(encoder_families.families)] = Field(
        description="Module of dfprobe.encoders that builds it."
    )
    label: str = derived("Name in tables and figures; null takes the key.")
    stream: str = derived(
        "Which of the family's streams is encoded; null takes the only one."
    )
    weights: str = derived(
        "A hub id, a local file or folder, or `random`; null only where the family has "
        "nothing to load."
    )
    revision: str | None = Field(
        None, description="Revision of a hub id; null takes the newest."
    )
    trim: Literal["leading_silence"] | None = Field(
        None,
        description="`leading_silence` cuts the silent start of each clip before the "
        "encoder sees it, of the sound and of the video, by the rule of AVH-Align; "
        "null encodes whole clips.",
    )
    layer: Layer = Field(
        "last",
        description="Hidden layer whose output is the feature (0 is the first layer's "
        "input); `last` is what the model returns; `all` puts all hidden layers side "
        "by side.",
    )
    seed: int = Field(0, ge=0, description="Seed of random weights.")
    options: Annotated[
        Options, options_of("family", encoder_families.family_options)
    ] = Field({}, description="The family's own settings.")

    @property
    def modality(self) -> str:
        """``audio``, ``visual`` or ``audio-visual``."""
        return encoder_families.modality(self.family, self.stream)

    @field_validator("stream")
    @classmethod
    def _of_the_family(cls, stream: str, info: ValidationInfo) -> str:
        if "family" not in info.data:
            return stream
        offered = encoder_families.streams(info.data["family"])
        if not stream and len(offered) == 1:
            return offered[0]
        require_known(stream, offered)
        return stream

    @field_validator("weights")
    @classmethod
    def _can_be_loaded(cls, weights: str, info: ValidationInfo) -> str:
        if "family" not in info.data:
            return weights
        family = info.data["family"]
        kinds = encoder_families.weights(family)
        if not weights and list(kinds) == ["none"]:
            return "none"
        if weights:
            named = weights if weights in ("none", "random") else None
            if named in kinds or (named is None and kinds.keys() & _STORED):
                return weights
        allowed = [
            f"the name of a {about}" if kind in _STORED else f"`{kind}` ({about})"
            for kind, about in kinds.items()
        ]
        raise told(
            f"the family {family} takes {' or '.join(allowed)}, but it is "
            f"{weights or None!r}."
        )

    @field_validator("layer", mode="before")
    @classmethod
    def _is_a_layer(cls, layer: Any) -> Any:
        if layer in ("last", "all") or (type(layer) is int and layer >= 0):
            return layer
        raise expected("must be `last`, `all` or a layer number (an integer from 0)")


class FeatureFiles(Settings):
    """An encoder that ran elsewhere, by the feature files that it left."""

    elsewhere = dict.fromkeys(
        ("family", "weights", "revision", "trim", "layer", "seed", "options"),
        _OF_A_FAMILY,
    )
    weights: ClassVar[str] = "files"

    source: Literal["files"] = Field(
        description="`files` are features that were made elsewhere, in the published "
        "layout (`root`, `stream`)."
    )
    root: str = Field(
        description="Folder of the feature files, `{corpus}` in it stands for the name "
        "of the corpus."
    )
    label: str = derived("Name in tables and figures; null takes the key.")
    stream: Annotated[str, known(lambda: list(MODALITIES))] = derived(
        "`audio`, `video` or `audio_video`."
    )
    rate_hz: float = Field(RATE_HZ, gt=0, description="Rows per second.")
    first_row_s: float = Field(
        0.0, description="Start of row 0, in seconds after the first video frame."
    )

    @property
    def modality(self) -> str:
        """``audio``, ``visual`` or ``audio-visual``."""
        return MODALITIES[self.stream]


def _encoder(data: Any) -> ComputedEncoder | FeatureFiles:
    """Check an encoder by the model that its `source` asks for."""
    source = data.get("source") if isinstance(data, dict) else None
    if isinstance(data, FeatureFiles) or source == "files":
        return FeatureFiles.model_validate(data)
    if source not in (None, "videos"):
        raise told(f"its source must be `videos` or `files`, but it is {source!r}.")
    return ComputedEncoder.model_validate(data)


Encoder: TypeAlias = Annotated[
    ComputedEncoder | FeatureFiles, WrapValidator(lambda data, _: _encoder(data))
]

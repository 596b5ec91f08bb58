"""Settings of single stages: typed, and as JSON on the command line of a job.

Snakemake compares the JSON of a stage's spec with that of the last run: what a spec
holds is what makes the products of its stage stale.
"""

import json
from dataclasses import dataclass, field
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from dfprobe.errors import ConfigError
from dfprobe.settings.messages import sentences
from dfprobe.settings.model import Layer, Options


class Spec(BaseModel):
    """Base of the specs: frozen, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    @classmethod
    def of(cls, *sources: object, **others: object) -> Self:
        """Take each field by its name: from ``others``, else the first source with it.

        Raises
        ------
        pydantic.ValidationError
            If no source has a field, or its value is of another type.
        """
        taken = {
            name: getattr(source, name)
            for source in reversed(sources)
            for name in cls.model_fields
            if hasattr(source, name)
        }
        return cls.model_validate(taken | others)

    def to_json(self) -> str:
        """JSON with sorted keys: equal specs give equal texts."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what `to_json` wrote.

        Raises
        ------
        ConfigError
            If it is not JSON, or not the spec of this stage.
        """
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            raise ConfigError("\n".join(sentences(error, "--spec"))) from None


@dataclass(frozen=True)
class EncoderSpec:
    """How an encoder is built: a part of the specs, and a value of its own."""

    __pydantic_config__ = ConfigDict(extra="forbid", strict=True)

    name: str  # key in the configuration, e.g. avhubert_v
    family: str  # module of dfprobe.encoders.families that builds it
    stream: str  # one of the family's STREAMS, e.g. audio, video, audio_video
    weights: str = "random"  # or none (to learn), a hub id, a local file or folder
    revision: str | None = None  # of a hub id
    # Hidden layer whose output is the feature, without the model's final norm; 0 is the
    # input of the first layer. last is what the model returns; all puts all hidden
    # layers side by side, 0 first.
    layer: Layer = "last"
    seed: int = 0  # of random weights
    options: Options = field(default_factory=dict)  # checked against its OPTIONS

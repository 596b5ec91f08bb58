"""Settings of the explanations in space and in time."""

from typing import Annotated

from pydantic import Field

from dfprobe.settings.model import FromList, Names, Settings, derived


class Spatial(Settings):
    """Explanations in space: which places of a frame make the linear probe say fake."""

    encoders: Names = Field(
        description="Encoders whose rows are explained; they must see frames or lips."
    )
    train: str = derived(
        "Corpus that the explained probe is trained on; null takes the last of `train`."
    )
    test: Names = Field(
        description="Corpora whose test fakes are explained; each must be in `test` "
        "too."
    )
    frames: int = Field(
        4,
        ge=1,
        description="Frames of a clip, evenly over its manipulated seconds; where "
        "people clicked on frames, those are taken.",
    )
    clips: int = Field(
        12,
        ge=1,
        description="Clips of a test corpus, of all manipulations; where people "
        "clicked on clips, all of those are taken.",
    )
    seed: int = Field(
        43, ge=0, description="Seed of the choice of clips and of the two checks."
    )
    checks: bool = Field(
        True,
        description="Also make the maps of a probe of shuffled labels and of an "
        "encoder of random weights, which must differ.",
    )


class DrawnClip(Settings):
    """A clip whose curve is drawn."""

    clip: str = Field(
        description="Its clip_id, the path below the corpus root without suffix."
    )
    encoder: str = Field(description="Encoder under the first head.")


class Temporal(Settings):
    """Explanations in time (explain/, figures/temporal/)."""

    clips: dict[
        str, Annotated[tuple[DrawnClip, ...], FromList, Field(min_length=1)]
    ] = Field(
        {},
        description="Clips whose curves are drawn, by test corpus with known fake "
        "segments; for a corpus without an entry the figure's own rule chooses.",
    )

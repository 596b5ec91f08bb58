"""Settings of the heads that are trained on real clips alone."""

from typing import Annotated, Literal

from pydantic import Field

from dfprobe.settings.model import FromList, Names, Once, Settings, derived

Widths = Annotated[
    tuple[Annotated[int, Field(ge=1)], ...],
    FromList,
    Field(min_length=3, max_length=3),
]
Streams = Annotated[tuple[str, ...], FromList, Field(min_length=1, max_length=2), Once]


class AnomalyRow(Settings):
    """One line of the table."""

    streams: Streams = Field(
        description="One encoder, or two: a visual one, then an audio one. "
        "Synchronisation wants two."
    )
    label: str = derived("Name in the table; null joins the encoders' labels.")

    @property
    def name(self) -> str:
        """Name in paths: ``a``, or ``a+b`` for a pair."""
        return "+".join(self.streams)


class _Fit(Settings):
    """How either head is trained."""

    max_epochs: int = Field(100, ge=1, description="Epochs at most.")
    patience: int = Field(
        10,
        ge=1,
        description="Epochs without a lower validation loss before training stops.",
    )
    learning_rate: float = Field(
        0.001, gt=0, description="Step size of Adam at the start."
    )
    seed: int = Field(
        43, ge=0, description="Seed of initial weights and of the order of clips."
    )


class NextToken(_Fit):
    """Next-token prediction; the defaults are the paper's."""

    width: int = Field(512, ge=2, description="Width of the Transformer.")
    feed_forward: int = Field(
        1024, ge=1, description="Width of its feed-forward layers."
    )
    heads: int = Field(
        4, ge=1, description="Attention heads of a layer; they divide the width."
    )
    layers: int = Field(4, ge=1, description="Number of layers.")
    dropout: float = Field(
        0.1, ge=0, le=0.9, description="Share of values that training sets to zero."
    )
    batch_size: int = Field(32, ge=1, description="Clips per step.")


class Sync(_Fit):
    """Audio-video synchronisation; the defaults are those of AVH-Align."""

    max_epochs: int = Field(500, ge=1, description="Epochs at most.")
    learning_rate: float = Field(
        0.00001, gt=0, description="Step size of Adam at the start."
    )
    hidden: int = Field(1024, ge=2, description="Width of both projections together.")
    widths: Widths = Field(
        (512, 256, 128), description="Widths of the three hidden layers."
    )
    tau: int = Field(
        15,
        ge=1,
        description="Rows before and after that are compared with the matching one.",
    )
    batch_frames: int = Field(1024, ge=1, description="Rows per step.")
    direction: Literal["audio", "video"] = Field(
        "audio",
        description="`audio` varies the sound against a fixed frame, as the released "
        "code does; `video` varies the frame against a fixed sound, as the paper says.",
    )
    shuffle: bool = Field(
        False,
        description="Mix the rows of many clips in a step; false takes the clips in "
        "the order of the list, as published.",
    )


class Anomaly(Settings):
    """Heads that are trained on real clips alone, and their table."""

    corpus: str = Field(
        description="Corpus whose real clips (splits train and val) are learned from."
    )
    test: Names = Field(description="Corpora of the table; each must be in `test` too.")
    rows: Annotated[tuple[AnomalyRow, ...], FromList, Field(min_length=1)] = Field(
        description="Rows of the table."
    )
    next_token: NextToken = NextToken()
    sync: Sync = Sync()

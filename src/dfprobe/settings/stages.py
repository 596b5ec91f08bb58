"""Settings of single stages: crops, features, training, fusion, the report."""

from typing import Annotated, Literal

from pydantic import Field

from dfprobe.settings.model import DEVICE, FromList, Once, Settings, derived

FusedSet = Annotated[tuple[str, ...], FromList, Field(min_length=3), Once]


class Crops(Settings):
    """Faces, landmarks and mouth patches."""

    detect_every: int = Field(
        1,
        ge=1,
        description="Detect faces on every k-th frame, around the last one, and follow "
        "the landmarks in between; 1 is the AV-HuBERT recipe exactly, 5 is about 5 to "
        "15 times faster.",
    )
    upsample: int = Field(
        1,
        ge=0,
        le=2,
        description="How often a frame is doubled before detection; 1 is the recipe, 0 "
        "is four times faster and misses faces below about 80 pixels.",
    )


class Features(Settings):
    """Feature stores."""

    dtype: Literal["float16", "float32"] = Field(
        "float16", description="Type in which features are stored."
    )
    device: str = Field(
        "auto",
        pattern=DEVICE,
        description="Where encoders run: `auto` takes the GPU when there is one.",
    )
    precision: Literal["auto", "float32", "float16", "bfloat16"] = Field(
        "auto",
        description="Arithmetic of the encoders. `auto` is float16 (autocast) on a GPU "
        "and float32 on the CPU. A part of a clip that overflows is computed again in "
        "float32.",
    )
    window_s: float = Field(
        40,
        ge=1,
        description="Longest stretch, in seconds, that an encoder of whole clips sees "
        "at once. A longer clip is encoded in overlapping windows, a shorter one in a "
        "single pass.",
    )
    overlap_s: float = Field(
        4,
        ge=0,
        description="What two neighbouring windows share, in seconds; less than "
        "`window_s`.",
    )
    batch_rows: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Rows that go through an encoder in one pass; null takes 32 on the "
        "CPU and 1024 on a GPU. Clips are never padded: only parts of equal length "
        "share a pass.",
    )


class Training(Settings):
    """How heads are trained; changes no setting of the method."""

    memory_mb: int = Field(
        4000,
        ge=200,
        description="Memory of one training job, in MB. Features that fit into it are "
        "read once, the rest is streamed in every epoch.",
    )
    device: str = Field(
        "auto",
        pattern=DEVICE,
        description="Where heads are trained; `auto` takes the GPU when there is one. "
        "Linear probes are always trained on the CPU: their steps are too small for a "
        "GPU.",
    )


class FusionFigure(Settings):
    """Corpora that the figure of fusion is about."""

    train: str = Field(description="One of `train`.")
    test: str = Field(description="One of `test`.")


class Fusion(Settings):
    """Late fusion of encoders under the first head (fusion/), of all pairs."""

    sets: Annotated[tuple[FusedSet, ...], FromList] = Field(
        (), description="Larger sets to fuse, each a list of three encoders or more."
    )
    figure: FusionFigure | None = Field(
        None,
        description="Corpora that the figure is about; null takes the last of `train`, "
        "and the first other one of `test`.",
    )


class External(Settings):
    """A detector from outside."""

    label: str = derived("Name in tables; null takes the key.")
    trained_on: str = Field(
        "unknown",
        pattern="^[A-Za-z0-9][A-Za-z0-9_+-]*$",
        description="What it was trained on: a corpus of this config, or another name.",
    )
    scores: Annotated[dict[str, str], Field(min_length=1)] = Field(
        description="CSV files by test corpus, with the columns `clip_id` or `path`, "
        "and `score` (larger = more fake)."
    )


class Report(Settings):
    """The report site (report/)."""

    clips: int = Field(
        24,
        ge=0,
        description="Clips of each test corpus that the explorer shows with frames, "
        "sound and curves; it lists the scores of all.",
    )
    frames: int = Field(
        75,
        ge=1,
        description="Frames of such a clip at most, at even steps of 40 ms or a "
        "multiple of it.",
    )

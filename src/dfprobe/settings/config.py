"""The configuration: what is evaluated, on what, and how."""

from typing import Annotated

from pydantic import Field

from dfprobe.settings.anomaly import Anomaly
from dfprobe.settings.corpora import Corpus
from dfprobe.settings.encoders import Encoder
from dfprobe.settings.explanations import Spatial, Temporal
from dfprobe.settings.heads import Head
from dfprobe.settings.model import Name, Names, Settings
from dfprobe.settings.stages import Crops, External, Features, Fusion, Report, Training


class Config(Settings):
    """What is evaluated, on what, and how. Unknown keys are refused."""

    corpora: Annotated[dict[Name, Corpus], Field(min_length=1)] = Field(
        description="Data sets, by the name that stands in paths and tables."
    )
    encoders: Annotated[dict[Name, Encoder], Field(min_length=1)] = Field(
        description="Rows of the matrix, by the name that stands in paths and tables."
    )
    train: Names = Field(description="Corpora on which a head is trained.")
    test: Names = Field(description="Corpora on which every head is tested.")
    crops: Crops = Crops()
    features: Features = Features()
    heads: Annotated[dict[Name, Head], Field(min_length=1)] = Field(
        {"linear": Head()},
        description="What is trained on clip labels, by the name that stands in paths "
        "and tables. The first one gives xdata_matrix.csv.",
    )
    anomaly: Anomaly | None = Field(
        None,
        description="Heads that are trained on real clips alone, and the table "
        "anomaly.csv; null trains none.",
    )
    spatial: Spatial | None = Field(
        None,
        description="Explanations in space: which places of a frame make the linear "
        "probe say fake (spatial/); null makes none.",
    )
    temporal: Temporal = Temporal()
    fusion: Fusion = Fusion()
    external: dict[Name, External] = Field(
        {},
        description="Detectors from outside, by the name that stands in tables; they "
        "get a row in detectors.csv.",
    )
    training: Training = Training()
    report: Report = Report()
    max_failed_share: float = Field(
        0.1,
        ge=0,
        le=1,
        description="Share of a shard's clips that may fail at a stage (unreadable, no "
        "face, no audio, ...) before the run stops with their list.",
    )

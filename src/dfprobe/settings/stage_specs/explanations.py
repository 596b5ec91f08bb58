"""Specs of the explanations in space and in time, and of their figures."""

from dfprobe.settings.explanations import DrawnClip
from dfprobe.settings.specs import EncoderSpec, Spec
from dfprobe.settings.stage_specs.features import Windows
from dfprobe.settings.stage_specs.heads import HeadSpec
from dfprobe.settings.stage_specs.labels import Labelled


class FramesSpec(Windows):
    """Maps of an encoder; see `dfprobe.settings.explanations.Spatial`.

    ``head`` is how the probe on shuffled labels is trained; None where the maps are not
    checked.
    """

    encoder: EncoderSpec
    device: str
    batch_rows: int | None
    frames: int
    clips: int
    seed: int
    head: HeadSpec | None


class PointsSpec(Spec):
    """Tables of how well maps name the manipulated place.

    ``truth`` names the folder of the ground truth of each generated corpus.
    """

    train: str
    test: tuple[str, ...]
    truth: dict[str, str]
    encoders: tuple[Labelled, ...]


class SpatialFiguresSpec(Spec):
    """Labels of the figures of maps."""

    corpora: dict[str, str]
    encoders: tuple[Labelled, ...]


class CurvesHead(Spec):
    """A head with curves: on what, and whether its score is a log-sum-exp over time."""

    name: str
    encoders: tuple[str, ...]
    train: tuple[str, ...]
    test: tuple[str, ...]
    log_sum_exp: bool


class CurvesEncoder(Labelled):
    """An encoder or pair of encoders in the tables of curves."""

    modality: str


class LocalisationSpec(Spec):
    """Tables over all curves; ``localised`` are the corpora with fake segments."""

    heads: tuple[CurvesHead, ...]
    encoders: tuple[CurvesEncoder, ...]
    test: tuple[str, ...]
    localised: tuple[str, ...]


class TemporalFiguresSpec(Spec):
    """The head that both summary figures show, and labels of corpora."""

    head: str
    corpora: dict[str, str]


class PanelsSpec(Spec):
    """The panels of one corpus; ``clips`` empty leaves the choice to the figure."""

    head: str
    train: str
    test: str
    label: str
    encoders: tuple[CurvesEncoder, ...]
    clips: tuple[DrawnClip, ...]

"""Specs of the tables over all encoders and of their figures: rows, columns, labels."""

from dfprobe.settings.specs import Spec
from dfprobe.settings.stage_specs.labels import Labelled


class EncoderRow(Labelled):
    """An encoder in the tables.

    ``untrimmed`` names the same encoder on whole clips, for one that has its clips
    trimmed.
    """

    modality: str
    weights: str
    untrimmed: str | None


class HeadName(Spec):
    """A head in the tables: its entry of `heads`, its seed, what it is trained on."""

    name: str
    entry: str
    seed: int
    encoders: tuple[str, ...]


class MatrixSpec(Spec):
    """Rows and columns of the tables; the first head is that of the matrix.

    ``corpora`` gives the labels of all corpora that are used.
    """

    heads: tuple[HeadName, ...]
    encoders: tuple[EncoderRow, ...]
    corpora: dict[str, str]
    train: tuple[str, ...]
    test: tuple[str, ...]


class MatrixFigureSpec(Spec):
    """Labels of the columns of the picture of the matrix."""

    corpora: dict[str, str]


class JoinedRow(Labelled):
    """A row of the table of heads on real clips: one encoder, or a pair of them."""

    modality: str
    streams: tuple[str, ...]


class AnomalySpec(Spec):
    """The table of heads trained on real clips, and the probes that it compares with.

    ``supervised`` names, for each test corpus, the other corpora that probes learned
    from.
    """

    head: str
    real: str
    test: tuple[str, ...]
    supervised: dict[str, tuple[str, ...]]
    rows: tuple[JoinedRow, ...]


class ExternalDetector(Labelled):
    """A detector from outside, and the corpora that it has scores for."""

    trained_on: str
    test: tuple[str, ...]


class DetectorsSpec(Spec):
    """The table of detectors: our heads and those from outside."""

    head: str
    train: str
    test: tuple[str, ...]
    encoders: tuple[Labelled, ...]
    external: tuple[ExternalDetector, ...]


class WeightsNote(Spec):
    """How the weights of an encoder differ from the published ones, in sentences."""

    encoder: str
    note: str


class PaperEncoder(Labelled):
    """An encoder that is compared with the paper's."""

    weights: str


class PaperCorpus(Labelled):
    """A corpus that is compared with the paper's, or a generated one."""

    demo: bool


class PaperRow(Spec):
    """A row of the anomaly table."""

    name: str
    streams: tuple[str, ...]


class PaperSpec(Spec):
    """What a run has of the paper's tables."""

    head: str
    encoders: tuple[PaperEncoder, ...]
    corpora: tuple[PaperCorpus, ...]
    rows: tuple[PaperRow, ...]
    weights_notes: tuple[WeightsNote, ...] = ()


class FusionSpec(Spec):
    """Encoders whose scores are fused, in pairs and in larger sets; no label."""

    head: str
    encoders: tuple[str, ...]
    train: tuple[str, ...]
    test: tuple[str, ...]
    sets: tuple[tuple[str, ...], ...]


class FusionFigureSpec(Spec):
    """Corpora that the figure of fusion is about, and labels."""

    train: Labelled
    test: Labelled
    encoders: tuple[Labelled, ...]

"""Specs of the training of heads, and of the figures about it."""

from typing import Literal

from dfprobe.settings.model import Options
from dfprobe.settings.specs import Spec
from dfprobe.settings.stage_specs.labels import Labelled


class HeadSpec(Spec):
    """How heads of one kind are trained; see `dfprobe.settings.heads.Head`.

    ``layers``: train a linear probe on each of so many layers that a row holds side by
    side; None takes the row as one.
    """

    kind: str
    seeds: tuple[int, ...]
    learning_rates: tuple[float, ...]
    max_epochs: int
    patience: int
    schedule: Literal["none", "plateau"]
    class_weights: Literal["none", "balanced"]
    options: Options
    memory_mb: int
    device: str
    layers: int | None = None


class LayersTableSpec(Spec):
    """The table of an encoder's layers: corpora to train and test on, in its order."""

    encoder: str
    train: tuple[str, ...]
    test: tuple[str, ...]


class LayersSpec(LayersTableSpec):
    """Probes on the hidden layers of an encoder, and how they are trained."""

    head: HeadSpec


class LayersFigureSpec(Spec):
    """Labels of the picture of an encoder's layers."""

    label: str
    corpora: dict[str, str]


class TrainedHead(Spec):
    """A head in the figure of training: when its training ends."""

    name: str
    max_epochs: int
    patience: int


class TrainingFigureSpec(Spec):
    """Rows, corpora and heads of the figure of training, in their order."""

    rows: tuple[Labelled, ...]
    corpora: tuple[Labelled, ...]
    heads: tuple[TrainedHead, ...]

"""Every path below ``results/``, built and parsed in one place."""

from dataclasses import dataclass
from pathlib import Path

MIX_HEAD = "layer_mix"

EXTERNAL = "external"  # stands for the head in the path of a score file


@dataclass(frozen=True, order=True)
class ScoreKey:
    """What a score file holds: a head on an encoder, trained and tested on corpora."""

    head: str
    encoder: str
    train: str
    test: str

    @classmethod
    def of(cls, path: Path) -> "ScoreKey":
        """Key of ``.../{head}/{encoder}/{train}/{test}.parquet``."""
        head, encoder, train = path.parts[-4:-1]
        return cls(head, encoder, train, path.stem)


def layer_head(layer: int) -> str:
    """Name of the head on one hidden layer: ``layer-00``, ``layer-01``, ..."""
    return f"layer-{layer:02d}"

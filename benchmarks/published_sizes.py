"""Clips and lengths of the paper's corpora.

Counts of clips are those of the published lists (bit-ml/ssr-dfd, csv_metadata;
bit-ml/AVH-Align, av1m_metadata) and of the releases. Mean lengths: AV-Deepfake1M from
the frame counts of AVH-Align's lists; FakeAVCeleb from a sample; Deepfake-Eval-2024
from its reported 45 hours of video in 2,036 files; AVLips is assumed.
"""

from typing import NamedTuple


class Corpus(NamedTuple):
    """One corpus of the run.

    Parameters
    ----------
    train, val, test : int
        Clips of each split.
    mean_s : float
        Mean length of a clip in seconds.
    fakes : float
        Share of fakes.
    shards : int
        As in ``config/paper.yaml``.
    """

    train: int
    val: int
    test: int
    mean_s: float
    fakes: float
    shards: int

    @property
    def clips(self) -> int:
        """Clips of all splits."""
        return self.train + self.val + self.test


PAPER = {
    "favc": Corpus(7_041, 782, 3_508, 5.5, 0.956, 40),
    "av1m": Corpus(22_972, 2_527, 5_133, 9.15, 0.51, 100),
    "avlips": Corpus(0, 0, 7_557, 4.0, 0.55, 25),
    "dfe": Corpus(642, 0, 434, 80.0, 0.89, 16),
}
# All of AV-Deepfake1M. The labels of its test part are not public, so that its val part
# is tested on and its test part stands with the clips that are only encoded.
WHOLE_AV1M = Corpus(746_180 + 343_240, 0, 57_340, 9.15, 0.75, 200)

"""The linear probe: a weight per feature dimension, log-sum-exp pooling over time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from dfprobe.heads.files.head_file import check_tensors, read_head
from dfprobe.heads.files.tensor_file import Facts, Tensors, write_tensors
from dfprobe.heads.kinds import linear_kernel
from dfprobe.settings.model import Options

RECIPE = 2  # raise it when the numbers change, see dfprobe.recipes

KIND = "linear"
TRAINER = "linear"
STREAMS = (1,)
REAL_ONLY = False
MIN_ROWS = 1
OPTIONS: Options = {}

_WEIGHT, _BIAS = "head.weight", "head.bias"  # names in the published checkpoints


@dataclass(frozen=True)
class LinearProbe:
    """A linear probe and where it comes from.

    Source: arXiv 2511.17181; bit-ml/ssr-dfd, ``linear_probing/model.py``.
    """

    params: np.ndarray  # (dim + 1,), float32: weights, then the bias
    # What the head file says of it: ``encoder_key``, training corpus, clips used...;
    # ``columns``, the first one and that after the last, where the probe reads a part
    # of the rows, e.g. one layer of many.
    metadata: Facts

    @property
    def dim(self) -> int:
        """Number of weights."""
        return self.params.size - 1

    @property
    def dims(self) -> tuple[int, ...]:
        """Length of the rows of the one stream."""
        return tuple(self.metadata.get("dims", [self.dim]))

    def curve(self, rows: np.ndarray) -> np.ndarray:
        """Logit of every row.

        Parameters
        ----------
        rows : np.ndarray of shape (rows, dim), float16 or float32
            Features of a clip, not normalised.

        Returns
        -------
        np.ndarray of shape (rows,), float64
            Larger = more fake; NaN for a row that is all zero or not finite. The
            probability of fake is ``sigmoid(2 z)``.
        """
        bits = linear_kernel.stored_bits(self._part(rows))
        return linear_kernel.frame_logits(bits, self.params[None])[0]

    def score(self, rows: np.ndarray) -> float:
        """Logit of a clip: log-sum-exp of its `curve`; NaN for a bad row."""
        bits = linear_kernel.stored_bits(self._part(rows))
        return float(linear_kernel.clip_scores(bits, self.params[None])[0])

    def _part(self, rows: np.ndarray) -> np.ndarray:
        if "columns" not in self.metadata:
            return rows
        start, stop = self.metadata["columns"]
        return rows[:, start:stop]

    def save(self, path: Path) -> None:
        """Write the head file."""
        tensors = {
            _WEIGHT: self.params[:-1].reshape(1, -1),  # (dim,) -> (1, dim)
            _BIAS: self.params[-1:],
        }
        entries = {"kind": KIND, "dim": self.dim, "dims": list(self.dims)}
        write_tensors(path, tensors, {**self.metadata, **entries})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a head file.

        Raises
        ------
        DataError
            If it is not a linear probe, or its tensors are not what it says.
        """
        tensors, metadata = read_head(path, KIND)
        check_tensors(path, tensors, {_BIAS: (1,), _WEIGHT: (1, metadata["dim"])})
        return cls.from_tensors(tensors, metadata)

    @classmethod
    def from_tensors(cls, tensors: Tensors, metadata: Facts) -> Self:
        """Make a probe of what training gives."""
        params = np.concatenate([tensors[_WEIGHT].ravel(), tensors[_BIAS]])
        return cls(params.astype(np.float32), metadata)


HEAD = LinearProbe

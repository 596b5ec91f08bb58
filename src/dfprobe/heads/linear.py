"""The linear probe: one weight a feature dimension, pooled by log-sum-exp over time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

from dfprobe.errors import DataError
from dfprobe.heads import kernels
from dfprobe.heads.head_file import read_head, write_head

KIND = "linear"
_WEIGHT, _BIAS = "head.weight", "head.bias"  # names in the published checkpoints


@dataclass(frozen=True)
class LinearProbe:
    """A linear probe and where it comes from.

    Source: arXiv 2511.17181; bit-ml/ssr-dfd, ``linear_probing/model.py``.

    Parameters
    ----------
    params : np.ndarray of shape (dim + 1,), float32
        Weights, then the bias.
    metadata : dict
        What the head file says of it: ``encoder_key``, training corpus, clips used...
    """

    params: np.ndarray
    metadata: dict[str, Any]

    @property
    def dim(self) -> int:
        """Length of the rows that the probe reads."""
        return self.params.size - 1

    def frame_logits(self, rows: np.ndarray) -> np.ndarray:
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
        return kernels.frame_logits(kernels.stored_bits(rows), self.params)

    def score(self, rows: np.ndarray) -> float:
        """Logit of a clip: log-sum-exp of its `frame_logits`; NaN for a bad row."""
        return float(kernels.clip_score(kernels.stored_bits(rows), self.params))

    def save(self, path: Path) -> None:
        """Write the head file."""
        tensors = {
            _WEIGHT: self.params[:-1].reshape(1, -1),  # (dim,) -> (1, dim)
            _BIAS: self.params[-1:],
        }
        write_head(path, tensors, {**self.metadata, "kind": KIND, "dim": self.dim})

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a head file.

        Raises
        ------
        DataError
            If it is not a linear probe, or its tensors are not what it says.
        """
        tensors, metadata = read_head(path, KIND)
        shapes = {name: tensor.shape for name, tensor in sorted(tensors.items())}
        expected = {_BIAS: (1,), _WEIGHT: (1, metadata["dim"])}
        if shapes != expected:
            raise DataError(f"{path} holds tensors {shapes}, expected {expected}.")
        params = np.concatenate([tensors[_WEIGHT].ravel(), tensors[_BIAS]])
        return cls(params.astype(np.float32), metadata)

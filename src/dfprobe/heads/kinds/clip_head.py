"""Heads that PyTorch trains with clip labels, by the linear probe's protocol.

Adam, one clip per step, shuffled every epoch. A model gives each row of a clip a logit;
the clip's score ``s`` is their log-sum-exp over time, and its loss for label ``y``
(0 real, 1 fake) is ``softplus(-2 (2 y - 1) s)``.
Source: arXiv 2511.17181; bit-ml/ssr-dfd, ``linear_probing/{model,train}.py``.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.optim.lr_scheduler import ReduceLROnPlateau

from dfprobe.heads.data.splits import Split, class_weights, epoch_order
from dfprobe.heads.kinds.torch_head import Loss, Objective, TorchHead, finite_inputs
from dfprobe.settings.stage_specs.heads import HeadSpec


class ClipHead(TorchHead):
    """A trained head whose model gives each row of a clip a logit."""

    @abstractmethod
    def normalise(self, rows: np.ndarray) -> np.ndarray:
        """Make of stored rows what the model reads, float32; NaN in a bad row."""

    def curve(self, *rows: np.ndarray) -> np.ndarray:
        """Logit of every row.

        Parameters
        ----------
        *rows : np.ndarray of shape (T, dim), float16 or float32
            Features of a clip, not normalised: those of the one stream.

        Returns
        -------
        np.ndarray of shape (T,), float64
            Larger = more fake. All NaN if a row of the clip is all zero or not finite.
        """
        inputs = self.normalise(*rows)
        if not np.isfinite(inputs).all():
            return np.full(len(inputs), np.nan)
        with torch.no_grad():
            logits: Tensor = self.model(torch.from_numpy(inputs))
        return logits.double().numpy()


class ClipObjective(Objective):
    """Learning from clip labels.

    Parameters
    ----------
    model : nn.Module
        (T, D) normalised rows to (T,) logits.
    normalise : callable
        See `ClipHead.normalise`.
    train : Split
        Its labels are counted for the class weights.
    spec : HeadSpec
        ``class_weights``: ``none``, or ``balanced``, which multiplies the losses of
        both splits by ``n / (2 n_class)``, counted in the training clips.
        ``schedule``: ``none``, or ``plateau``, which multiplies the learning rate by
        0.3 after two epochs without a lower validation loss.
    seed : int
        Of the order of clips.
    """

    def __init__(
        self,
        model: nn.Module,
        normalise: Callable[[np.ndarray], np.ndarray],
        train: Split,
        spec: HeadSpec,
        seed: int,
    ) -> None:
        super().__init__(model, seed)
        self._normalise = normalise
        self._weights = class_weights(train.labels, spec.class_weights)
        self._plateau = spec.schedule == "plateau"

    def batches(
        self, split: Split, epoch: int | None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """Label and normalised rows of each clip."""
        order = epoch_order(len(split), self.seed, epoch)
        return finite_inputs(split, order, self._normalise)

    def loss(self, batch: tuple[int, np.ndarray]) -> Loss:
        """Weighted loss of one clip."""
        label, inputs = batch
        logits = self.model(torch.from_numpy(inputs).to(self.device))
        loss = self._weights[label] * clip_loss(logits, label)
        return Loss(loss, loss, 1)

    def schedule(self, optimizer: torch.optim.Optimizer) -> ReduceLROnPlateau | None:
        """Lower the learning rate as for the linear probe, where the spec asks."""
        if not self._plateau:
            return None
        return ReduceLROnPlateau(
            optimizer, factor=0.3, patience=1, threshold=0.0, min_lr=1e-6
        )


def clip_loss(logits: Tensor, label: int) -> Tensor:
    """Cross-entropy of the two logits (-s, s) of a clip with frame logits (T,)."""
    return softplus(-2.0 * (2 * label - 1) * logits.logsumexp(0))

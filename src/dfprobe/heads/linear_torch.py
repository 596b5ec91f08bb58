"""The linear probe's arithmetic in PyTorch, for a GPU.

See `dfprobe.heads.kinds.linear_kernel`.
"""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from dfprobe.heads.kinds.linear_kernel import ADAM_BETAS, ADAM_EPSILON


class TorchProbes:
    """`dfprobe.heads.fit.linear.Probes` on any device of PyTorch.

    Parameters
    ----------
    params : np.ndarray of shape (members, dim + 1), float32
        Weights, then the bias, of each probe.
    device : str
        ``cpu`` or ``cuda``.
    """

    def __init__(self, params: np.ndarray, device: str) -> None:
        self._device = torch.device(device)
        self.restore(params, np.zeros((2, *params.shape), np.float32))

    def step(
        self, rows: np.ndarray, label: int, step: int, rates: np.ndarray, weight: float
    ) -> np.ndarray:
        """One Adam step on one clip, see `linear_kernel.train_step`."""
        sign = 2 * label - 1
        unit, logits = self._forward(rows)
        scores = logits.logsumexp(0)
        slopes = -2 * sign * weight * torch.sigmoid(-2 * sign * scores)
        # The shares of the rows sum to 1, which is the gradient by the bias.
        weights_gradient = logits.softmax(0).T @ unit  # (members, dim)
        bias_gradient = torch.ones_like(scores)[:, None]
        gradients = torch.cat([weights_gradient, bias_gradient], 1) * slopes[:, None]
        self._adam(gradients, step, torch.from_numpy(rates).to(self._params))
        return _float64(weight * softplus(-2 * sign * scores))

    def losses(self, rows: np.ndarray, label: int) -> np.ndarray:
        """Loss of each probe on a clip, (members,) float64; NaN for a bad row."""
        _, logits = self._forward(rows)
        return _float64(softplus(-2 * (2 * label - 1) * logits.logsumexp(0)))

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Parameters, (members, dim + 1), and moments, (2, members, dim + 1)."""
        return self._params.cpu().numpy().copy(), self._moments.cpu().numpy().copy()

    def restore(self, params: np.ndarray, moments: np.ndarray) -> None:
        """Go back to what `arrays` gave."""
        self._params = torch.tensor(params, device=self._device)
        self._moments = torch.tensor(moments, device=self._device)

    def _forward(self, rows: np.ndarray) -> tuple[Tensor, Tensor]:
        """Normalised rows, (rows, dim), and logits, (rows, members)."""
        # A copy on the CPU: what a feed gives may be read-only, which PyTorch lacks.
        wide = torch.tensor(rows).to(self._device).float()
        unit = wide / wide.norm(dim=1, keepdim=True)
        return unit, unit @ self._params[:, :-1].T + self._params[:, -1]

    def _adam(self, gradients: Tensor, step: int, rates: Tensor) -> None:
        (beta_1, beta_2), (means, squares) = ADAM_BETAS, self._moments
        means.lerp_(gradients, 1 - beta_1)
        squares.mul_(beta_2).addcmul_(gradients, gradients, value=1 - beta_2)
        spread = (squares / (1 - beta_2**step)).sqrt() + ADAM_EPSILON
        self._params -= rates[:, None] / (1 - beta_1**step) * means / spread


def _float64(losses: Tensor) -> np.ndarray:
    return losses.double().cpu().numpy()

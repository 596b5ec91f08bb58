"""Maps from gradients: what the logit of a frame would gain at each place of a layer.

Grad-CAM (Selvaraju et al., 2017) gives each channel of a layer one weight, the mean of
its gradient over the places. Gradient x activation keeps the gradient of each place, so
a channel may speak for the fake in one corner and against it in another; it costs no
second pass. Both end as the paper's do: ReLU, minimum subtracted, divided by the
maximum plus 1e-7 (arXiv 2511.17181, spatial explanations).
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.encoders.tracing import Site

_EPSILON = 1e-7


@dataclass(frozen=True)
class Slope:
    """One row's features, and a layer's activations and gradients for one logit."""

    features: np.ndarray  # (dim,) float32
    activations: np.ndarray  # (rows, cols, channels) float32
    gradients: np.ndarray


def slopes(
    encoder: ModelEncoder,
    site: Site,
    tensors: Mapping[str, Tensor],
    rows: Sequence[int],
    probes: Sequence[np.ndarray],
) -> list[list[Slope]]:
    """Gradients of the logits of some rows: one forward pass, one backward pass each.

    Rows share what the model mixes over time, so each has a backward pass of its own.
    Only what follows the site is kept for them.

    Parameters
    ----------
    tensors : mapping of str to Tensor
        Inputs of the encoder's model, batches of one, float32.
    rows : sequence of int
        Numbers of the rows in what the model gives.
    probes : sequence of np.ndarray of shape (dim + 1,)
        Linear probes: weights, then the bias.

    Returns
    -------
    list of list of Slope
        For each row, one per probe.
    """
    kept: list[Tensor] = []

    def keep(values: Tensor) -> Tensor:
        kept.append(values.detach().requires_grad_(True))
        return kept[-1]

    weights = [torch.tensor(probe).to(encoder.device).float() for probe in probes]
    moved = {name: t.to(encoder.device, torch.float32) for name, t in tensors.items()}
    with steady_arithmetic():
        handle = site.watch(keep)
        try:
            features = encoder.forward(**moved)[0]  # (rows, dim)
        finally:
            handle.remove()
        (values,) = kept
        return [
            [_slope(site, values, features[row], row, w) for w in weights]
            for row in rows
        ]


def _slope(site: Site, values: Tensor, features: Tensor, row: int, w: Tensor) -> Slope:
    logit = features @ w[:-1] / features.norm() + w[-1]
    (gradient,) = torch.autograd.grad(logit, values, retain_graph=True)
    activations, gradients = (
        site.cells(tensor.detach(), row).cpu().numpy() for tensor in (values, gradient)
    )
    return Slope(features.detach().cpu().numpy(), activations, gradients)


@contextmanager
def steady_arithmetic() -> Iterator[None]:
    """Float32 as it says, and the same bits each time, on a GPU too."""
    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        # The other attention kernels add up gradients in any order.
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        stack.enter_context(
            torch.backends.cudnn.flags(
                enabled=True, deterministic=True, allow_tf32=False
            )
        )
        yield


def grad_cam(slope: Slope) -> np.ndarray:
    """Grad-CAM of a slope: (rows, cols), float64, in [0, 1]."""
    weights = slope.gradients.astype(np.float64).mean(axis=(0, 1))  # (channels,)
    return _normalised(slope.activations @ weights)


def grad_x_activation(slope: Slope) -> np.ndarray:
    """Gradient x activation, summed over channels: (rows, cols), float64, in [0, 1]."""
    products = slope.gradients.astype(np.float64) * slope.activations
    return _normalised(products.sum(axis=2))


def _normalised(values: np.ndarray) -> np.ndarray:
    positive = np.maximum(values, 0)
    shifted = positive - positive.min()
    return shifted / (shifted.max() + _EPSILON)

"""Training of linear probes: all seeds, rates and parts of rows in one pass.

Adam, one clip a step, the order of clips drawn anew every epoch; the arithmetic is that
of `dfprobe.heads.kinds.linear_kernel`. The probes of one pass see the clips in the same
order, that of the first seed. Source: arXiv 2511.17181; bit-ml/ssr-dfd,
``linear_probing/{model,train}.py``.
"""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from dfprobe.errors import DataError
from dfprobe.heads.data.splits import Candidate, Item, Split, class_weights, epoch_order
from dfprobe.heads.kinds import linear_kernel

_FACTOR, _PATIENCE, _LOWEST_RATE = 0.3, 2, 1e-6  # of schedule `plateau`


class Probes(Protocol):
    """Probes that read the same rows, with the state of their optimiser."""

    def step(
        self, rows: np.ndarray, label: int, step: int, rates: np.ndarray, weight: float
    ) -> np.ndarray:
        """One Adam step on one clip, see `linear_kernel.train_step`."""

    def losses(self, rows: np.ndarray, label: int) -> np.ndarray:
        """Loss of each probe on a clip, (members,) float64; NaN for a bad row."""

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Parameters, (members, dim + 1), and moments, (2, members, dim + 1)."""

    def restore(self, params: np.ndarray, moments: np.ndarray) -> None:
        """Go back to what `arrays` gave."""


class CompiledProbes:
    """`Probes` on one core.

    Parameters
    ----------
    params : np.ndarray of shape (members, dim + 1), float32
        Weights, then the bias, of each probe.
    """

    def __init__(self, params: np.ndarray) -> None:
        members, self._used = params.shape
        self._params = linear_kernel.member_array(members, self._used - 1)
        self._gradients = np.zeros_like(self._params)
        self._moments = np.zeros((2, *self._params.shape), np.float32)
        self._params[:, : self._used] = params

    def step(
        self, rows: np.ndarray, label: int, step: int, rates: np.ndarray, weight: float
    ) -> np.ndarray:
        """One Adam step on one clip, see `linear_kernel.train_step`."""
        losses: np.ndarray = linear_kernel.train_step(
            linear_kernel.stored_bits(rows),
            label,
            self._params,
            self._moments,
            self._gradients,
            step,
            rates,
            weight,
        )
        return losses

    def losses(self, rows: np.ndarray, label: int) -> np.ndarray:
        """Loss of each probe on a clip, (members,) float64; NaN for a bad row."""
        bits = linear_kernel.stored_bits(rows)
        losses: np.ndarray = linear_kernel.clip_losses(bits, label, self._params)
        return losses

    def arrays(self) -> tuple[np.ndarray, np.ndarray]:
        """Parameters, (members, dim + 1), and moments, (2, members, dim + 1)."""
        used = self._used
        return self._params[:, :used].copy(), self._moments[..., :used].copy()

    def restore(self, params: np.ndarray, moments: np.ndarray) -> None:
        """Go back to what `arrays` gave."""
        self._params[:, : self._used] = params
        self._moments[..., : self._used] = moments


class LinearLearner:
    """Linear probes as a `dfprobe.heads.fit.loop.Learner`.

    Parameters
    ----------
    train, val : Split
        Clips of one stream.
    spec : dict
        ``class_weights``: ``none``, or ``balanced``, which multiplies the losses of
        both splits by ``n / (2 n_class)``, counted in the training clips.
        ``schedule``: ``none``, or ``plateau``, which multiplies a probe's learning rate
        by 0.3 after every two epochs without a lower validation loss, down to 1e-6.
        ``layers``: number of layers that a row holds side by side, 1 if absent. Each
        has its probes; it is normalised by itself.
    candidates : list of Candidate
        Seeds and learning rates.
    device : str
        ``cpu``, ``cuda``, or ``auto``, which is the CPU: steps of one clip are too
        small for a GPU.

    Attributes
    ----------
    members : int
        Number of candidates times layers; the layers of the first candidate come first.

    Raises
    ------
    DataError
        If rows do not divide into the layers.
    """

    def __init__(
        self,
        train: Split,
        val: Split,
        spec: dict[str, Any],
        candidates: Sequence[Candidate],
        device: str,
    ) -> None:
        self._train, self._val = train, val
        self._layers = spec.get("layers", 1)
        self._dim = _layer_dim(train.dims[0], self._layers)
        self._seed = candidates[0].seed
        self._loss_weights = class_weights(train.labels, spec["class_weights"])
        self._falls = spec["schedule"] == "plateau"
        params = np.stack([initial_parameters(self._dim, c.seed) for c in candidates])
        self._probes = [_probes(params, device) for _ in range(self._layers)]
        self.members = len(candidates) * self._layers
        self._step = 0
        self._rates = np.repeat([c.learning_rate for c in candidates], self._layers)
        self._lowest_loss = np.full(self.members, math.inf)
        self._waited = np.zeros(self.members, np.int64)

    def train_epoch(self, epoch: int) -> np.ndarray:
        """Take one step a clip; mean loss before the step, (members,)."""
        order = epoch_order(len(self._train), self._seed, epoch)
        rates = np.ascontiguousarray(self._rates.reshape(-1, self._layers).T)
        total = np.zeros(self.members)
        for item in self._train.visit(order):
            self._step += 1
            weight = self._loss_weights[item.label]
            losses = [
                probes.step(rows, item.label, self._step, rates_of_layer, weight)
                for probes, rows, rates_of_layer in zip(
                    self._probes, self._layers_of(item), rates, strict=True
                )
            ]
            total += _checked(losses, item, self._train)
        return total / len(self._train)

    def val_losses(self) -> np.ndarray:
        """Mean loss on the validation clips, (members,)."""
        total = np.zeros(self.members)
        for item in self._val.visit(np.arange(len(self._val))):
            losses = [
                probes.losses(rows, item.label)
                for probes, rows in zip(
                    self._probes, self._layers_of(item), strict=True
                )
            ]
            weight = self._loss_weights[item.label]
            total += weight * _checked(losses, item, self._val)
        return total / len(self._val)

    def adapt(self, val_losses: np.ndarray) -> None:
        """Lower the learning rates of probes whose validation loss does not fall."""
        lower = val_losses < self._lowest_loss
        self._lowest_loss = np.minimum(self._lowest_loss, val_losses)
        self._waited = np.where(lower, 0, self._waited + 1)
        if not self._falls:
            return
        due = self._waited >= _PATIENCE
        lowered = np.maximum(self._rates * _FACTOR, _LOWEST_RATE)
        self._rates = np.where(due, np.minimum(lowered, self._rates), self._rates)
        self._waited[due] = 0

    def learning_rates(self) -> np.ndarray:
        """Learning rate of each probe, (members,)."""
        return self._rates.copy()

    def tensors(self, member: int) -> dict[str, np.ndarray]:
        """Parameters of one probe by their names in the published checkpoints."""
        candidate, layer = divmod(member, self._layers)
        params = self._probes[layer].arrays()[0][candidate]
        return {
            "head.weight": params[None, :-1].copy(),  # (dim,) -> (1, dim)
            "head.bias": params[-1:].copy(),
        }

    def state(self) -> dict[str, np.ndarray]:
        """Parameters, Adam's state, learning rates and what they wait for."""
        params, moments = zip(*(p.arrays() for p in self._probes), strict=True)
        return {
            "params": np.stack(params),
            "moments": np.stack(moments),
            "step": np.array(self._step),
            "rates": self._rates,
            "lowest_loss": self._lowest_loss,
            "waited": self._waited,
        }

    def restore(self, state: dict[str, np.ndarray]) -> None:
        """Go back to a `state`."""
        for probes, params, moments in zip(
            self._probes, state["params"], state["moments"], strict=True
        ):
            probes.restore(params, moments)
        self._step = int(state["step"])
        self._rates = state["rates"].copy()
        self._lowest_loss = state["lowest_loss"].copy()
        self._waited = state["waited"].copy()

    def _layers_of(self, item: Item) -> list[np.ndarray]:
        [rows] = item.rows
        if self._layers == 1:
            return [rows]
        starts = range(0, rows.shape[1], self._dim)
        return [rows[:, start : start + self._dim] for start in starts]


def initial_parameters(dim: int, seed: int) -> np.ndarray:
    """Weights and bias, (dim + 1,) float32, uniform in +-1/sqrt(dim) as nn.Linear's."""
    bound = 1.0 / math.sqrt(dim)
    rng = np.random.default_rng(seed)
    return rng.uniform(-bound, bound, dim + 1).astype(np.float32)


def _layer_dim(dim: int, layers: int) -> int:
    if dim % layers:
        raise DataError(
            f"Rows of {dim} values do not divide into {layers} layers of equal width; "
            "probes of single layers need features made with layer: all."
        )
    return dim // layers


def _probes(params: np.ndarray, device: str) -> Probes:
    if not device.startswith("cuda"):
        return CompiledProbes(params)
    from dfprobe.heads.linear_torch import TorchProbes  # slow to import

    return TorchProbes(params, device)


def _checked(losses: list[np.ndarray], item: Item, split: Split) -> np.ndarray:
    """Losses by layer, each (candidates,), as those of the members."""
    flat = losses[0] if len(losses) == 1 else np.stack(losses, axis=1).ravel()
    if not math.isfinite(flat.sum()):
        worst = flat[~np.isfinite(flat)][0]
        raise split.bad_clip(item.clip_id, f"its loss is {worst}")
    return flat

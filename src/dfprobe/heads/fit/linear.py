"""Training of linear probes: all seeds, rates and parts of rows in one pass.

Adam on the CPU, one clip per step, the order of clips drawn anew every epoch; the
arithmetic is that of `dfprobe.heads.kinds.linear_kernel`. The probes of one pass see
the clips in the same order, that of the first seed. Source: arXiv 2511.17181;
bit-ml/ssr-dfd, ``linear_probing/{model,train}.py``.
"""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from dfprobe.errors import DataError
from dfprobe.heads.data.splits import Candidate, Item, Split, class_weights, epoch_order
from dfprobe.heads.files.tensor_file import Tensors
from dfprobe.heads.kinds import linear_kernel
from dfprobe.heads.kinds.contract import Kind
from dfprobe.settings.stage_specs.heads import HeadSpec

_FACTOR, _PATIENCE, _LOWEST_RATE = 0.3, 2, 1e-6  # of schedule `plateau`
_STATE = ("params", "moments", "step", "rates", "lowest_loss", "waited")


def trainers(
    kind: Kind, train: Split, val: Split, spec: HeadSpec, candidates: list[Candidate]
) -> Iterator["LinearTrainer"]:
    """Trainers of all candidates: one for them together."""
    yield LinearTrainer(train, val, spec, candidates)


class LinearTrainer:
    """Linear probes as a `dfprobe.heads.fit.loop.Trainer`.

    Parameters
    ----------
    train, val : Split
        Clips of one stream.
    spec : HeadSpec
        ``class_weights``: ``none``, or ``balanced``, which multiplies the losses of
        both splits by ``n / (2 n_class)``, counted in the training clips.
        ``schedule``: ``none``, or ``plateau``, which multiplies a probe's learning rate
        by 0.3 after every two epochs without a lower validation loss, down to 1e-6.
        ``layers``: number of layers that a row holds side by side, or None. Each has
        its probes; it is normalised by itself.
    candidates : list of Candidate
        Seeds and learning rates.

    Attributes
    ----------
    candidates : list of Candidate
        Those given, or the layers of the first, then of the next.

    Raises
    ------
    DataError
        If rows do not divide into the layers.
    """

    def __init__(
        self,
        train: Split,
        val: Split,
        spec: HeadSpec,
        candidates: Sequence[Candidate],
    ) -> None:
        self._train, self._val = train, val
        layers = spec.layers or 1
        dim = _layer_dim(train.dims[0], layers)
        self._seed = candidates[0].seed
        self._loss_weights = class_weights(train.labels, spec.class_weights)
        self._falls = spec.schedule == "plateau"
        params = np.stack([initial_parameters(dim, c.seed) for c in candidates])
        self._params = np.repeat(params, layers, axis=0)
        self._moments = np.zeros((2, *self._params.shape), np.float32)
        self.candidates = [
            candidate if spec.layers is None else candidate._replace(layer=layer)
            for candidate in candidates
            for layer in range(layers)
        ]
        self._step = 0
        self._rates = np.repeat([c.learning_rate for c in candidates], layers)
        self._lowest_loss = np.full(len(self._params), math.inf)
        self._waited = np.zeros(len(self._params), np.int64)

    def train_epoch(self, epoch: int) -> np.ndarray:
        """Take one step per clip; mean loss before the step, (members,)."""
        order = epoch_order(len(self._train), self._seed, epoch)
        total = np.zeros(len(self._params))
        for item in self._train.visit(order):
            self._step += 1
            weight = self._loss_weights[item.label]
            scores = linear_kernel.train_step(
                linear_kernel.stored_bits(item.rows[0]),
                item.label,
                self._params,
                self._moments,
                self._step,
                self._rates,
                weight,
            )
            total += weight * _losses(scores, item, self._train)
        return total / len(self._train)

    def val_losses(self) -> np.ndarray:
        """Mean loss on the validation clips, (members,)."""
        total = np.zeros(len(self._params))
        for item in self._val.visit(np.arange(len(self._val))):
            bits = linear_kernel.stored_bits(item.rows[0])
            scores = linear_kernel.clip_scores(bits, self._params)
            weight = self._loss_weights[item.label]
            total += weight * _losses(scores, item, self._val)
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

    def tensors(self, member: int) -> Tensors:
        """Parameters of one probe by their names in the published checkpoints."""
        params = self._params[member]
        return {
            "head.weight": params[None, :-1].copy(),  # (dim,) -> (1, dim)
            "head.bias": params[-1:].copy(),
        }

    def state(self) -> Tensors:
        """Parameters, Adam's state, learning rates and what they wait for."""
        return {name: np.array(getattr(self, f"_{name}")) for name in _STATE}

    def restore(self, state: Tensors) -> None:
        """Go back to a `state`."""
        for name in _STATE:
            setattr(self, f"_{name}", state[name].copy())
        self._step = int(state["step"])


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


def _losses(scores: np.ndarray, item: Item, split: Split) -> np.ndarray:
    """Losses of a clip's scores, (members,), of which none is NaN or infinite."""
    losses = linear_kernel.clip_losses(scores, item.label)
    if not math.isfinite(losses.sum()):
        worst = losses[~np.isfinite(losses)][0]
        raise split.bad_clip(item.clip_id, f"its loss is {worst}")
    return losses

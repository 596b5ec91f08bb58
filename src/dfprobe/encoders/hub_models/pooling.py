"""How the tokens of an image or video model become rows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from dfprobe.encoders.checks import hidden_layers
from dfprobe.encoders.loading.hub import run, tokens_of
from dfprobe.encoders.tracing import shares_of_means
from dfprobe.errors import EncoderError
from dfprobe.settings.specs import EncoderSpec

_MOST_CLS = 2  # DeiT has a distillation token beside the CLS token


@dataclass(frozen=True)
class Pooling:
    """Makes rows of a model's output."""

    kind: str  # ``mean``, ``cls`` or ``pooler``
    hidden: tuple[int, ...] | None  # as in `ModelEncoder`
    width: int  # length of one layer's row
    extra: int = 0  # tokens in front of those of the patches: CLS, registers
    rows: int = 1  # rows of one input

    def __call__(self, output: Any) -> torch.Tensor:
        """Rows of a model's output: (batch, rows, dim)."""
        if self.kind == "pooler":
            return output.pooler_output.flatten(1)[:, None]
        return tokens_of(output, self.hidden, self._pooled)

    def _pooled(self, state: torch.Tensor) -> torch.Tensor:
        """(batch, tokens, width), or a map (batch, width, height, width of it)."""
        if self.kind == "cls":
            return state[:, :1]
        return self.patches(state).unflatten(1, (self.rows, -1)).mean(dim=2)

    def patches(self, state: torch.Tensor) -> torch.Tensor:
        """Tokens of the patches alone: (batch, patches, width)."""
        if state.dim() == 4:
            state = state.flatten(2).mT  # the places of a map are its tokens
        return state[:, self.extra :]


def pooling_for(
    spec: EncoderSpec, config: Any, output: Any, pixels: torch.Tensor
) -> Pooling:
    """Pooling that a spec asks for.

    Parameters
    ----------
    spec : EncoderSpec
        ``layer`` and the option ``pooling`` say which.
    config : PreTrainedConfig
        Configuration of the model.
    output : ModelOutput
        What the model returns for a stand-in input, with hidden states.
    pixels : torch.Tensor of shape (1, 3, height, width)
        This input; of a video model (1, frames, 3, height, width).

    Raises
    ------
    EncoderError
        If the model does not return it, or it is not known where it stands.
    """
    kind = spec.options["pooling"]
    if kind == "pooler":
        return Pooling(kind, None, _pooler_width(spec, output))
    hidden, states = _states(spec, output)
    widths = [state.shape[1 if state.dim() == 4 else -1] for state in states]
    if len(set(widths)) > 1:
        raise _refusal(
            spec,
            f"the hidden layers differ in width ({', '.join(map(str, widths))}), so "
            "they cannot stand side by side; ask for one of them",
        )
    cells = _cells(config, pixels)
    extra = _extra_tokens(spec, config, states[-1], math.prod(cells))
    if kind == "cls" and extra == _registers(config):
        raise _refusal(spec, "the model has no CLS token; take pooling: mean")
    in_time = kind == "mean" and hasattr(config, "tubelet_size")
    return Pooling(kind, hidden, widths[0], extra, cells[0] if in_time else 1)


def patch_shares(encoder: Any, tensors: Mapping[str, torch.Tensor]) -> np.ndarray:
    """Shares of the patches in the rows of a batch of one, see `Tracing`.

    Parameters
    ----------
    encoder : PooledEncoder
    tensors : mapping of str to Tensor
        Its ``pixels``.

    Raises
    ------
    EncoderError
        If its rows are not means of patch vectors.
    """
    pooling = encoder.pooling
    if pooling.kind != "mean":
        raise EncoderError(
            f"A row with pooling {pooling.kind} is not a mean of patch vectors, so the "
            "family auto cannot explain it. Set pooling: mean, or take this encoder "
            "out of spatial.encoders."
        )
    output = run(encoder.module, encoder.hidden, pixel_values=tensors["pixels"])
    tokens = tokens_of(output, encoder.hidden, pooling.patches)
    return shares_of_means(tokens, pooling.rows)


def _pooler_width(spec: EncoderSpec, output: Any) -> int:
    """Length of the pooler's output."""
    if spec.layer != "last":
        raise _refusal(
            spec,
            "pooling: pooler is made from the last layer only; set layer: last or "
            "another pooling",
        )
    if output.get("pooler_output") is None:
        raise _refusal(
            spec, "the model has no pooler_output; take pooling: mean or cls"
        )
    return output.pooler_output.shape[1]


def _states(
    spec: EncoderSpec, output: Any
) -> tuple[tuple[int, ...] | None, Sequence[torch.Tensor]]:
    """Hidden layers that are asked for, by number and as tensors."""
    if spec.layer == "last":
        return None, [output.last_hidden_state]
    states = output.get("hidden_states")
    if not states:
        raise _refusal(spec, "the model returns no hidden layers; set layer: last")
    hidden = hidden_layers(spec, len(states) - 1)
    return hidden, [states[number] for number in hidden or ()]


def _cells(config: Any, pixels: torch.Tensor) -> tuple[int, int, int]:
    """Patches in time, height and width; zeros where the configuration has no sizes."""
    length = getattr(config, "tubelet_size", 1)  # frames, or all three sizes (ViViT)
    side = getattr(config, "patch_size", None)
    sizes: Any = (length, side, side) if isinstance(length, int) else length
    if not all(isinstance(size, int) for size in sizes):
        return 0, 0, 0
    frames = pixels.shape[1] if pixels.dim() == 5 else 1
    height, width = pixels.shape[-2:]
    return frames // sizes[0], height // sizes[1], width // sizes[2]


def _extra_tokens(
    spec: EncoderSpec, config: Any, state: torch.Tensor, patches: int
) -> int:
    """Count the tokens in front of those of the patches, 0 for a map."""
    if state.dim() == 4 and state.shape[2] == state.shape[3]:  # the input is square
        return 0
    if state.dim() == 3 and patches:
        tokens, registers = state.shape[1], _registers(config)
        if registers <= tokens - patches <= registers + _MOST_CLS:
            return tokens - patches
        if tokens < patches and patches % tokens == 0:
            return 0  # neighbours have been merged, as in Swin
    raise _refusal(
        spec,
        f"an output of shape {tuple(state.shape)} for {patches or 'unknown'} patches "
        "does not tell which of its values are of patches; pooling: pooler may work",
    )


def _registers(config: Any) -> int:
    """Count the register tokens, which follow the CLS token."""
    return getattr(config, "num_register_tokens", 0)


def _refusal(spec: EncoderSpec, reason: str) -> EncoderError:
    return EncoderError(
        f"encoder {spec.name!r}: layer {spec.layer} of {spec.weights!r} with pooling "
        f"{spec.options['pooling']} cannot be made: {reason}"
    )

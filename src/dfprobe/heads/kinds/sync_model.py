"""The network that says whether a picture and a sound belong together.

Written from the description of bit-ml/AVH-Align (model.py: FusionModel), with its
tensor names. F frames, C candidates of a frame.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self, cast

from torch import Tensor, nn
from torch.nn import functional as F

from dfprobe.errors import ConfigError
from dfprobe.torch_modules import random_module

_OF_WIDTHS = ("mlp.0.weight", "mlp.3.weight", "mlp.6.weight")


@dataclass(frozen=True)
class Sizes:
    """Sizes of the network; all can be read from its tensors.

    Parameters
    ----------
    dims : tuple of int
        Length of a visual row and of an audio row.
    hidden : int
        Both rows together, after their projections; each has half of it.
    widths : tuple of int
        Of the three layers between the projections and the output.
    """

    dims: tuple[int, int]
    hidden: int
    widths: tuple[int, int, int]

    def __post_init__(self) -> None:
        if self.hidden % 2:
            raise ConfigError(
                "heads: options.hidden of a sync head is shared by two streams, so it "
                f"must be even, but the configuration has {self.hidden}."
            )

    @classmethod
    def of_tensors(cls, tensors: Mapping[str, Any]) -> Self:
        """Read the sizes of a network from its tensors.

        Raises
        ------
        LookupError
            If a tensor is not there, or no matrix.
        """
        visual, audio = (
            tensors[f"{stream}_proj.weight"].shape for stream in ("visual", "audio")
        )
        first, second, third = (tensors[name].shape[0] for name in _OF_WIDTHS)
        return cls((visual[1], audio[1]), 2 * visual[0], (first, second, third))


class SyncModel(nn.Module):
    """One number for a pair of rows; the larger, the better they go together.

    The network has no dropout and no batch norm: it is the same in training.

    Parameters
    ----------
    sizes : Sizes
        Sizes of all parts.
    """

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        half = sizes.hidden // 2
        self.visual_proj = nn.Linear(sizes.dims[0], half)
        self.audio_proj = nn.Linear(sizes.dims[1], half)
        layers: list[nn.Module] = []
        for width, next_width in pairwise([sizes.hidden, *sizes.widths]):
            norm = nn.LayerNorm(next_width)
            # In place: the norm does not need its output to go back.
            layers += [nn.Linear(width, next_width), norm, nn.ReLU(inplace=True)]
        self.mlp = nn.Sequential(*layers, nn.Linear(sizes.widths[-1], 1))

    def forward(self, visual: Tensor, audio: Tensor) -> Tensor:
        """Judge the pairs of rows of the same number.

        Parameters
        ----------
        visual, audio : Tensor of shapes (F, dim), float32
            Each row divided by its norm.

        Returns
        -------
        Tensor of shape (F,)
        """
        return self._outputs(self._visual_part(visual) + self._audio_part(audio))

    def candidates(
        self, visual: Tensor, audio: Tensor, partners: Tensor, fixed: str
    ) -> Tensor:
        """Judge each row of one stream beside several rows of the other.

        The first layer is linear, so its two parts are computed once a row and added
        for each pair; the published code computes it for each pair.

        Parameters
        ----------
        visual, audio : Tensor of shapes (rows, dim), float32
            Each row divided by its norm, or all zero.
        partners : Tensor of shape (F, C), int64
            Rows of the other stream, for each of the F rows of the fixed one.
        fixed : str
            ``visual`` or ``audio``.

        Returns
        -------
        Tensor of shape (F, C)
        """
        own, other = self._visual_part(visual), self._audio_part(audio)
        if fixed == "audio":
            own, other = other, own
        return self._outputs(own[:, None] + F.embedding(partners, other))

    def _visual_part(self, rows: Tensor) -> Tensor:
        """Part of the first layer's output, with its bias: (rows, width)."""
        first, half = self._first, self.visual_proj.out_features
        return F.linear(self.visual_proj(rows), first.weight[:, :half], first.bias)

    def _audio_part(self, rows: Tensor) -> Tensor:
        """Part of the first layer's output: (rows, width)."""
        half = self.audio_proj.out_features
        return F.linear(self.audio_proj(rows), self._first.weight[:, half:])

    @property
    def _first(self) -> nn.Linear:
        return cast(nn.Linear, self.mlp[0])

    def _outputs(self, first: Tensor) -> Tensor:
        """Run the layers after the first: (..., width) -> (...)."""
        return self.mlp[1:](first)[..., 0]


def new_model(sizes: Sizes, seed: int) -> SyncModel:
    """Network before training, its weights drawn by torch's constructors."""
    return random_module(lambda: SyncModel(sizes), seed)

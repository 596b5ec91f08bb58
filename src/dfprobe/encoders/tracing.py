"""How the rows of an encoder are traced back to places in the frame.

A family whose rows can be explained says so in its own file: ``EXPLAINED``, a literal
tuple of its streams, and ``TRACING``, a `Tracing`.

Where a row is read from the CLS token, gradients are taken at the first norm of the
last block: after that block's attention no patch token has a path to the row. Where a
row is a mean of patch tokens, they are taken at the input of the last block: after its
norm, the residual connection is missing, which is most of a patch's own share; and
after the block, gradient x activation is zero where the model ends with a norm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dfprobe.encoders.contract import ClipInputs
from dfprobe.errors import EncoderError

if TYPE_CHECKING:  # encoders without a model do without it
    from torch import Tensor, nn
    from torch.utils.hooks import RemovableHandle

EXACT, GRADCAM, GRADXACT = "exact", "gradcam", "gradxact"

SharesByRow = dict[int, dict[str, np.ndarray]]


@dataclass(frozen=True)
class Site:
    """Place in a model where the values are a map of the frame."""

    module: nn.Module  # its output is watched, or its first input
    # Takes these values for a batch of one and the number of a row, and gives the row's
    # map, (rows, cols, channels)
    cells: Callable[[Tensor, int], Tensor]
    before: bool = False  # whether it is the input

    def watch(self, keep: Callable[[Tensor], Tensor]) -> RemovableHandle:
        """Hand the values to ``keep`` and go on with what it returns."""
        if self.before:
            return self.module.register_forward_pre_hook(
                lambda module, inputs: (keep(inputs[0]), *inputs[1:])
            )
        return self.module.register_forward_hook(
            lambda module, inputs, output: keep(output)
        )


@dataclass(frozen=True)
class Tracing:
    """How the rows of a family are explained.

    Parameters
    ----------
    regions : mapping of str to str
        Part of the frame with a map of its own (``frame``, ``face``, ``mouth``) -> name
        of the region that the map covers, one of
        `dfprobe.explain.spatial.maps.places.REGIONS`.
    site : callable or None
        ``site(encoder)`` gives the layer for maps from gradients.
    of_batch : callable or None
        ``of_batch(encoder, tensors)`` gives the shares of the patches (what each adds)
        in the rows that a model makes of a batch of one: (rows, grid rows, grid
        columns, dim), float64. The tensors are on the encoder's device; no gradients
        are recorded.
    of_clip : callable or None
        For encoders that are not torch modules: ``of_clip(encoder, clip, rows)`` gives,
        by row and part, the shares of the cells: (grid rows, grid columns, dim),
        float64. Rows that the clip does not have are left out.
    """

    regions: Mapping[str, str]
    site: Callable[[Any], Site] | None = None
    of_batch: Callable[[Any, Mapping[str, Tensor]], np.ndarray] | None = None
    of_clip: Callable[[Any, ClipInputs, Sequence[int]], SharesByRow] | None = None

    @property
    def parts(self) -> list[str]:
        """Parts of the frame that have a map of their own."""
        return list(self.regions)

    @property
    def maps(self) -> list[tuple[str, str]]:
        """Method and part of each map of a frame, in the order of the table."""
        exact = self.of_batch is not None or self.of_clip is not None
        named = [(EXACT, part) for part in self.parts] if exact else []
        if self.site is not None:
            named += [(method, self.parts[0]) for method in (GRADCAM, GRADXACT)]
        return named


def square(cells: Tensor) -> Tensor:
    """Tokens of a square grid, row by row: (cells, D) -> (side, side, D).

    Raises
    ------
    EncoderError
        If their number is not a square.
    """
    side = math.isqrt(len(cells))
    if side**2 != len(cells):
        raise EncoderError(
            f"{len(cells)} patch tokens do not form a square grid, so their places are "
            "not known. Take this encoder out of spatial.encoders."
        )
    return cells.unflatten(0, (side, side))


def after_cls(tokens: Tensor, row: int) -> Tensor:
    """Patch tokens of an image, (1, 1 + N, D), as a square grid."""
    return square(tokens[0, 1:])


def last_block(encoder: Any, blocks: Sequence[Any]) -> Any:
    """Last block that a row depends on.

    Raises
    ------
    EncoderError
        If the row is the input of the first block.
    """
    used = len(blocks) if encoder.hidden is None else max(encoder.hidden)
    if used == 0:
        raise EncoderError(
            "Hidden layer 0 is the input of the first layer, so there is no layer "
            "before it whose gradients could explain a row. Explain a later layer."
        )
    return blocks[used - 1]


def trunk_site(frontend: nn.Module) -> Site:
    """Last maps of a lip reader's ResNet, (T, C, h, w), before they are averaged."""
    trunk: Any = frontend.trunk
    return Site(trunk, lambda maps, row: maps[row].permute(1, 2, 0))


def shares_of_means(tokens: Tensor, rows: int) -> np.ndarray:
    """Shares of the tokens in rows that are means of tokens.

    Parameters
    ----------
    tokens : Tensor of shape (1, rows * cells, dim)
        Of a square grid per row.
    rows : int
        Rows of the clip that they are the tokens of.

    Returns
    -------
    np.ndarray of shape (rows, side, side, dim), float64
    """
    per_row = tokens[0].unflatten(0, (rows, -1)).cpu().double()  # (rows, cells, dim)
    cells = per_row.shape[1]
    return np.stack([(square(row) / cells).numpy() for row in per_row])


def existing(rows: Sequence[int], count: int) -> list[int]:
    """Those of some numbers of rows that a clip of ``count`` rows has."""
    return [row for row in rows if 0 <= row < count]

"""The layer of each family at which gradients become a map.

All have the form ``site(encoder)``. Where a row is read from the CLS token, it is the
first norm of the last block: after that block's attention no patch token has a path to
the row. Where a row is a mean of patch tokens, it is the input of the last block: after
its norm, what passes the attention by is missing, which is most of a patch's own share;
and after the block, gradient x activation is zero where the model ends with a norm.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from dfprobe.errors import EncoderError
from dfprobe.explain.spatial.maps.gradcam import Site


def square(cells: Tensor) -> Tensor:
    """Tokens of a square grid, row by row: (cells, D) -> (side, side, D).

    Raises
    ------
    EncoderError
        If their number is no square.
    """
    side = math.isqrt(len(cells))
    if side**2 != len(cells):
        raise EncoderError(
            f"{len(cells)} patch tokens are no square grid, so their places are not "
            "known. Take this encoder out of spatial.encoders."
        )
    return cells.unflatten(0, (side, side))


def clip_site(encoder: Any) -> Site:
    """First norm of the last layer, the paper's choice."""
    block = _last_block(encoder, encoder.module.vision_model.encoder.layers)
    return Site(block.layer_norm1, _after_cls)


def fsfm_site(encoder: Any) -> Site:
    """First norm of the last block, or its input where patch tokens are averaged."""
    block = _last_block(encoder, encoder.module.blocks)
    if encoder.module.averages:
        return Site(block, _after_cls, before=True)
    return Site(block.norm1, _after_cls)


def videomae_site(encoder: Any) -> Site:
    """Input of the last layer: the tokens of the row's own tubelet."""
    block = _last_block(encoder, encoder.module.encoder.layer)

    def own_tokens(output: Tensor, row: int) -> Tensor:
        # (1, t * r * c, D) -> (t, r * c, D)
        return square(output[0].unflatten(0, (encoder.chunk_rows, -1))[row])

    return Site(block, own_tokens, before=True)


def trunk_site(frontend: Callable[[Any], Any]) -> Callable[[Any], Site]:
    """Last maps of a lip reader's ResNet, before they are averaged.

    Parameters
    ----------
    frontend : callable
        Finds, in the model, the module that holds ``trunk``.
    """

    def site(encoder: Any) -> Site:
        return Site(frontend(encoder.module).trunk, _own_map)

    return site


def _own_map(output: Tensor, row: int) -> Tensor:
    return output[row].permute(1, 2, 0)  # (T, C, h, w) -> (h, w, C)


def _after_cls(tokens: Tensor, row: int) -> Tensor:
    return square(tokens[0, 1:])


def _last_block(encoder: Any, blocks: Sequence[Any]) -> Any:
    """Last block that a row depends on."""
    used = len(blocks) if encoder.hidden is None else max(encoder.hidden)
    if used == 0:
        raise EncoderError(
            "Hidden layer 0 is the input of the first layer, so there is no layer "
            "before it whose gradients could explain a row. Explain a later layer."
        )
    return blocks[used - 1]

"""Where the input of an encoder lies in the source frame.

A region is an affine map A of shape (2, 3), float64: ``(x, y) = A @ (u, v, 1)``, u and
v in [0, 1] across the region from its left and its top edge, x and y in pixels of the
source frame. Pixel i covers the span from i to i + 1, so the frame ends at its width
and height.
"""

from typing import Any

import numpy as np

from dfprobe.encoders.inputs.fsfm_pixels import face_square
from dfprobe.errors import EncoderError


def rectangle(left: float, top: float, width: float, height: float) -> np.ndarray:
    """Region of an upright rectangle, in source pixels: (2, 3), float64."""
    return np.array([[width, 0, left], [0, height, top]], dtype=np.float64)


def processed_square(processor: Any, width: int, height: int) -> np.ndarray:
    """Region that an image processor of transformers keeps of a frame.

    Parameters
    ----------
    processor : BaseImageProcessor
        Resizes the shorter side, or to a fixed size, then perhaps cuts out the centre.
    width, height : int
        Of the frame in pixels.

    Returns
    -------
    np.ndarray of shape (2, 3), float64

    Raises
    ------
    EncoderError
        If the processor places its input by another rule.
    """
    resized = _resized(processor, width, height)
    if not getattr(processor, "do_center_crop", False):
        return rectangle(0, 0, width, height)
    crop_width, crop_height = processor.crop_size.width, processor.crop_size.height
    # Whole pixels, as the library cuts (offset floor((side - crop) / 2)).
    left, top = (resized[0] - crop_width) // 2, (resized[1] - crop_height) // 2
    scale_x, scale_y = width / resized[0], height / resized[1]
    return rectangle(
        left * scale_x, top * scale_y, crop_width * scale_x, crop_height * scale_y
    )


def _resized(processor: Any, width: int, height: int) -> tuple[int, int]:
    """Width and height of a frame before the centre is cut out."""
    if not getattr(processor, "do_resize", False):
        return width, height
    size = processor.size
    if size.shortest_edge and not size.longest_edge:
        short = int(size.shortest_edge)
        if width <= height:
            return short, int(short * height / width)
        return int(short * width / height), short
    if size.width and size.height:
        return int(size.width), int(size.height)
    raise EncoderError(
        f"{type(processor).__name__} resizes frames to {size}; expected the "
        "shorter side or a width and a height, so where its input lies in the frame is "
        "not known. Take this encoder out of spatial.encoders."
    )


def face_region(box: np.ndarray, width: int, height: int) -> np.ndarray:
    """Region of FSFM's face crop, the whole frame where there is no face.

    Parameters
    ----------
    box : np.ndarray of shape (4,), float32
        As for `dfprobe.encoders.inputs.fsfm_pixels.face_crop`.
    width, height : int
        Of the frame in pixels.

    Returns
    -------
    np.ndarray of shape (2, 3), float64
    """
    if not np.isnan(box).any():
        left, top, side = face_square(box.astype(int).tolist(), width, height)
        if side > 0:
            return rectangle(left, top, side, side)
    return rectangle(0, 0, width, height)


def mouth_region(
    place: tuple[np.ndarray, int, int], first: int, side: int
) -> np.ndarray:
    """Region of a square inside a mouth patch.

    Parameters
    ----------
    place : tuple
        Of the patch: inverse transform, left and top on the canvas; see
        `dfprobe.media.mouth.patch_places`.
    first, side : int
        First row and column of the square, and its side, in pixels of the patch.

    Returns
    -------
    np.ndarray of shape (2, 3), float64
        Turned and scaled as the face is.
    """
    inverse, left, top = place
    # The canvas counts at pixel centres, so its pixel i begins at i - 0.5.
    canvas = rectangle(left + first - 0.5, top + first - 0.5, side, side)
    region = inverse[:2, :2] @ canvas
    region[:, 2] += inverse[:2, 2] + 0.5
    return region

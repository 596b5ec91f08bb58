"""Where the map of each family lies in the source frame.

All have the form ``region(encoder, source, frame, part)``, see `geometry` for what
comes out; ``frame`` is counted at 25 a second.
"""

from typing import Any

import numpy as np

from dfprobe.encoders.inputs.mouth_pixels import CROP
from dfprobe.explain.spatial.maps.geometry import (
    face_region,
    mouth_region,
    processed_square,
    rectangle,
)
from dfprobe.explain.spatial.maps.source_frames import SourceFrames
from dfprobe.media.mouth import PATCH


def processed_frame(
    encoder: Any, source: SourceFrames, frame: int, part: str
) -> np.ndarray:
    """Part of the frame that the encoder's image processor keeps."""
    return processed_square(encoder.processor, *source.size)


def face_crop(encoder: Any, source: SourceFrames, frame: int, part: str) -> np.ndarray:
    """Square around the face box, as FSFM takes it."""
    return face_region(source.box(frame), *source.size)


def lips(encoder: Any, source: SourceFrames, frame: int, part: str) -> np.ndarray:
    """Centre of the mouth patch, which is what lip readers see."""
    return mouth_region(source.mouth(frame), round((PATCH - CROP) / 2), CROP)


def mouth_patch(
    encoder: Any, source: SourceFrames, frame: int, part: str
) -> np.ndarray:
    """Whole mouth patch."""
    return mouth_region(source.mouth(frame), 0, PATCH)


def residual_cells(
    encoder: Any, source: SourceFrames, frame: int, part: str
) -> np.ndarray:
    """Grids of the noise residual: the mouth patch, or the square of the landmarks."""
    if part == "mouth":
        # Cells are whole pixels; what is left at the right and below is not read.
        return mouth_region(source.mouth(frame), 0, PATCH - PATCH % encoder.grid)
    left, top, side = encoder.face_place(source.points(frame), *source.size)
    return rectangle(left, top, side, side)

"""The regions of the source frame that maps cover, by the names that families use.

Each has the form ``region(encoder, source, frame)``, see `geometry` for what it
returns; ``frame`` is counted at 25 per second.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from dfprobe.encoders.inputs.mouth_pixels import CROP
from dfprobe.errors import EncoderError, unknown_name
from dfprobe.explain.spatial.maps.geometry import (
    face_region,
    mouth_region,
    processed_square,
    rectangle,
)
from dfprobe.explain.spatial.maps.source_frames import SourceFrames
from dfprobe.media.mouth import PATCH


def processed_frame(encoder: Any, source: SourceFrames, frame: int) -> np.ndarray:
    """Part of the frame that the encoder's image processor keeps."""
    return processed_square(encoder.processor, *source.size)


def face_crop(encoder: Any, source: SourceFrames, frame: int) -> np.ndarray:
    """Square around the face box, as FSFM takes it."""
    return face_region(source.boxes[frame], *source.size)


def lips(encoder: Any, source: SourceFrames, frame: int) -> np.ndarray:
    """Centre of the mouth patch, which is what lip readers see."""
    return mouth_region(source.mouths[frame], round((PATCH - CROP) / 2), CROP)


def mouth_patch(encoder: Any, source: SourceFrames, frame: int) -> np.ndarray:
    """Whole mouth patch."""
    return mouth_region(source.mouths[frame], 0, PATCH)


def mouth_cells(encoder: Any, source: SourceFrames, frame: int) -> np.ndarray:
    """Mouth patch up to a multiple of the encoder's ``grid``; the rest is not read."""
    return mouth_region(source.mouths[frame], 0, PATCH - PATCH % encoder.grid)


def face_cells(encoder: Any, source: SourceFrames, frame: int) -> np.ndarray:
    """Square of the landmarks, as the encoder's ``face_place`` puts it."""
    points = source.landmarks[frame].astype(np.float32)  # as encoders get them
    left, top, side = encoder.face_place(points, *source.size)
    return rectangle(left, top, side, side)


Region = Callable[[Any, SourceFrames, int], np.ndarray]
REGIONS: dict[str, Region] = {
    region.__name__: region
    for region in (
        processed_frame,
        face_crop,
        lips,
        mouth_patch,
        mouth_cells,
        face_cells,
    )
}


def regions(names: Mapping[str, str]) -> dict[str, Region]:
    """Look up the regions that the maps of some parts of the frame cover.

    Raises
    ------
    EncoderError
        If there is no such region.
    """
    for part, name in names.items():
        if name not in REGIONS:
            what = f"the family's TRACING: there is no region for the part {part!r}"
            raise EncoderError(unknown_name(f"{what} named", name, REGIONS))
    return {part: REGIONS[name] for part, name in names.items()}

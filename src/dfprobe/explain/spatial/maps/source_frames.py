"""What is known of a clip's frames beside what the encoder reads."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from dfprobe.encoders.contract import ClipInputs
from dfprobe.errors import ClipError
from dfprobe.features.inputs import Crops
from dfprobe.media.mouth import interpolate_landmarks, patch_places
from dfprobe.status import Status


@dataclass
class SourceFrames:
    """Size of the source frames of a clip, and the face in them."""

    clip_id: str
    crops: Crops  # where its landmarks and boxes are
    _size: list[tuple[int, int]] = field(default_factory=list)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels.

        Raises
        ------
        ClipError
            NO_VIDEO, if no frame came out of the clip.
        """
        if not self._size:
            raise ClipError(Status.NO_VIDEO, f"clip {self.clip_id} has no video frame")
        return self._size[0]

    def watched(self, clip: ClipInputs) -> ClipInputs:
        """Note the size of the first frame that is decoded."""
        decode = clip.frames
        if decode is None:
            return clip

        def frames(size: int) -> Iterator[np.ndarray]:
            for chunk in decode(size):
                self.see(chunk)
                yield chunk

        return replace(clip, frames=frames)

    def see(self, chunk: np.ndarray) -> None:
        """Note the size of frames of shape (frames, height, width, 3)."""
        if not self._size:
            self._size.append((chunk.shape[2], chunk.shape[1]))

    @cached_property
    def boxes(self) -> np.ndarray:
        """Face box of each frame, (frames, 4) float32, NaN without a face."""
        return self.crops.boxes(self.clip_id)

    @cached_property
    def landmarks(self) -> np.ndarray:
        """Landmarks of each frame without gaps, (frames, 68, 2)."""
        return interpolate_landmarks(self.crops.landmarks(self.clip_id))

    @cached_property
    def mouths(self) -> list[tuple[np.ndarray, int, int]]:
        """Place of each frame's mouth patch, see `dfprobe.media.mouth.patch_places`."""
        return list(patch_places(self.landmarks))

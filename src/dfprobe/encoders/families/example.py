"""A random projection of coarse mouth patches: how a family is added.

Copy this file, and a new family exists; the registry finds it by the literals below. An
entry in the configuration (``family: example``) makes a row of the matrix, and the
tests in tests/contract/ run over it.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from dfprobe.encoders.checks import mouth_of, require_weights
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.tracing import SharesByRow, Tracing, existing
from dfprobe.rates import VIDEO_FPS
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

# Stream -> modality. Literals only: they are read without importing this module.
STREAMS = {"video": "visual"}
# What `weights` may be in the configuration.
WEIGHTS = {"none": "nothing is loaded"}
# The family's settings as JSON-schema properties, each with a default.
OPTIONS = {
    "dim": {
        "type": "integer",
        "minimum": 1,
        "default": 64,
        "description": "Length of a row.",
    },
}

# Streams whose rows `TRACING` traces back to places in the frame; may be left out.
EXPLAINED = ("video",)

SIDE = 16  # pixels of the coarse patch


class ExampleEncoder:
    """Coarse patches times a random matrix; see `Encoder` for what each name means."""

    inputs = frozenset({"mouth"})  # what the extraction must read for us
    layers = 1
    rate_hz = VIDEO_FPS
    first_row_s = 0.0

    def __init__(self, dim: int, seed: int) -> None:
        self.dim = dim
        self.weights_hash = f"random:seed={seed}"
        generator = np.random.default_rng(seed)
        self._matrix = generator.standard_normal((SIDE**2, dim)) / SIDE

    def encode(self, clip: ClipInputs) -> np.ndarray:
        """One row per frame: (frames, dim), float32; see `Encoder.encode`."""
        return (self._pixels(clip) @ self._matrix).astype(np.float32)

    def shares(self, clip: ClipInputs, rows: Sequence[int]) -> SharesByRow:
        """Shares of the coarse pixels in some rows, see `Tracing`.

        No encoder needs this; it lets the rows be explained in space, exactly.
        """
        pixels = self._pixels(clip)
        return {
            row: {
                "mouth": pixels[row].reshape(SIDE, SIDE, 1)
                * self._matrix.reshape(SIDE, SIDE, -1)
            }
            for row in existing(rows, len(pixels))
        }

    def _pixels(self, clip: ClipInputs) -> np.ndarray:
        """Coarse patches, their pixels row by row: (frames, SIDE ** 2), float64."""
        size = (SIDE, SIDE)
        coarse = [
            cv2.resize(p, size, interpolation=cv2.INTER_AREA) for p in mouth_of(clip)
        ]
        return np.reshape(coarse, (len(coarse), SIDE**2)) / 255 - 0.5


TRACING = Tracing({"mouth": "mouth_patch"}, of_clip=ExampleEncoder.shares)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec; ``spec.options`` is complete and checked."""
    require_weights(spec, "none")  # nothing is loaded
    return ExampleEncoder(spec.options["dim"], spec.seed)

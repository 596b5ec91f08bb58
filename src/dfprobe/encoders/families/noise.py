"""Seeded noise instead of features: what a head reaches when its rows say nothing.

Rows are drawn from a seed and a checksum of what the clip holds: a clip always gets the
same rows, and no two rows have anything in common. Networks with random weights are no
such control, since they pass on much of what they are given.
"""

import zlib

import numpy as np

from dfprobe.encoders.checks import mouth_of, require_weights, waveform_of
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.rates import SAMPLES_PER_FRAME, VIDEO_FPS
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"video": "visual", "audio": "audio"}
WEIGHTS = {"none": "nothing is loaded"}
OPTIONS = {
    "dim": {
        "type": "integer",
        "minimum": 1,
        "default": 128,
        "description": "Length of a row.",
    },
}


class NoiseEncoder:
    """Standard normal rows; see `Encoder` for what each name means."""

    layers = 1
    rate_hz = VIDEO_FPS
    first_row_s = 0.0

    def __init__(self, stream: str, dim: int, seed: int) -> None:
        self.inputs = frozenset({"mouth" if stream == "video" else "waveform"})
        self.dim = dim
        self.weights_hash = f"random:seed={seed}"
        self._stream = stream
        self._seed = seed

    def encode(self, clip: ClipInputs) -> np.ndarray:
        """One row per frame: (frames, dim), float32; see `Encoder.encode`."""
        if self._stream == "video":
            content = mouth_of(clip)
            rows = len(content)
        else:
            content = waveform_of(clip, at_least=SAMPLES_PER_FRAME)
            rows = len(content) // SAMPLES_PER_FRAME
        checksum = zlib.crc32(np.ascontiguousarray(content).data)
        generator = np.random.default_rng([self._seed, checksum])
        return generator.standard_normal((rows, self.dim), np.float32)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec; ``spec.options`` is complete and checked."""
    require_weights(spec, "none")
    return NoiseEncoder(spec.stream, spec.options["dim"], spec.seed)

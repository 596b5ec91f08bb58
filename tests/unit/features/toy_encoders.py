"""Small encoders whose rows are known, to see what the stage makes of their parts."""

import numpy as np
import torch

from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.model_encoder import FrameEncoder, WholeClipEncoder
from dfprobe.encoders.windows import TimeAxis


class Doubler(torch.nn.Module):
    """Twice its input, and the shapes that it was given.

    A pass of more than ``most`` entries runs out of memory.
    """

    def __init__(self, most: int) -> None:
        super().__init__()
        self.factor = torch.nn.Parameter(torch.tensor(2.0), requires_grad=False)
        self.most, self.shapes = most, []

    def forward(self, values: torch.Tensor) -> torch.Tensor:
        self.shapes.append(tuple(values.shape))
        if values.shape[0] * values.shape[1] > self.most:
            raise torch.OutOfMemoryError("too much")
        return values * self.factor


class ToyWhole(WholeClipEncoder):
    """Row i is twice the samples i * 640 to (i + 1) * 640, averaged."""

    inputs = frozenset({"waveform"})
    rate_hz = 25.0

    def __init__(self, most: int = 10**9) -> None:
        super().__init__(Doubler(most), 1, "toy", None)
        self.tensors = {"waveform": ("batch", "rows", "1")}
        self.axes = {"waveform": TimeAxis(1)}

    def prepare(self, clip: ClipInputs) -> dict[str, torch.Tensor]:
        means = clip.waveform.reshape(-1, 640).mean(axis=1)
        return {"waveform": torch.from_numpy(means)[None, :, None]}

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        return self.module(tensors["waveform"])


class ToyFrames(FrameEncoder):
    """Twice the brightness of each frame."""

    inputs = frozenset({"frames"})
    rate_hz = 25.0

    def __init__(self, most: int = 10**9) -> None:
        super().__init__(Doubler(most), 1, "toy", None)

    def pixels(self, frames: np.ndarray, first: int, clip: ClipInputs) -> torch.Tensor:
        return torch.from_numpy(frames.astype(np.float32)).permute(0, 3, 1, 2)

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        means = tensors["pixels"].mean(dim=(1, 2, 3))
        return self.module(means[:, None])[:, :, None]


def sound(rows: int, seed: int = 0, clip_id: str = "c") -> ClipInputs:
    """A clip of noise whose means over 40 ms differ."""
    levels = np.random.default_rng(seed).standard_normal(rows)
    return ClipInputs(clip_id, waveform=levels.repeat(640).astype(np.float32))


def pictures(frames: int, clip_id: str = "c") -> ClipInputs:
    """A clip of grey frames, each brighter than the last."""
    images = np.arange(frames, dtype=np.uint8)[:, None, None, None]
    images = np.broadcast_to(images, (frames, 2, 2, 3))
    return ClipInputs(
        clip_id,
        frames=lambda size: (images[k : k + size] for k in range(0, frames, size)),
    )

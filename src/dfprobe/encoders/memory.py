"""How much memory an encoder takes, found without computing anything.

The forward pass runs on torch's meta device, whose tensors have a size and no content;
what lives at the same time is added up.
"""

import copy
import weakref
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.encoders.windows import Limits
from dfprobe.rates import SAMPLES_PER_FRAME, VIDEO_FPS

_SIDE = 224  # pixels of the frames of a clip that stands for all


def weights_bytes(encoder: ModelEncoder) -> int:
    """Memory of the weights and buffers, in bytes."""
    module = encoder.module
    tensors = [*module.parameters(), *module.buffers()]
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def pass_bytes(encoder: ModelEncoder, limits: Limits) -> int:
    """Memory that the largest pass needs besides the weights, in bytes, in float32.

    Parameters
    ----------
    encoder : ModelEncoder
    limits : Limits
        With a window length.

    Returns
    -------
    int
        Inputs included; what convolutions take for themselves is not.
    """
    clip = _blank_clip(limits)
    part = next(iter(encoder.parts(clip, limits)))
    blank = copy.copy(encoder)
    blank.module = _without_content(encoder.module)
    peak = _Peak()
    with torch.inference_mode(), peak:
        tensors = {
            name: torch.empty_like(tensor, device="meta")
            for name, tensor in part.tensors.items()
        }
        blank.forward(**tensors)
    return peak.most


def _blank_clip(limits: Limits) -> ClipInputs:
    """Make a clip as long as a window, with frames for one pass."""
    assert limits.window_s is not None
    frames = max(1, round(limits.window_s * VIDEO_FPS))
    whole = np.zeros((1, _SIDE, _SIDE, 3), np.uint8)
    return ClipInputs(
        clip_id="blank",
        waveform=np.zeros(frames * SAMPLES_PER_FRAME, np.float32),
        mouth=np.zeros((frames, 96, 96), np.uint8),
        landmarks=np.zeros((frames, 68, 2), np.float32),
        boxes=np.tile(np.array([50, 50, 150, 150], np.float32), (frames, 1)),
        frames=lambda size: (whole.repeat(size, axis=0) for _ in range(2)),
    )


def _without_content(module: torch.nn.Module) -> torch.nn.Module:
    """Copy a module with the sizes of its tensors only."""
    memo: dict[int, Any] = {
        id(tensor): type(tensor)(tensor.data.to("meta"), requires_grad=False)
        for tensor in module.parameters()
    }
    memo |= {id(tensor): tensor.to("meta") for tensor in module.buffers()}
    return copy.deepcopy(module, memo)


class _Peak(TorchDispatchMode):
    """Adds up the storages that live at the same time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self._known: set[int] = set()

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        result = function(*args, **kwargs or {})
        for tensor in tree_iter(result):
            if isinstance(tensor, torch.Tensor):
                self._add(tensor.untyped_storage())
        return result

    def _add(self, storage: torch.UntypedStorage) -> None:
        key = storage._cdata
        if key in self._known:
            return
        self._known.add(key)
        size = storage.nbytes()
        self.now += size
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._remove, key, size)

    def _remove(self, key: int, size: int) -> None:
        self._known.discard(key)
        self.now -= size

"""Speech models of the hub: rows from hidden states at the model's own rate."""

from abc import abstractmethod
from typing import Any

import numpy as np
import torch

from dfprobe.encoders.checks import waveform_of
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.loading.hub import run, tokens_of
from dfprobe.encoders.model_encoder import ModelEncoder, WholeClipEncoder
from dfprobe.encoders.windows import TimeAxis
from dfprobe.rates import AUDIO_HZ

_TENSORS = {"waveform": ("batch", "samples")}


class StepsEncoder(ModelEncoder):
    """A model of transformers on audio, some of its steps side by side in a row.

    Parameters
    ----------
    model : PreTrainedModel
        Frozen model.
    extractor : SequenceFeatureExtractor
        Makes its input from a waveform.
    hidden, weights_hash
        As in `ModelEncoder`.
    steps_per_row : int
        Neighbouring steps of the model that make a row.
    """

    inputs = frozenset({"waveform"})

    def __init__(
        self,
        model: Any,
        extractor: Any,
        hidden: tuple[int, ...] | None,
        weights_hash: str,
        steps_per_row: int = 2,
    ) -> None:
        width = steps_per_row * model.config.hidden_size
        super().__init__(model, width, weights_hash, hidden)
        self.extractor, self.steps_per_row = extractor, steps_per_row
        self.set_up(model.config)

    @abstractmethod
    def set_up(self, config: Any) -> None:
        """Set the rate and the axes by the configuration of the model."""

    def extracted(self, waveform: np.ndarray, **options: Any) -> torch.Tensor:
        """Input of the model for a waveform at 16 kHz, with a batch axis of 1."""
        extracted = self.extractor(
            waveform, sampling_rate=AUDIO_HZ, return_tensors="pt", **options
        )
        return extracted[self.module.main_input_name]

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """Rows of one or more steps: (batch, rows, dim)."""
        output = run(self.module, self.hidden, *tensors.values())
        return tokens_of(
            output, self.hidden, lambda steps: paired(steps, self.steps_per_row)
        )


class Wav2Vec2Encoder(StepsEncoder, WholeClipEncoder):
    """A model with the convolutions of Wav2Vec2 on the waveform of a whole clip.

    Its configuration has ``conv_kernel`` and ``conv_stride``; the extractor normalises
    the waveform, or not.
    """

    tensors = _TENSORS

    def set_up(self, config: Any) -> None:
        """Take the times of the steps from the convolutions."""
        seen = receptive_field(config.conv_kernel, config.conv_stride)
        step = int(np.prod(config.conv_stride))
        row = self.steps_per_row * step
        self.axes = {"waveform": TimeAxis(1, row, seen + row - step, seen)}
        self.rate_hz = AUDIO_HZ / row

    def prepare(self, clip: ClipInputs) -> dict[str, torch.Tensor]:
        """Normalise the waveform; see `WholeClipEncoder.prepare`."""
        waveform = waveform_of(clip, self.axes["waveform"].least)
        return {"waveform": self.extracted(waveform)}


def receptive_field(kernels: list[int], strides: list[int]) -> int:
    """Count the samples that one step sees (400 in all published models)."""
    samples = 1
    for kernel, stride in zip(reversed(kernels), reversed(strides), strict=True):
        samples = (samples - 1) * stride + kernel
    return samples


def paired(steps: torch.Tensor, count: int = 2) -> torch.Tensor:
    """Neighbouring steps side by side; the last one again until its row is full.

    (batch, steps, width) -> (batch, ceil(steps / count), count * width)
    """
    lacking = -steps.shape[1] % count
    if lacking:
        steps = torch.cat([steps, *[steps[:, -1:]] * lacking], dim=1)
    return steps.unflatten(1, (-1, count)).flatten(2)  # (b, n k, w) -> (b, k, n w)

"""Wav2Vec2, WavLM and HuBERT: speech encoders on the raw waveform, at 25 rows a second.

The whole clip goes through the model in one pass. The steps last 20 ms; two
neighbouring ones side by side make a row of 40 ms, and a last step without a partner
is repeated. Row ``i`` covers the samples ``640 i`` to ``640 i + 720``. Recipe of the
paper: bit-ml/ssr-dfd, feature_extraction/wav2vec2/wav2vec2.py.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import (
    HubertConfig,
    HubertModel,
    PreTrainedModel,
    Wav2Vec2Config,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
)
from transformers.utils import FEATURE_EXTRACTOR_NAME, cached_file

from dfprobe.encoders.base import ClipInputs, Encoder
from dfprobe.encoders.checks import hidden_layers, waveform_of
from dfprobe.encoders.hub import hub_model, run, tokens_of, unavailable
from dfprobe.encoders.model_encoder import ModelEncoder, WholeClipEncoder
from dfprobe.encoders.parts import TimeAxis
from dfprobe.rates import AUDIO_HZ
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"audio": "audio"}
WEIGHTS = {"random": "random weights at a small size", "hub": "hub id or folder"}
OPTIONS = {
    "model_type": {
        "type": "string",
        "enum": ["wav2vec2", "wavlm", "hubert"],
        "default": "wav2vec2",
        "description": "Which of the three models the weights are of.",
    },
    "do_normalize": {
        "type": "boolean",
        "default": True,
        "description": "Bring each clip to zero mean and unit variance; used where "
        "no preprocessor_config.json beside the weights says so or not.",
    },
    "hidden_size": {
        "type": "integer",
        "minimum": 16,
        "default": 128,
        "description": "Random weights: width, a multiple of 16.",
    },
    "layers": {
        "type": "integer",
        "minimum": 1,
        "default": 4,
        "description": "Random weights: transformer layers.",
    },
    "heads": {
        "type": "integer",
        "minimum": 1,
        "default": 4,
        "description": "Random weights: attention heads.",
    },
    "conv_channels": {
        "type": "integer",
        "minimum": 1,
        "default": 64,
        "description": "Random weights: channels of the seven convolutions.",
    },
}

_TENSORS = {"waveform": ("batch", "samples")}
_CLASSES: dict[str, tuple[type[PreTrainedModel], Any]] = {
    "wav2vec2": (Wav2Vec2Model, Wav2Vec2Config),
    "wavlm": (WavLMModel, WavLMConfig),
    "hubert": (HubertModel, HubertConfig),
}


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
        steps_per_row: int,
    ) -> None:
        width = steps_per_row * model.config.hidden_size
        super().__init__(model, width, weights_hash, hidden)
        self.extractor, self.steps_per_row = extractor, steps_per_row

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

    Parameters
    ----------
    model : PreTrainedModel
        Its configuration has ``conv_kernel`` and ``conv_stride``.
    extractor : Wav2Vec2FeatureExtractor
        Normalises the waveform, or not.
    hidden, weights_hash, steps_per_row
        As in `StepsEncoder`.
    """

    tensors = _TENSORS

    def __init__(
        self,
        model: Any,
        extractor: Any,
        hidden: tuple[int, ...] | None,
        weights_hash: str,
        steps_per_row: int = 2,
    ) -> None:
        super().__init__(model, extractor, hidden, weights_hash, steps_per_row)
        seen = receptive_field(model.config.conv_kernel, model.config.conv_stride)
        step = int(np.prod(model.config.conv_stride))
        row = steps_per_row * step
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

    Parameters
    ----------
    steps : torch.Tensor of shape (batch, steps, width)
    count : int
        Steps of a row.

    Returns
    -------
    torch.Tensor of shape (batch, ceil(steps / count), count * width)
    """
    lacking = -steps.shape[1] % count
    if lacking:
        steps = torch.cat([steps, *[steps[:, -1:]] * lacking], dim=1)
    return steps.unflatten(1, (-1, count)).flatten(2)  # (b, n k, w) -> (b, k, n w)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    model_class, _ = _CLASSES[spec.options["model_type"]]
    model, weights_hash = hub_model(
        spec, device, model_class, lambda: _small_config(spec.options)
    )
    hidden = hidden_layers(spec, model.config.num_hidden_layers)
    return Wav2Vec2Encoder(model, _extractor(spec), hidden, weights_hash)


def _small_config(options: dict[str, Any]) -> Any:
    """Like XLS-R (layer norms in the convolutions, pre-norm layers), only smaller."""
    _, config_class = _CLASSES[options["model_type"]]
    return config_class(
        hidden_size=options["hidden_size"],
        num_hidden_layers=options["layers"],
        num_attention_heads=options["heads"],
        intermediate_size=4 * options["hidden_size"],
        conv_dim=(options["conv_channels"],) * 7,
        feat_extract_norm="layer",
        do_stable_layer_norm=True,
        conv_bias=True,
    )


def _extractor(spec: EncoderSpec) -> Wav2Vec2FeatureExtractor:
    """Normalise or not as the repository says, for its models differ in that."""
    stored = None if spec.weights == "random" else _preprocessor_file(spec)
    if stored is None:
        return Wav2Vec2FeatureExtractor(do_normalize=spec.options["do_normalize"])
    settings = json.loads(stored.read_text(encoding="utf-8"))
    stated = settings.get("do_normalize", spec.options["do_normalize"])
    return Wav2Vec2FeatureExtractor(do_normalize=stated)


def _preprocessor_file(spec: EncoderSpec) -> Path | None:
    """Find the repository's preprocessor_config.json; None if it has none."""
    try:
        found = cached_file(
            spec.weights,
            FEATURE_EXTRACTOR_NAME,
            revision=spec.revision or "main",
            _raise_exceptions_for_missing_entries=False,
        )
    except OSError as error:
        raise unavailable(spec, FEATURE_EXTRACTOR_NAME, error) from error
    return None if found is None else Path(found)

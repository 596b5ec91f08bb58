"""Audio encoders of the family auto: on the waveform, and two kinds on spectrograms."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from dfprobe.encoders.checks import hidden_layers, waveform_of
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.hub_models.auto_classes import (
    auto_model,
    feature_extractor,
    trial,
)
from dfprobe.encoders.hub_models.speech import StepsEncoder, Wav2Vec2Encoder
from dfprobe.encoders.model_encoder import WholeClipEncoder
from dfprobe.encoders.windows import WHOLE, Limits, Part, TimeAxis
from dfprobe.errors import EncoderError
from dfprobe.rates import AUDIO_HZ
from dfprobe.settings.specs import EncoderSpec

_FRAME, _HOP = 400, 160  # samples of a frame of the filterbank, and between two


class FilterbankEncoder(StepsEncoder, WholeClipEncoder):
    """Wav2Vec2-BERT, on the log mel filterbank of a whole clip.

    A step is two frames of the filterbank; a frame without a partner is dropped. Each
    band is brought to zero mean and unit variance over the clip.
    """

    def set_up(self, config: Any) -> None:
        """Take the width of the input from the configuration."""
        width = str(config.feature_projection_input_dim)
        self.tensors = {"filterbank": ("batch", "steps", width)}
        steps = self.steps_per_row
        self.axes = {"filterbank": TimeAxis(1, steps, steps)}
        self.rate_hz = AUDIO_HZ / (_HOP * self.extractor.stride * steps)

    def prepare(self, clip: ClipInputs) -> dict[str, torch.Tensor]:
        """Make the filterbank; see `WholeClipEncoder.prepare`."""
        least = _FRAME + (self.extractor.stride - 1) * _HOP
        waveform = waveform_of(clip, least)
        return {"filterbank": self.extracted(waveform, pad_to_multiple_of=None)}


class WhisperEncoder(StepsEncoder):
    """The encoder of Whisper, on log mel spectrograms of 30 s.

    A clip is cut into windows of 30 s, the last one filled up with silence, as in
    training. The rows that lie in the clip as a whole are kept.
    """

    def set_up(self, config: Any) -> None:
        """Take the length of a window from the extractor."""
        extractor = self.extractor
        self._window = extractor.n_samples
        self._rows = config.max_source_positions // self.steps_per_row
        self._row = self._window // self._rows  # samples
        self.rate_hz = AUDIO_HZ / self._row
        bands, frames = str(extractor.feature_size), str(extractor.nb_max_frames)
        self.tensors = {"spectrogram": ("batch", bands, frames)}

    def parts(self, clip: ClipInputs, limits: Limits) -> Iterator[Part]:
        """One part a window, whatever the limits; see `ModelEncoder.parts`."""
        waveform = waveform_of(clip, at_least=self._row)
        for start in range(0, len(waveform) - self._row + 1, self._window):
            window = waveform[start : start + self._window]
            spectrogram = self.extracted(window)
            keep = slice(len(window) // self._row)
            yield Part({"spectrogram": spectrogram}, self._rows, keep)


def audio_encoder(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec whose stream is audio.

    Raises
    ------
    EncoderError
        If the model is not there, or of a kind that is not supported.
    """
    model, weights_hash = auto_model(spec, device)
    encoder_class = _encoder_class(spec, model)
    extractor = feature_extractor(spec)
    hidden = hidden_layers(spec, model.config.num_hidden_layers)
    steps_per_row = spec.options["steps_per_row"]
    second = ClipInputs("stand-in", waveform=np.zeros(AUDIO_HZ, np.float32))
    with trial(spec, model):
        encoder = encoder_class(model, extractor, hidden, weights_hash, steps_per_row)
        part = next(encoder.parts(second, WHOLE))
        _, rows, dim = encoder.features(**part.tensors).shape
    if (rows, dim) != (part.rows, encoder.dim):
        raise EncoderError(
            f"encoder {spec.name!r}: layer {spec.layer} of {type(model).__name__} "
            f"gives {rows} rows of {dim} values for {part.rows} expected rows of "
            f"{encoder.dim}; a model that shortens its steps (an adapter, squeezing) "
            "is not supported at such a layer"
        )
    return encoder


def _encoder_class(spec: EncoderSpec, model: Any) -> type[StepsEncoder]:
    """Tell how to run a model from its configuration."""
    config = model.config
    if config.model_type == "wav2vec2-bert":
        return FilterbankEncoder
    if config.model_type == "whisper":
        steps, count = config.max_source_positions, spec.options["steps_per_row"]
        if steps % count:
            raise EncoderError(
                f"encoder {spec.name!r}: steps_per_row must divide the {steps} steps "
                f"of a window of {type(model).__name__}, but it is {count}"
            )
        return WhisperEncoder
    if hasattr(config, "conv_kernel") and hasattr(config, "conv_stride"):
        return Wav2Vec2Encoder
    raise EncoderError(
        f"encoder {spec.name!r}: the weights {spec.weights!r} are a model of type "
        f"{config.model_type}; of audio models, those on the waveform with the "
        "convolutions of Wav2Vec2 (HuBERT, WavLM, Data2Vec and others), Whisper and "
        "Wav2Vec2-BERT are supported"
    )

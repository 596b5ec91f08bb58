"""Wav2Vec2, WavLM and HuBERT: speech encoders on the waveform, 25 rows per second.

The whole clip goes through the model in one pass. The steps last 20 ms; two
neighbouring ones side by side make a row of 40 ms, and a last step without a partner
is repeated. Row ``i`` covers the samples ``640 i`` to ``640 i + 720``. Recipe of the
paper: bit-ml/ssr-dfd, feature_extraction/wav2vec2/wav2vec2.py.
"""

import json
from pathlib import Path
from typing import Any

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

from dfprobe.encoders.checks import hidden_layers
from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.hub_models.speech import Wav2Vec2Encoder
from dfprobe.encoders.loading.hub import hub_model, small_config, unavailable
from dfprobe.settings.model import Options
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
        "no preprocessor_config.json with the weights says so or not.",
    },
}
RANDOM_SIZES = {  # default, minimum, what it is
    "hidden_size": (128, 16, "width, a multiple of 16"),
    "layers": (4, 1, "transformer layers"),
    "heads": (4, 1, "attention heads"),
    "conv_channels": (64, 1, "channels of the seven convolutions"),
}

_CLASSES: dict[str, tuple[type[PreTrainedModel], Any]] = {
    "wav2vec2": (Wav2Vec2Model, Wav2Vec2Config),
    "wavlm": (WavLMModel, WavLMConfig),
    "hubert": (HubertModel, HubertConfig),
}


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    model_class, _ = _CLASSES[spec.options["model_type"]]
    model, weights_hash = hub_model(
        spec, device, model_class, lambda: _small_config(spec.options)
    )
    hidden = hidden_layers(spec, model.config.num_hidden_layers)
    return Wav2Vec2Encoder(model, _extractor(spec), hidden, weights_hash)


def _small_config(options: Options) -> Any:
    """Like XLS-R (layer norms in the convolutions, pre-norm layers), only smaller."""
    _, config_class = _CLASSES[options["model_type"]]
    return small_config(
        config_class,
        options["hidden_size"],
        options["layers"],
        options["heads"],
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

"""Models and preprocessing that transformers' Auto classes load, for one stream.

A checkpoint may hold more than the encoder of the stream: of a dual model (CLIP,
SigLIP) the image tower is taken, of an encoder-decoder (Whisper) the encoder.
"""

import contextlib
from collections.abc import Iterator
from functools import partial
from typing import Any

import torch
from transformers import (
    AutoFeatureExtractor,
    AutoImageProcessor,
    AutoModel,
    BitImageProcessorPil,
    Dinov2Config,
    HubertConfig,
    PreTrainedModel,
    VideoMAEConfig,
    VideoMAEImageProcessorPil,
    Wav2Vec2FeatureExtractor,
)
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD
from transformers.utils import FEATURE_EXTRACTOR_NAME

from dfprobe.encoders.loading.hub import (
    pretrained,
    quiet_transformers,
    small_config,
    state_hash,
    unavailable,
)
from dfprobe.errors import EncoderError
from dfprobe.rates import AUDIO_HZ
from dfprobe.settings.specs import EncoderSpec
from dfprobe.torch_modules import frozen, random_hash, random_module

_SIDE = 64  # pixels of the images of a random model
# Main input of the models that a stream can feed.
_READ = {
    "audio": ("input_values", "input_features"),
    "image": ("pixel_values",),
    "video": ("pixel_values",),
}
# What transformers and torch raise on inputs that a model is not made for.
_MISFITS = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)


def auto_model(spec: EncoderSpec, device: str) -> tuple[Any, str]:
    """Model for the stream of a spec, frozen, and the hash of its weights.

    Its hidden layers come without the final norm.

    Raises
    ------
    EncoderError
        If the weights are not there, or do not fill the model.
    """
    if spec.weights == "random":
        config = _small_config(spec.stream)
        model = random_module(lambda: AutoModel.from_config(config), spec.seed)
        weights_hash = random_hash(spec.seed)
    else:
        # Models that were fine-tuned for classes are published without their pooler.
        may_lack = () if spec.options["pooling"] == "pooler" else ("pooler.",)
        model = _tower(
            pretrained(spec, AutoModel, may_lack, trust_remote_code=False), spec.stream
        )
        weights_hash = state_hash(model)
    if model.main_input_name not in _READ[spec.stream]:
        raise EncoderError(
            f"encoder {spec.name!r}: the weights {spec.weights!r} are a model of type "
            f"{model.config.model_type}, which reads {model.main_input_name}; the "
            f"stream {spec.stream} gives {' or '.join(_READ[spec.stream])}"
        )
    model.config.tie_last_hidden_states = False
    return frozen(model, device), weights_hash


def feature_extractor(spec: EncoderSpec) -> Any:
    """Preprocessing of audio that is published with the weights.

    Raises
    ------
    EncoderError
        If there is none, or it is for another rate than 16 kHz.
    """
    if spec.weights == "random":
        return Wav2Vec2FeatureExtractor()
    extractor = _preprocessor(spec, AutoFeatureExtractor)
    if extractor.sampling_rate != AUDIO_HZ:
        raise EncoderError(
            f"encoder {spec.name!r}: the model {spec.weights!r} is for audio at "
            f"{extractor.sampling_rate} Hz, but the clips have {AUDIO_HZ} Hz; take a "
            f"model for {AUDIO_HZ} Hz"
        )
    return extractor


def image_processor(spec: EncoderSpec) -> Any:
    """Preprocessing of images or videos that is published with the weights.

    It is never the one on torchvision, which resamples in another way, so that the
    rows do not depend on what is installed.

    Raises
    ------
    EncoderError
        If there is none, or none without torchvision.
    """
    if spec.weights == "random":
        return _small_processor(spec.stream)
    processor = _preprocessor(spec, AutoImageProcessor, backend="pil")
    if getattr(processor, "backend", None) == "torchvision":
        raise _not_supported(spec, f"{type(processor).__name__} needs torchvision")
    return processor


def square_processor(processor_class: Any, side: int, **others: Any) -> Any:
    """Preprocessing that resizes whole frames and cuts them to a square."""
    return processor_class(
        size={"shortest_edge": side},
        crop_size={"height": side, "width": side},
        **others,
    )


@contextlib.contextmanager
def trial(spec: EncoderSpec, model: Any) -> Iterator[None]:
    """Run a model on a stand-in input: what it raises becomes a sentence.

    Raises
    ------
    EncoderError
        If the preprocessing and the model do not go together, or not with the stream.
    """
    try:
        with torch.inference_mode():
            yield
    except _MISFITS as error:
        raise EncoderError(
            f"encoder {spec.name!r}: the model {type(model).__name__} of "
            f"{spec.weights!r} cannot be run on the stream {spec.stream} with the "
            f"preprocessing beside it ({type(error).__name__}: {error})"
        ) from error


def _tower(model: Any, stream: str) -> Any:
    """Take the part of a model that encodes the stream."""
    if stream == "audio":
        return model.get_encoder() if model.config.is_encoder_decoder else model
    tower = getattr(model, "vision_model", model)
    return tower if isinstance(tower, PreTrainedModel) else model


def _preprocessor(spec: EncoderSpec, auto_class: Any, **choice: str) -> Any:
    """Load what a repository's preprocessor_config.json describes."""
    try:
        with quiet_transformers():
            return auto_class.from_pretrained(
                spec.weights,
                revision=spec.revision or "main",
                trust_remote_code=False,
                **choice,
            )
    except OSError as error:
        raise unavailable(spec, FEATURE_EXTRACTOR_NAME, error) from error
    except (ImportError, ValueError) as error:
        raise _not_supported(spec, str(error).strip().splitlines()[0]) from error


def _not_supported(spec: EncoderSpec, reason: str) -> EncoderError:
    return EncoderError(
        f"encoder {spec.name!r}: the preprocessing of {spec.weights!r} is not "
        f"supported; it must be a class of transformers that works without "
        f"torchvision ({reason})"
    )


def _small_config(stream: str) -> Any:
    """HuBERT, DINOv2 or VideoMAE, only smaller."""
    small = partial(small_config, hidden_size=64, layers=2, heads=4)
    if stream == "audio":
        return small(
            HubertConfig,
            conv_dim=(32,) * 7,
            feat_extract_norm="layer",
            do_stable_layer_norm=True,
        )
    if stream == "image":
        return small(Dinov2Config, image_size=_SIDE, patch_size=16)
    return small(
        VideoMAEConfig, image_size=_SIDE, patch_size=16, use_mean_pooling=False
    )


def _small_processor(stream: str) -> Any:
    processor_class = {
        "image": BitImageProcessorPil,
        "video": VideoMAEImageProcessorPil,
    }[stream]
    return square_processor(
        processor_class,
        _SIDE,
        image_mean=IMAGENET_DEFAULT_MEAN,
        image_std=IMAGENET_DEFAULT_STD,
    )

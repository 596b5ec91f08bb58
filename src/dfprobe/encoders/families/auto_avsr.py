"""Auto-AVSR on audio (ASR), on mouth patches (VSR), or on both: 25 rows per second.

A clip is encoded alone and whole. ``audio`` and ``video`` keep the length that their
own input has. For ``audio_video`` the waveform is cut, or filled with zeros at the end,
to the length of the video, as in mpc001/auto_avsr (tag v1.0.0, datamodule/
av_dataset.py). The rows are the encoder's after its final norm, or the fused ones.

A checkpoint serves one stream. Those of the tag v1.0.0 and those of the branch main
name the same tensors differently, at times under one file name; both are read.

The mouth patches are grey, so they go in as in mpc001/
Visual_Speech_Recognition_for_Multiple_Languages (the same authors and models). From
colour, auto_avsr makes 0.9999 times that grey: its three weights do not add up to one.
"""

from pathlib import Path

import numpy as np
import torch

from dfprobe.encoders.checks import divided, hidden_layers, mouth_of, waveform_of
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.inputs.mouth_pixels import normalised_crops
from dfprobe.encoders.loading.checkpoint_format import Checkpoint, CheckpointFormat
from dfprobe.encoders.loading.checkpoints import checkpoint_model
from dfprobe.encoders.model_encoder import StreamsEncoder
from dfprobe.encoders.networks.auto_avsr import (
    SIZES,
    OneStream,
    Sizes,
    TwoStreams,
    initialise,
)
from dfprobe.encoders.networks.resnet_frontends import FRONTENDS, STEMS
from dfprobe.encoders.tracing import Tracing, trunk_site
from dfprobe.encoders.windows import TimeAxis
from dfprobe.errors import EncoderError
from dfprobe.rates import SAMPLES_PER_FRAME
from dfprobe.settings.model import Options
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"audio": "audio", "video": "visual", "audio_video": "audio-visual"}
WEIGHTS = {"random": "random weights at a small size", "file": "checkpoint file"}
EXPLAINED = ("video", "audio_video")
OPTIONS: Options = {}
RANDOM_SIZES = {  # default, minimum, what it is
    "layers": (2, 1, "Conformer blocks"),
    "width": (128, 2, "width, a multiple of twice the heads"),
    "heads": (4, 1, "attention heads"),
    "ffn": (256, 1, "width inside the feed-forward parts"),
    "trunk_width": (
        16,
        1,
        "channels of the first stage of the ResNets (64 in the official sizes)",
    ),
    "fusion_width": (
        256,
        1,
        "width inside the fusion of the two streams (8192 in the official size)",
    ),
}

_TENSORS = {  # video first
    "video": ("batch", "rows", "1", "88", "88"),
    "audio": ("batch", "samples", "1"),
}
_AXES = {
    "video": TimeAxis(1),
    "audio": TimeAxis(1, SAMPLES_PER_FRAME, SAMPLES_PER_FRAME, SAMPLES_PER_FRAME),
}
FORMAT = CheckpointFormat(
    "an Auto-AVSR model",
    ignored=r"ctc\.|decoder\.",  # the text side
    # The branch main has other names than v1.0.0.
    renamed={"frontend.": "encoder.frontend.", "proj_encoder.": "encoder.embed.0."},
)
_WAVEFORM_EPS = 1e-8

Model = OneStream | TwoStreams


class AutoAVSREncoder(StreamsEncoder):
    """One of the three models."""

    axes = _AXES
    streams = _TENSORS

    def prepare(self, clip: ClipInputs) -> dict[str, torch.Tensor]:
        """Tensors of the streams, video first; see `WholeClipEncoder.prepare`."""
        tensors = {}
        frames = None
        if "video" in self.tensors:
            crops = normalised_crops(mouth_of(clip))
            tensors["video"] = torch.from_numpy(crops)[None, :, None]
            frames = len(crops)
        if "audio" in self.tensors:
            waveform = waveform_of(clip, at_least=SAMPLES_PER_FRAME)
            if frames is not None:
                waveform = fitted(waveform, frames * SAMPLES_PER_FRAME)
            normal = normalised_waveform(waveform)
            tensors["audio"] = torch.from_numpy(normal)[None, :, None]
        return tensors

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """Rows of the streams: (batch, rows, dim)."""
        streams = [tensors[name] for name in self.tensors]  # video first
        return self.module(*streams, hidden=self.hidden)


def normalised_waveform(waveform: np.ndarray) -> np.ndarray:
    """Waveform with mean 0 and variance 1, or silent if it was: (samples,), float32.

    Layer norm over all samples (mpc001/auto_avsr, datamodule/transforms.py), computed
    in float64.
    """
    centred = waveform.astype(np.float64) - waveform.mean(dtype=np.float64)
    scaled = centred / np.sqrt(np.mean(centred**2) + _WAVEFORM_EPS)
    return scaled.astype(np.float32)


def fitted(waveform: np.ndarray, samples: int) -> np.ndarray:
    """First ``samples`` samples, with zeros at the end if there are fewer."""
    return np.pad(waveform[:samples], (0, max(0, samples - len(waveform))))


TRACING = Tracing(
    {"mouth": "lips"}, site=lambda encoder: trunk_site(encoder.module.encoder.frontend)
)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    model, weights_hash = checkpoint_model(
        spec,
        device,
        lambda: _random_model(spec),
        lambda path: pretrained_model(path, spec.stream),
    )
    hidden = hidden_layers(spec, model.layers)
    width = model.width(hidden is None)
    return AutoAVSREncoder(model, width, weights_hash, hidden, spec.stream)


def pretrained_model(path: Path, stream: str) -> Model:
    """Model with the sizes and the weights of an official checkpoint.

    Raises
    ------
    EncoderError
        If the file cannot be read, its tensors are not those of an Auto-AVSR model,
        or the model is of another stream.
    """
    checkpoint = FORMAT.read(path)
    found = stream_of(checkpoint)
    if found != stream:
        raise EncoderError(
            f"{checkpoint.source} is of the stream {found}, not of {stream}; give the "
            f"checkpoint of that stream or set stream: {found}"
        )
    return checkpoint.loaded(lambda: _empty_model(checkpoint, stream))


def stream_of(checkpoint: Checkpoint) -> str:
    """Tell by the tensors of a checkpoint which stream it is for.

    Raises
    ------
    EncoderError
        If there is no encoder among them.
    """
    if any(name.startswith("aux_encoder.") for name in checkpoint.tensors):
        return "audio_video"
    stems = {f"encoder.{stem}": stream for stream, (stem, _) in STEMS.items()}
    for stem, stream in stems.items():
        if stem in checkpoint.tensors:
            return stream
    raise checkpoint.refusal(f"it has none of the tensors {', '.join(stems)}")


def _empty_model(checkpoint: Checkpoint, stream: str) -> Model:
    def sizes(prefix: str, stream: str) -> Sizes:
        table = SIZES | dict([STEMS[stream]])
        return Sizes(**checkpoint.sizes(table, "encoders.", prefix))

    if stream != "audio_video":
        one = sizes("encoder.", stream)
        return OneStream(FRONTENDS[stream](one.trunk_width), one)
    video, audio = sizes("encoder.", "video"), sizes("aux_encoder.", "audio")
    fusion = checkpoint.sizes({"fusion.fc1.weight": "width _"}, "fusion.")
    return TwoStreams(video, audio, fusion["width"])


def _random_model(spec: EncoderSpec) -> Model:
    options = dict(spec.options)
    fusion_width = options.pop("fusion_width")
    sizes = Sizes(**options)
    owner = f"encoder {spec.name!r}"
    divided(owner, "width", sizes.width, 2 * sizes.heads, "twice the heads")
    model: Model
    if spec.stream == "audio_video":
        model = TwoStreams(sizes, sizes, fusion_width)
    else:
        model = OneStream(FRONTENDS[spec.stream](sizes.trunk_width), sizes)
    initialise(model)
    return model

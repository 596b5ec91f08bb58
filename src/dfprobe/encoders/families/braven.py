"""BRAVEn and RAVEn on audio or on mouth patches: 25 rows per second.

The models of 2022 (RAVEn) and of 2024 (BRAVEn) differ in training only: one code, and
all sizes are read from the checkpoint. A checkpoint holds one stream. Both kinds of
official files load: fine-tuned for speech recognition (``vsr_*``, ``asr_*``; decoder
and CTC layer are left out) and pre-trained only.

Each clip is encoded alone and whole, without a mask. Preprocessing is that of the
paper's code (bit-ml/ssr-dfd, feature_extraction/braven_vsr): mouth patches as for
AV-HuBERT, the waveform as it is. Row ``i`` of audio is the mean of a convolutional
network over the samples ``640 i`` to ``640 (i + 1)``; samples after the last whole
frame are cut.
"""

from pathlib import Path

import torch

from dfprobe.encoders.checks import hidden_layers, mouth_of, waveform_of
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.inputs.mouth_pixels import normalised_crops
from dfprobe.encoders.loading.checkpoint_format import Checkpoint, CheckpointFormat
from dfprobe.encoders.loading.checkpoints import checkpoint_model
from dfprobe.encoders.model_encoder import StreamsEncoder
from dfprobe.encoders.networks.braven import Braven, random_model
from dfprobe.encoders.networks.relative_attention import SIZES, Sizes
from dfprobe.encoders.networks.resnet_frontends import STEMS
from dfprobe.encoders.tracing import Tracing, trunk_site
from dfprobe.encoders.windows import TimeAxis
from dfprobe.errors import EncoderError
from dfprobe.rates import SAMPLES_PER_FRAME
from dfprobe.settings.model import Options
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"audio": "audio", "video": "visual"}
WEIGHTS = {"random": "random weights at a small size", "file": "checkpoint file"}
EXPLAINED = ("video",)
OPTIONS: Options = {}
RANDOM_SIZES = {  # default, minimum, what it is
    "layers": (2, 1, "transformer blocks"),
    "width": (128, 2, "width, even and a multiple of heads"),
    "heads": (2, 1, "attention heads"),
    "ffn": (256, 1, "width inside the feed-forward parts"),
    "trunk_width": (
        16,
        1,
        "channels of the first stage of the ResNet (64 in the official sizes)",
    ),
}

_TENSORS = {
    "audio": ("batch", "samples", "1"),
    "video": ("batch", "rows", "88", "88"),
}
_AXES = {
    "audio": TimeAxis(1, SAMPLES_PER_FRAME, SAMPLES_PER_FRAME, SAMPLES_PER_FRAME),
    "video": TimeAxis(1),
}
# A file that is only pre-trained has no prefix; what is ignored is speech recognition.
_PREFIXES, _IGNORED = ("encoder.",), r"ctc\.|decoder\."


class BravenEncoder(StreamsEncoder):
    """One stream's model."""

    axes = _AXES
    streams = _TENSORS

    def prepare(self, clip: ClipInputs) -> dict[str, torch.Tensor]:
        """Make the tensor of the stream; see `WholeClipEncoder.prepare`.

        The waveform is taken as it is, without any normalisation.
        """
        if "audio" in self.tensors:
            waveform = waveform_of(clip, at_least=SAMPLES_PER_FRAME)
            return {"audio": torch.tensor(waveform)[None, :, None]}
        crops = normalised_crops(mouth_of(clip))
        return {"video": torch.from_numpy(crops)[None]}

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """Rows of the stream: (batch, rows, dim)."""
        [rows] = tensors.values()
        return self.module(rows, self.hidden)


TRACING = Tracing(
    {"mouth": "lips"}, site=lambda encoder: trunk_site(encoder.module.frontend)
)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    model, weights_hash = checkpoint_model(
        spec,
        device,
        lambda: _random_model(spec),
        lambda path: pretrained_model(path, spec.stream),
    )
    hidden = hidden_layers(spec, len(model.encoders))
    width = model.after_norm.weight.numel()
    return BravenEncoder(model, width, weights_hash, hidden, spec.stream)


def _random_model(spec: EncoderSpec) -> Braven:
    sizes = _checked(Sizes(**spec.options), f"encoder {spec.name!r}")
    return random_model(spec.stream, sizes)


def pretrained_model(path: Path, stream: str) -> Braven:
    """Model with the sizes and the weights of an official checkpoint.

    Raises
    ------
    EncoderError
        If the file cannot be read, or its tensors are not those of the stream.
    """
    model = f"a BRAVEn encoder of {stream}"
    checkpoint = CheckpointFormat(model, prefixes=_PREFIXES, ignored=_IGNORED).read(
        path
    )
    for other, (stem, _) in STEMS.items():
        if other != stream and stem in checkpoint.tensors:
            raise EncoderError(
                f"{checkpoint.source} is a BRAVEn encoder of {other}, but the stream "
                f"asked for is {stream}; set stream: {other}, or give a checkpoint of "
                f"{stream}"
            )
    sizes = sizes_of(checkpoint, stream)
    return checkpoint.loaded(lambda: Braven(stream, sizes))


def sizes_of(checkpoint: Checkpoint, stream: str) -> Sizes:
    """Sizes of a model, read from the shapes of its tensors.

    Raises
    ------
    EncoderError
        If a tensor that tells a size is missing, or the sizes do not fit each other.
    """
    table = SIZES | dict([STEMS[stream]])
    sizes = Sizes(**checkpoint.sizes(table, blocks="encoders."))
    return _checked(sizes, checkpoint.source)


def _checked(sizes: Sizes, owner: str) -> Sizes:
    if sizes.width % sizes.heads or sizes.width % 2:
        raise EncoderError(
            f"{owner}: the width must be even and a multiple of the heads "
            f"({sizes.heads}), not {sizes.width}"
        )
    return sizes

"""AV-HuBERT on audio, on mouth patches, or on both: 25 rows per second.

Each stream is encoded over the whole clip. ``audio`` and ``video`` keep the length
that their own input has; ``audio_video`` is cut to the shorter of the two. (AVH-Align
cuts all three to the shorter one; the difference is in the last rows and, through
attention, small elsewhere. Here one stream can be encoded where the other is missing.)

Preprocessing is that of AVH-Align (bit-ml/AVH-Align, deepfake_feature_extraction.py),
which the paper uses: audio in [-1, 1], not in 16-bit integers. The last audio row of a
clip, which holds a padding frame, depends on that scale.
"""

from pathlib import Path

import torch

from dfprobe.encoders.checks import divided, hidden_layers, mouth_of, waveform_of
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.inputs.logfbank import WINDOW, audio_rows
from dfprobe.encoders.inputs.mouth_pixels import normalised_crops
from dfprobe.encoders.loading.checkpoint_format import CheckpointFormat
from dfprobe.encoders.loading.checkpoints import checkpoint_model
from dfprobe.encoders.model_encoder import StreamsEncoder
from dfprobe.encoders.networks.avhubert import AVHubert, Sizes, initialise
from dfprobe.encoders.tracing import Tracing, trunk_site
from dfprobe.encoders.windows import TimeAxis
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"audio": "audio", "video": "visual", "audio_video": "audio-visual"}
WEIGHTS = {"random": "random weights at a small size", "file": "checkpoint file"}
EXPLAINED = ("video", "audio_video")
OPTIONS = {
    "head_size": {
        "type": "integer",
        "minimum": 1,
        "default": 64,
        "description": "Width of an attention head: 64 in both official sizes. It is "
        "in no tensor's shape, so it cannot be read from a checkpoint.",
    },
}
RANDOM_SIZES = {  # default, minimum, what it is
    "layers": (2, 1, "transformer layers"),
    "width": (128, 16, "width, a multiple of 16 and of head_size"),
    "ffn": (256, 1, "width inside the feed-forward parts"),
    "trunk_width": (
        16,
        1,
        "channels of the first stage of the ResNet (64 in the official sizes)",
    ),
}

_TENSORS = {
    "audio": ("batch", "104", "rows"),
    "video": ("batch", "1", "rows", "88", "88"),
}
_AXES = {"audio": TimeAxis(2), "video": TimeAxis(2)}
_CONV = "encoder.pos_conv.0."
FORMAT = CheckpointFormat(
    "an AV-HuBERT",
    entry="model",
    prefixes=("encoder.w2v_model.", "w2v_encoder.w2v_model."),  # fine-tuned
    ignored=r"mask_emb$|label_embs_concat$|final_proj\.|decoder\.|w2v_encoder\.proj\.",
    renamed={  # by a newer weight norm
        f"{_CONV}parametrizations.weight.original0": f"{_CONV}weight_g",
        f"{_CONV}parametrizations.weight.original1": f"{_CONV}weight_v",
    },
)
_SIZES = {
    "post_extract_proj.weight": "width _",
    f"{_CONV}weight_v": "_ group_width conv_kernel",
    "encoder.layers.0.fc1.weight": "ffn _",
    "feature_extractor_video.resnet.frontend3D.0.weight": "trunk_width _ _ _ _",
}


class AVHubertEncoder(StreamsEncoder):
    """One stream of an AV-HuBERT model."""

    axes = _AXES
    streams = _TENSORS

    def prepare(self, clip: ClipInputs) -> dict[str, torch.Tensor]:
        """Tensors of the stream, cut to the shorter; see `WholeClipEncoder`."""
        tensors = {}
        if "audio" in self.tensors:
            rows = audio_rows(waveform_of(clip, at_least=WINDOW))
            tensors["audio"] = torch.from_numpy(rows.T)[None]  # (1, 104, T)
        if "video" in self.tensors:
            crops = normalised_crops(mouth_of(clip))
            tensors["video"] = torch.from_numpy(crops)[None, None]  # (1, 1, T, 88, 88)
        shorter = min(tensor.shape[2] for tensor in tensors.values())
        return {name: tensor[:, :, :shorter] for name, tensor in tensors.items()}

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """Rows of the stream: (batch, rows, dim)."""
        return self.module(tensors.get("audio"), tensors.get("video"), self.hidden)


TRACING = Tracing(
    {"mouth": "lips"},
    site=lambda encoder: trunk_site(encoder.module.feature_extractor_video.resnet),
)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    model, weights_hash = checkpoint_model(
        spec,
        device,
        lambda: _random_model(spec),
        lambda path: pretrained_model(path, spec.options["head_size"]),
    )
    hidden = hidden_layers(spec, len(model.encoder.layers))
    width = model.post_extract_proj.out_features
    return AVHubertEncoder(model, width, weights_hash, hidden, spec.stream)


def pretrained_model(path: Path, head_size: int) -> AVHubert:
    """Model with the sizes and the weights of an official checkpoint.

    Raises
    ------
    EncoderError
        If the file cannot be read, or its tensors are not those of an AV-HuBERT.
    """
    checkpoint = FORMAT.read(path)
    found = checkpoint.sizes(_SIZES, blocks="encoder.layers.")
    heads = divided(checkpoint.source, "width", found["width"], head_size, "head_size")
    groups = found["width"] // found.pop("group_width")
    sizes = Sizes(heads=heads, conv_groups=groups, **found)
    return checkpoint.loaded(lambda: AVHubert(sizes))


def _random_model(spec: EncoderSpec) -> AVHubert:
    options = dict(spec.options)
    owner, width = f"encoder {spec.name!r}", options["width"]
    heads = divided(owner, "width", width, options.pop("head_size"), "head_size")
    sizes = Sizes(heads=heads, **options)
    divided(owner, "width", width, sizes.conv_groups)
    model = AVHubert(sizes)
    initialise(model)
    return model

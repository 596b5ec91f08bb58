"""FSFM, a vision transformer for faces: one row per video frame, from the face crop.

The recipe is that of the paper (danoneata/veridiq, feature_extractors_dirty,
fe_FSFM_cropping.py and fe_FSFM_images.py): the square around the face, resized to the
model's input by PIL's bilinear filter whatever its aspect ratio, ImageNet's mean and
deviation. A frame without a face is taken whole, so that no frame is lost, and a clip
in which no face is found is encoded from its whole frames. (FSFM's own evaluation has
another resampling and the mean and deviation of VGGFace2.)

One thing differs from the paper: the boxes are those of the crops stage. The paper runs
dlib's frontal HOG detector on the RGB pixels of every frame, upsampled once, and takes
the first rectangle. The crops stage runs the same detector on the grey frame, upsamples
``crops.upsample`` times, moves the box linearly between detections
``crops.detect_every`` frames apart, and takes the last rectangle. With ``upsample: 1``
and ``detect_every: 1`` the upsampling and the frames are those of the paper; the grey
frame and, where several faces are found, the choice among them still differ.

Checkpoints are the official ones (hub repository Wolowolo/fsfm-3c), in both layouts: a
fine-tuned detector, which the paper uses (it has seen labels of FaceForensics++), and
a self-supervised one. The latter has no ``fc_norm``: with mean pooling it is left at
weight 1 and bias 0, and the trained ``norm`` is not used, as in the official code.
"""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from dfprobe.encoders.checks import boxes_of, divided, hidden_layers
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.inputs.fsfm_pixels import face_crop, normalised_pixels
from dfprobe.encoders.loading.checkpoint_format import Checkpoint, CheckpointFormat
from dfprobe.encoders.loading.checkpoints import checkpoint_model
from dfprobe.encoders.model_encoder import FrameEncoder
from dfprobe.encoders.networks.fsfm import FSFM, Sizes, initialise
from dfprobe.encoders.tracing import Site, Tracing, after_cls, last_block
from dfprobe.errors import EncoderError
from dfprobe.rates import VIDEO_FPS
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"video": "visual"}
WEIGHTS = {"random": "random weights at a small size", "file": "checkpoint file"}
EXPLAINED = ("video",)
OPTIONS = {
    "pooling": {
        "enum": ["mean", "cls"],
        "type": "string",
        "default": "mean",
        "description": "mean: of the patch tokens, then fc_norm (the paper). cls: the "
        "CLS token, after norm.",
    },
    "heads": {
        "type": "integer",
        "minimum": 1,
        "default": 12,
        "description": "Attention heads: 12 in ViT-S/16 and ViT-B/16, 16 in ViT-L/16 "
        "and ViT-H/14. It is in no tensor's shape, so it cannot be read from a "
        "checkpoint.",
    },
}
RANDOM_SIZES = {  # default, minimum, what it is
    "layers": (2, 1, "transformer layers"),
    "width": (96, 4, "width, a multiple of 4 and of heads"),
    "image_size": (96, 16, "side of the input in pixels, a multiple of patch_size"),
    "patch_size": (16, 1, "side of a patch in pixels"),
}

FORMAT = CheckpointFormat("an FSFM", entry="model", ignored=r"head\.(weight|bias)$")
_PRETRAINING = CheckpointFormat(  # has decoders and heads of its own
    "an FSFM",
    ignored=r"mask_token$|projector\.|predictor\."
    r"|(rep_)?decoder_(embed\.|pos_embed$|blocks\.|norm\.|pred\.)",
)
_SIZES = {
    "patch_embed.proj.weight": "width _ patch _",
    "pos_embed": "_ positions _",
    "blocks.0.mlp.fc1.weight": "ffn _",
}


class FSFMEncoder(FrameEncoder):
    """FSFM on the face of each frame of a clip."""

    inputs = frozenset({"frames", "boxes"})
    rate_hz = VIDEO_FPS

    def pixels(self, frames: np.ndarray, first: int, clip: ClipInputs) -> torch.Tensor:
        """Faces of the frames; see `FrameEncoder.pixels`.

        Where boxes and frames differ in number, the shorter one counts.
        """
        boxes = boxes_of(clip)[first : first + len(frames)]
        crops = [
            face_crop(frame, box) for frame, box in zip(frames, boxes, strict=False)
        ]
        return normalised_pixels(crops, self.module.sizes.image)

    def forward(self, **tensors: torch.Tensor) -> torch.Tensor:
        """One row per image: (batch, 1, dim)."""
        return self.module(tensors["pixels"], self.hidden)[:, None]


def _site(encoder: FSFMEncoder) -> Site:
    """First norm of the last block, or its input where patch tokens are averaged."""
    block = last_block(encoder, encoder.module.blocks)
    if encoder.module.averages:
        return Site(block, after_cls, before=True)
    return Site(block.norm1, after_cls)


TRACING = Tracing({"face": "face_crop"}, site=_site)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    heads, pooling = spec.options["heads"], spec.options["pooling"]
    model, weights_hash = checkpoint_model(
        spec,
        device,
        lambda: _random_model(spec),
        lambda path: pretrained_model(path, heads, pooling),
    )
    hidden = hidden_layers(spec, len(model.blocks))
    return FSFMEncoder(model, model.sizes.width, weights_hash, hidden)


def pretrained_model(path: Path, heads: int, pooling: str) -> FSFM:
    """Model with the sizes and the weights of an official checkpoint.

    Raises
    ------
    EncoderError
        If the file cannot be read, or its tensors are not those of an FSFM encoder
        with this pooling.
    """
    checkpoint = FORMAT.read(path)
    if "mask_token" in checkpoint.tensors:
        checkpoint = _pretrained_only(checkpoint, pooling)
    found = checkpoint.sizes(_SIZES, blocks="blocks.")
    positions = found.pop("positions")
    grid = math.isqrt(max(positions - 1, 0))
    if not grid or grid**2 != positions - 1:
        raise EncoderError(
            f"{checkpoint.source}: pos_embed has {positions} positions, expected one "
            "more than a square number (the CLS token and the patches of a square "
            "image)"
        )
    _check_heads(checkpoint.source, found["width"], heads)
    sizes = Sizes(grid=grid, heads=heads, **found)
    return checkpoint.loaded(lambda: FSFM(sizes, pooling))


def _pretrained_only(checkpoint: Checkpoint, pooling: str) -> Checkpoint:
    """Tensors of a self-supervised model, for the pooling that is asked for.

    For mean pooling its norm makes way for an ``fc_norm`` of weight 1 and bias 0.
    """
    kept = _PRETRAINING.encoder_tensors(checkpoint.tensors)
    if pooling == "mean" and {"norm.weight", "norm.bias"} <= kept.keys():
        kept["fc_norm.weight"] = torch.ones_like(kept.pop("norm.weight"))
        kept["fc_norm.bias"] = torch.zeros_like(kept.pop("norm.bias"))
    return replace(checkpoint, tensors=kept)


def _random_model(spec: EncoderSpec) -> FSFM:
    options = spec.options
    owner = f"encoder {spec.name!r}"
    width, patch, heads = (options[k] for k in ("width", "patch_size", "heads"))
    divided(owner, "width", width, 4)
    _check_heads(owner, width, heads)
    sizes = Sizes(
        layers=options["layers"],
        width=width,
        ffn=4 * width,
        heads=heads,
        grid=divided(owner, "image_size", options["image_size"], patch),
        patch=patch,
    )
    model = FSFM(sizes, options["pooling"])
    initialise(model)
    return model


def _check_heads(owner: str, width: int, heads: int) -> None:
    if width % heads:
        raise EncoderError(
            f"{owner}: the width {width} is not a multiple of the option heads "
            f"({heads}); the official sizes have 12 (ViT-S, ViT-B) or 16 (ViT-L, ViT-H)"
        )

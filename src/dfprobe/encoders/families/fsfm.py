"""FSFM, a vision transformer for faces: one row a video frame, from the face crop.

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
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dfprobe.encoders.checks import boxes_of, hidden_layers
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.inputs.fsfm_pixels import face_crop, normalised_pixels
from dfprobe.encoders.loading.checkpoints import (
    checkpoint_model,
    load_exactly,
    read_tensors,
)
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
    "layers": {
        "type": "integer",
        "minimum": 1,
        "default": 2,
        "description": "Random weights: transformer layers.",
    },
    "width": {
        "type": "integer",
        "minimum": 4,
        "default": 96,
        "description": "Random weights: width, a multiple of 4 and of heads.",
    },
    "image_size": {
        "type": "integer",
        "minimum": 16,
        "default": 96,
        "description": "Random weights: side of the input in pixels, a multiple of "
        "patch_size.",
    },
    "patch_size": {
        "type": "integer",
        "minimum": 1,
        "default": 16,
        "description": "Random weights: side of a patch in pixels.",
    },
}

# In a pre-training checkpoint only: its decoders and heads.
_PRETRAINING = re.compile(
    r"(mask_token$|projector\.|predictor\."
    r"|(rep_)?decoder_(embed\.|pos_embed$|blocks\.|norm\.|pred\.))"
)
_CLASSIFIER = ("head.weight", "head.bias")


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
        """One row an image: (batch, 1, dim)."""
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
    source = f"checkpoint {path}"
    tensors = encoder_tensors(read_tensors(path, "model"), pooling)
    sizes = sizes_of(tensors, heads, source)
    with torch.device("meta"):  # the tensors come from the file
        model = FSFM(sizes, pooling)
    load_exactly(model, tensors, source)
    return model


def encoder_tensors(
    tensors: Mapping[str, torch.Tensor], pooling: str
) -> dict[str, torch.Tensor]:
    """Tensors of the encoder alone, for the pooling that is asked for.

    A fine-tuned checkpoint loses its classifier. A pre-training one, which is known by
    its mask token, loses decoders and heads; for mean pooling its norm makes way for
    an ``fc_norm`` of weight 1 and bias 0. Other names stay, for the comparison to
    report them.
    """
    if "mask_token" not in tensors:
        return {name: t for name, t in tensors.items() if name not in _CLASSIFIER}
    kept = {name: t for name, t in tensors.items() if not _PRETRAINING.match(name)}
    if pooling == "mean" and {"norm.weight", "norm.bias"} <= kept.keys():
        kept["fc_norm.weight"] = torch.ones_like(kept.pop("norm.weight"))
        kept["fc_norm.bias"] = torch.zeros_like(kept.pop("norm.bias"))
    return kept


def sizes_of(tensors: Mapping[str, torch.Tensor], heads: int, source: str) -> Sizes:
    """Sizes of a model, read from the shapes of its tensors.

    Raises
    ------
    EncoderError
        If a tensor that tells a size is missing, the positions are those of no square,
        or ``heads`` does not divide the width.
    """

    def shape(name: str, dims: int) -> torch.Size:
        if name not in tensors or tensors[name].dim() != dims:
            raise EncoderError(
                f"{source} is not an FSFM: it has no {dims}-dimensional tensor {name}; "
                f"its first tensors are {', '.join(sorted(tensors)[:5])}"
            )
        return tensors[name].shape

    width, _, patch, _ = shape("patch_embed.proj.weight", 4)
    positions = shape("pos_embed", 3)[1]
    grid = math.isqrt(max(positions - 1, 0))
    if not grid or grid**2 != positions - 1:
        raise EncoderError(
            f"{source}: pos_embed has {positions} positions, expected one more than a "
            "square number (the CLS token and the patches of a square image)"
        )
    numbers = re.findall(r"^blocks\.(\d+)\.", "\n".join(tensors), re.MULTILINE)
    return Sizes(
        layers=max(map(int, numbers), default=-1) + 1,
        width=width,
        ffn=shape("blocks.0.mlp.fc1.weight", 2)[0],
        heads=_checked_heads(width, heads, source),
        grid=grid,
        patch=patch,
    )


def _random_model(spec: EncoderSpec) -> FSFM:
    options: dict[str, Any] = spec.options
    owner = f"encoder {spec.name!r}"
    width, image, patch = (options[k] for k in ("width", "image_size", "patch_size"))
    for name, factor in (("width", 4), ("image_size", patch)):
        if options[name] % factor:
            raise EncoderError(
                f"{owner}: {name} must be a multiple of {factor}, not {options[name]}"
            )
    sizes = Sizes(
        layers=options["layers"],
        width=width,
        ffn=4 * width,
        heads=_checked_heads(width, options["heads"], owner),
        grid=image // patch,
        patch=patch,
    )
    model = FSFM(sizes, options["pooling"])
    initialise(model)
    return model


def _checked_heads(width: int, heads: int, owner: str) -> int:
    if width % heads:
        raise EncoderError(
            f"{owner}: the width {width} is no multiple of the option heads ({heads}); "
            "the official sizes have 12 (ViT-S, ViT-B) or 16 (ViT-L, ViT-H)"
        )
    return heads

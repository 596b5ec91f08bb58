"""Any audio, image or video encoder that transformers' Auto classes load.

* ``audio``: one row per step of the model, or more steps side by side.
* ``image``: one row per video frame, from the whole frame.
* ``video``: chunks of as many whole frames as the model takes, without overlap. One
  row per tubelet where the model has tubelets (its tokens are then ordered time, row,
  column), else one row per chunk.

The preprocessing is the one published with the weights, on PIL and not torchvision.
The sizes are read from what the model returns for a stand-in input.
"""

from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.hub_models.audio import audio_encoder
from dfprobe.encoders.hub_models.images import image_encoder, video_encoder
from dfprobe.encoders.hub_models.pooling import patch_shares
from dfprobe.encoders.tracing import Tracing
from dfprobe.errors import EncoderError
from dfprobe.settings.model import Options
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"audio": "audio", "image": "visual", "video": "visual"}
WEIGHTS = {"random": "random weights at a small size", "hub": "hub id or folder"}
EXPLAINED = ("image", "video")
OPTIONS: Options = {
    "pooling": {
        "type": "string",
        "enum": ["mean", "cls", "pooler"],
        "default": "mean",
        "description": "Streams image and video: mean of the patch tokens (without CLS "
        "and register tokens), the CLS token, or the model's pooler_output (of the "
        "last layer only).",
    },
    "steps_per_row": {
        "type": "integer",
        "minimum": 1,
        "default": 1,
        "description": "Stream audio: neighbouring steps side by side in a row; 2 "
        "gives 25 rows per second for steps of 20 ms.",
    },
}

TRACING = Tracing({"frame": "processed_frame"}, of_batch=patch_shares)

_BUILDERS = {"audio": audio_encoder, "image": image_encoder, "video": video_encoder}


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    other = "pooling" if spec.stream == "audio" else "steps_per_row"
    if spec.options[other] != OPTIONS[other]["default"]:
        raise EncoderError(
            f"encoder {spec.name!r}: the stream {spec.stream} has no {other}; leave "
            f"{other}: {spec.options[other]} out"
        )
    return _BUILDERS[spec.stream](spec, device)

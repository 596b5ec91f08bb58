"""The encoder families: found by looking at the files, without importing them.

A family is a module that declares three literal dictionaries at top level, ``STREAMS``,
``WEIGHTS`` and ``OPTIONS``. They are read from the source text, so that listing the
families, and checking a configuration against them, imports no torch.
"""

from functools import cache
from pathlib import Path

from pydantic import ValidationError

from dfprobe.errors import ConfigError, unknown_name
from dfprobe.settings.declarations import Declarations, declared
from dfprobe.settings.messages import sentences
from dfprobe.settings.model import Options, Settings
from dfprobe.settings.options import complete, options_model

_FOLDER = Path(__file__).parents[1] / "encoders/families"
# stream -> modality; kind of weights -> description; option -> JSON schema
_DECLARED = ("STREAMS", "WEIGHTS", "OPTIONS")

# family -> streams whose rows can be traced back to places in the frame; what each
# family tells of itself is in `dfprobe.explain.spatial.families`
EXPLAINED = {
    "auto": ("image", "video"),
    "auto_avsr": ("video", "audio_video"),
    "avhubert": ("video", "audio_video"),
    "braven": ("video",),
    "clip": ("video",),
    "example": ("video",),
    "fsfm": ("video",),
    "residual": ("video",),
    "videomae": ("video",),
}


def families() -> list[str]:
    """Names of all families, sorted."""
    return sorted(declared(_FOLDER, *_DECLARED))


def streams(name: str) -> list[str]:
    """Names of the streams that a family offers."""
    return list(_family(name)["STREAMS"])


def weights(name: str) -> dict[str, str]:
    """Kinds of weights that a family takes: ``none``, ``random``, ``file``, ``hub``."""
    return dict(_family(name)["WEIGHTS"])


def modality(family: str, stream: str) -> str:
    """Modality of a stream: ``audio``, ``visual`` or ``audio-visual``.

    Raises
    ------
    ConfigError
        If there is no such family, or the family has no such stream.
    """
    offered = _family(family)["STREAMS"]
    if stream not in offered:
        owner = f"encoder family {family!r}"
        raise ConfigError(unknown_name(f"{owner} has no stream", stream, offered))
    found: str = offered[stream]
    return found


@cache
def family_options(name: str) -> type[Settings]:
    """Return the model of a family's options."""
    return options_model(name, _family(name)["OPTIONS"])


def complete_options(family: str, options: Options) -> Options:
    """Add the family's defaults for the options that were not given.

    Raises
    ------
    ConfigError
        If the family has no such option, or the option cannot have such a value.
    """
    try:
        return complete(family_options(family), options)
    except ValidationError as error:
        where = f"encoder family {family!r}, options"
        raise ConfigError("\n".join(sentences(error, where))) from None


def names_a_file(family: str, weights: str) -> bool:
    """Whether weights are a checkpoint file, by the kinds that the family takes."""
    return "file" in _family(family)["WEIGHTS"] and weights not in ("none", "random")


def is_explained(family: str, stream: str) -> bool:
    """Whether the rows of a stream can be traced back to places in the frame."""
    return stream in EXPLAINED.get(family, ())


def explained_streams() -> str:
    """List all of them, for messages."""
    return ", ".join(
        f"{family} ({' or '.join(streams)})" for family, streams in EXPLAINED.items()
    )


def _family(name: str) -> Declarations:
    known = declared(_FOLDER, *_DECLARED)
    if name not in known:
        raise ConfigError(unknown_name("there is no encoder family", name, known))
    return known[name]

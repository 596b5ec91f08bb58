"""The encoder families: found by looking at the files, imported only when built.

A family is a module of this package that declares three literal dictionaries at top
level, ``STREAMS``, ``WEIGHTS`` and ``OPTIONS``. They are read from the source text, so
that listing the families, and checking a configuration against them, imports no torch.
"""

import copy
import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from dfprobe.declarations import Declarations, declared
from dfprobe.encoders.base import Encoder, EncoderSpec
from dfprobe.errors import ConfigError, EncoderError, unknown_name
from dfprobe.weights.records import local_path, missing

_PACKAGE = "dfprobe.encoders"
_FOLDER = Path(__file__).parent
# stream -> modality; kind of weights -> description; option -> JSON schema
_DECLARED = ("STREAMS", "WEIGHTS", "OPTIONS")


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


def family_options(name: str) -> dict[str, dict[str, Any]]:
    """JSON-schema properties of a family's options (a copy)."""
    return copy.deepcopy(_family(name)["OPTIONS"])


def complete_options(family: str, options: dict[str, Any]) -> dict[str, Any]:
    """Add the family's defaults for the options that were not given.

    Raises
    ------
    ConfigError
        If the family has no such option.
    """
    defaults = {key: prop["default"] for key, prop in family_options(family).items()}
    for name in options:
        if name not in defaults:
            owner = f"encoder family {family!r} has no option"
            raise ConfigError(unknown_name(owner, name, defaults))
    return defaults | options


def load_encoder(
    family: str,
    weights: str = "random",
    stream: str | None = None,
    layer: int | str = "last",
    options: dict[str, Any] | None = None,
    device: str = "cpu",
) -> Encoder:
    """Build one encoder in a line, e.g. to compare it with a reference implementation.

    Parameters
    ----------
    family : str
        One of `families`.
    weights : str
        Checkpoint file, hub id or folder, or ``random``. The sizes are read from it.
    stream : str or None
        One of the family's `streams`; None takes the only one.
    layer : int or str
        Hidden layer, ``last`` or ``all``; see `EncoderSpec`.
    options : dict or None
        The family's own settings, e.g. the sizes of random weights.
    device : str
        As for `build`.

    Raises
    ------
    ConfigError, EncoderError
        As `build`.
    """
    if stream is None and len(streams(family)) == 1:
        (stream,) = streams(family)
    spec = EncoderSpec(
        name=family,
        family=family,
        stream=str(stream),
        weights=weights,
        layer=layer,
        options=options or {},
    )
    return build(spec, device)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build one encoder; only its family's module is imported.

    Parameters
    ----------
    spec : EncoderSpec
        Missing options are filled with the family's defaults.
    device : str
        Name of a torch device, e.g. ``cpu`` or ``cuda``; ``auto`` takes the GPU where
        there is one.

    Raises
    ------
    ConfigError
        If the family or the stream does not exist.
    EncoderError
        If the encoder cannot be built, e.g. because its weights are not there.
    """
    modality(spec.family, spec.stream)
    complete = replace(
        spec,
        weights=_found(spec),
        options=complete_options(spec.family, spec.options),
    )
    module = importlib.import_module(f"{_PACKAGE}.{spec.family}")
    encoder: Encoder = module.build(complete, device)
    return encoder


def names_a_file(family: str, weights: str) -> bool:
    """Whether weights are a checkpoint file, by the kinds that the family takes."""
    return "file" in _family(family)["WEIGHTS"] and weights not in ("none", "random")


def _found(spec: EncoderSpec) -> str:
    """Path of a checkpoint file; other weights as they are named."""
    if not names_a_file(spec.family, spec.weights):
        return spec.weights
    path = local_path(spec.weights)
    if not path.is_file():
        raise EncoderError(missing(spec.weights, [spec.name]))
    return str(path)


def _family(name: str) -> Declarations:
    known = declared(_FOLDER, *_DECLARED)
    if name not in known:
        raise ConfigError(unknown_name("there is no encoder family", name, known))
    return known[name]

"""Building encoders: only the module of the family that is asked for is imported."""

import importlib
from dataclasses import replace
from types import ModuleType

from dfprobe.encoders.contract import Encoder
from dfprobe.encoders.tracing import Tracing
from dfprobe.errors import EncoderError
from dfprobe.settings.encoder_families import (
    complete_options,
    modality,
    module,
    names_a_file,
    streams,
)
from dfprobe.settings.model import Layer, Options
from dfprobe.settings.specs import EncoderSpec
from dfprobe.weights.records import local_path, missing


def load_encoder(
    family: str,
    weights: str = "random",
    stream: str | None = None,
    layer: Layer = "last",
    options: Options | None = None,
    device: str = "cpu",
) -> Encoder:
    """Build one encoder in a line, e.g. to compare it with a reference implementation.

    Parameters
    ----------
    family : str
        One of `dfprobe.settings.encoder_families.families`.
    weights : str
        Checkpoint file, hub id or folder, or ``random``. The sizes are read from it.
    stream : str or None
        One of the family's streams; None takes the only one.
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
    encoder: Encoder = _imported(spec.family).build(complete, device)
    return encoder


def tracing(family: str) -> Tracing:
    """How the rows of a family are traced back to the frame.

    Raises
    ------
    EncoderError
        If its module has no ``TRACING``.
    """
    found = getattr(_imported(family), "TRACING", None)
    if not isinstance(found, Tracing):
        raise EncoderError(
            f"encoder family {family!r}: {module(family)} needs TRACING, an object of "
            "dfprobe.encoders.tracing.Tracing, for its rows to be explained in space. "
            "Add it, or take the family's encoders out of spatial.encoders."
        )
    return found


def _imported(family: str) -> ModuleType:
    return importlib.import_module(module(family))


def _found(spec: EncoderSpec) -> str:
    """Path of a checkpoint file; other weights as they are named."""
    if not names_a_file(spec.family, spec.weights):
        return spec.weights
    path = local_path(spec.weights)
    if not path.is_file():
        raise EncoderError(missing(spec.weights, [spec.name]))
    return str(path)

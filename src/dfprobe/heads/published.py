"""Published checkpoints, read as heads.

Both kinds are files of ``torch.save`` with a ``state_dict``, whose names tell them
apart. Neither says which encoders it belongs to, so the user does.

Linear probes (bit-ml/ssr-dfd): Lightning checkpoints that hold no classes, with
``head.weight`` (1, dim), ``head.bias`` (1,) and ``hyper_parameters["config"]``
``["model_hparams"]``, which has ``input_type`` and ``feats_dim``.

The synchronisation head (bit-ml/AVH-Align): ``visual_proj``, ``audio_proj``, ``mlp``;
besides the ``state_dict`` it has ``epoch``, ``optimizer``, ``scheduler``,
``best_val_loss`` and ``args``, an ``argparse.Namespace``.
"""

import pickle
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from dfprobe import __version__
from dfprobe.errors import ConfigError, DataError
from dfprobe.heads.files.head_file import provenance_of
from dfprobe.heads.files.tensor_file import Facts, Tensors
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.heads.kinds.sync import SyncHead
from dfprobe.store.features import Attributes
from dfprobe.store.files import sha256_of

_PROBE = {"head.weight", "head.bias"}
_SYNC = "visual_proj.weight"
_SYNC_MODALITIES = ("visual", "audio")
_MODALITIES = {"audio": "audio", "video": "visual", "multimodal": "audio-visual"}


class EncoderFeatures(NamedTuple):
    """The features of an encoder."""

    attributes: Attributes
    dim: int | None  # length of a row; None for feature files, which alone know it

    @property
    def name(self) -> str:
        """Name of the encoder in the configuration."""
        return str(self.attributes["encoder"]["name"])

    @property
    def modality(self) -> str:
        """``audio``, ``visual`` or ``audio-visual``."""
        return str(self.attributes["modality"])


class _Checkpoint(NamedTuple):
    """A checkpoint file: all that it holds, and the head's parameters."""

    path: Path
    content: Facts
    tensors: Tensors

    def origin(self) -> Facts:
        """Which file this is."""
        return {"file": self.path.name, "sha256": sha256_of(self.path)}


def import_head(
    checkpoint: Path, streams: Sequence[EncoderFeatures], train: str, out: Path
) -> None:
    """Turn a published checkpoint into a head file; its content tells the kind.

    Parameters
    ----------
    checkpoint : Path
        Linear probe or synchronisation head.
    streams : sequence of EncoderFeatures
        Those that the head reads: one for a probe; visual, then audio ones for a
        synchronisation head.
    train : str
        Name of the corpus on which it was trained.
    out : Path
        Head file to write.

    Raises
    ------
    ConfigError
        If it reads the features of more or fewer encoders.
    DataError
        If the file is not such a checkpoint, or belongs to other features.
    """
    file = _load(checkpoint)
    is_probe = file.tensors.keys() == _PROBE
    _check_number(checkpoint, streams, 1 if is_probe else 2)
    metadata = {"train_corpus": train, "version": __version__}
    read = _probe if is_probe else _sync_head
    read(file, streams, metadata).save(out)


def _probe(
    file: _Checkpoint, streams: Sequence[EncoderFeatures], metadata: Facts
) -> LinearProbe:
    [stream] = streams
    params = _params(file)
    hparams = _hparams(file)
    _check_features(file.path, params.size - 1, hparams, stream)
    settings = {
        "model_hparams": {name: hparams[name] for name in sorted(hparams)},
        "lightning": file.content.get("pytorch-lightning_version"),
    }
    origin = {"imported": file.origin() | settings}
    return LinearProbe(params, metadata | provenance_of(stream.attributes) | origin)


def _sync_head(
    file: _Checkpoint, streams: Sequence[EncoderFeatures], metadata: Facts
) -> SyncHead:
    head = SyncHead(file.tensors, {})
    head.check(file.path)
    for modality, dim, stream in zip(_SYNC_MODALITIES, head.dims, streams, strict=True):
        if (modality, dim) != (stream.modality, stream.dim or dim):
            raise DataError(
                f"{file.path} reads {modality} features of {dim} dimensions, but the "
                f"encoder {stream.name} gives {stream.modality} ones of "
                f"{stream.dim or 'unknown'} dimensions. Name the visual encoder it was "
                "trained on, then the audio one."
            )
    found = {name: file.content.get(name) for name in ("epoch", "best_val_loss")}
    numbers = {n: value for n, value in found.items() if isinstance(value, int | float)}
    entries = {
        "streams": [provenance_of(stream.attributes) for stream in streams],
        "imported": file.origin() | numbers,
    }
    return SyncHead(file.tensors, metadata | entries)


def _load(path: Path) -> _Checkpoint:
    try:
        # Data only: a Namespace takes names and values, and runs nothing.
        with torch.serialization.safe_globals([Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise DataError(
            f"{path} is not there; give the path of the downloaded checkpoint."
        ) from error
    except (
        *(pickle.UnpicklingError, RuntimeError, EOFError, ValueError),
        *(TypeError, AttributeError, LookupError, OSError),
    ) as error:
        raise DataError(
            f"{path} cannot be read as a checkpoint of torch.save without classes in "
            f"it ({type(error).__name__}). Download it again."
        ) from error
    tensors = content.get("state_dict") if isinstance(content, dict) else None
    tensors = tensors if isinstance(tensors, dict) else {}
    if set(tensors) != _PROBE and _SYNC not in tensors:
        raise DataError(
            f"{path} is not a published head: its state_dict should hold "
            f"{', '.join(sorted(_PROBE))} (a linear probe) or {_SYNC} and others "
            f"(AVH-Align), but got {', '.join(map(str, tensors)) or 'none'}."
        )
    arrays = {name: _float32(value, path) for name, value in tensors.items()}
    return _Checkpoint(path, content, arrays)


def _float32(value: Any, path: Path) -> np.ndarray:
    if not isinstance(value, torch.Tensor):
        raise DataError(
            f"{path} is not a published head: its state_dict should hold tensors only, "
            f"but got an object of type {type(value).__name__}."
        )
    return value.numpy().astype(np.float32)


def _check_number(
    path: Path, streams: Sequence[EncoderFeatures], expected: int
) -> None:
    if len(streams) != expected:
        wanted = ("one encoder", "two encoders, the visual one first")[expected - 1]
        names = ", ".join(stream.name for stream in streams)
        raise ConfigError(
            f"{path} reads the features of {wanted}, but {len(streams)} were named: "
            f"{names}."
        )


def _params(file: _Checkpoint) -> np.ndarray:
    """Weights, then the bias: (dim + 1,) float32."""
    path, tensors = file.path, file.tensors
    weight, bias = (tensors[name] for name in ("head.weight", "head.bias"))
    if weight.ndim != 2 or weight.shape[0] != 1 or bias.shape != (1,):
        raise DataError(
            f"{path}: head.weight should have the shape (1, dim) and head.bias (1,), "
            f"but got {weight.shape} and {bias.shape}."
        )
    params = np.concatenate([weight[0], bias])
    if not np.isfinite(params).all():
        raise DataError(f"{path}: a parameter of the probe is not finite.")
    return params


def _hparams(file: _Checkpoint) -> Facts:
    found: Any = file.content
    for key in ("hyper_parameters", "config", "model_hparams"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict) or not {"input_type", "feats_dim"} <= found.keys():
        raise DataError(
            f"{file.path} is not a published probe: input_type and feats_dim are "
            "missing in hyper_parameters, config, model_hparams."
        )
    return found


def _check_features(
    path: Path, probe_dim: int, hparams: Facts, stream: EncoderFeatures
) -> None:
    kind, name, dim = hparams["input_type"], stream.name, stream.dim
    if _MODALITIES.get(kind) != stream.modality:
        raise DataError(
            f"{path} reads features of type {kind!r}, but the encoder {name} gives "
            f"{stream.modality} ones. Name the encoder it was trained on."
        )
    if probe_dim != hparams["feats_dim"] or dim not in (None, probe_dim):
        raise DataError(
            f"{path} has {probe_dim} weights and says that it reads features of "
            f"{hparams['feats_dim']} dimensions, but the encoder {name} gives "
            f"{dim or 'unknown'}. Name the encoder it was trained on."
        )

"""Published checkpoints, read as heads.

Both kinds are files of ``torch.save`` with a ``state_dict``, whose names tell them
apart. Neither says which encoders it belongs to, so the user does.

Linear probes (bit-ml/ssr-dfd): Lightning checkpoints that hold no classes, with
``head.weight`` (1, dim), ``head.bias`` (1,) and ``hyper_parameters["config"]``
``["model_hparams"]``, which has ``input_type`` and ``feats_dim``.

The synchronisation head (bit-ml/AVH-Align): ``visual_proj``, ``audio_proj``, ``mlp``;
beside the ``state_dict`` lie ``epoch``, ``optimizer``, ``scheduler``, ``best_val_loss``
and ``args``, an ``argparse.Namespace``.
"""

import pickle
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from dfprobe import __version__
from dfprobe.encoders import registry
from dfprobe.errors import ConfigError, DataError, unknown_name
from dfprobe.features.exchange import files_provenance
from dfprobe.features.keys import provenance
from dfprobe.heads.files.head_file import provenance_of
from dfprobe.heads.kinds.linear import LinearProbe
from dfprobe.heads.kinds.sync import SyncHead, check_tensors
from dfprobe.heads.kinds.sync_model import Sizes
from dfprobe.media.crops import made_crops
from dfprobe.planning import specs
from dfprobe.settings.config import Config
from dfprobe.settings.encoders import FeatureFiles
from dfprobe.store.files import sha256_of

_PROBE = {"head.weight", "head.bias"}
_SYNC = "visual_proj.weight"
_SYNC_MODALITIES = ("visual", "audio")
_MODALITIES = {"audio": "audio", "video": "visual", "multimodal": "audio-visual"}


class _Stream(NamedTuple):
    """What a feature store would say of an encoder's rows, and their length."""

    rows: dict[str, Any]
    dim: int | None  # None for feature files: only these know it


class _Checkpoint(NamedTuple):
    """A checkpoint file: all that it holds, and the head's parameters."""

    path: Path
    content: dict[str, Any]
    tensors: dict[str, np.ndarray]

    def origin(self) -> dict[str, Any]:
        """Which file this is."""
        return {"file": self.path.name, "sha256": sha256_of(self.path)}


def import_head(
    checkpoint: Path,
    config: Config,
    encoders: Sequence[str],
    train: str,
    out: Path,
) -> None:
    """Turn a published checkpoint into a head file; its content tells the kind.

    Parameters
    ----------
    checkpoint : Path
        Linear probe or synchronisation head.
    config : Config
        The complete configuration; the encoders are built, so their weights must be
        there.
    encoders : sequence of str
        Names in the configuration of the encoders whose rows the head reads: one for a
        probe; a visual and an audio one, in this order, for a synchronisation head.
    train : str
        Name of the corpus on which it was trained.
    out : Path
        Head file to write.

    Raises
    ------
    ConfigError
        If there is no such encoder.
    DataError
        If the file is no such checkpoint, or belongs to rows of another kind.
    EncoderError
        If an encoder cannot be built.
    """
    for name in encoders:
        known = config.encoders
        if name not in known:
            raise ConfigError(unknown_name("the config has no encoder", name, known))
    file = _load(checkpoint)
    is_probe = file.tensors.keys() == _PROBE
    _check_number(checkpoint, encoders, 1 if is_probe else 2)
    streams = [_rows_of(config, name) for name in encoders]
    metadata = {"train_corpus": train, "version": __version__}
    read = _probe if is_probe else _sync_head
    read(file, streams, metadata).save(out)


def _probe(
    file: _Checkpoint, streams: list[_Stream], metadata: dict[str, Any]
) -> LinearProbe:
    [stream] = streams
    params = _params(file)
    hparams = _hparams(file)
    _check_rows(file.path, params.size - 1, hparams, stream)
    settings = {
        "model_hparams": {name: hparams[name] for name in sorted(hparams)},
        "lightning": file.content.get("pytorch-lightning_version"),
    }
    origin = {"imported": file.origin() | settings}
    return LinearProbe(params, metadata | provenance_of(stream.rows) | origin)


def _sync_head(
    file: _Checkpoint, streams: list[_Stream], metadata: dict[str, Any]
) -> SyncHead:
    check_tensors(file.tensors, file.path)
    dims = Sizes.of_tensors(file.tensors).dims
    for modality, dim, stream in zip(_SYNC_MODALITIES, dims, streams, strict=True):
        if (modality, dim) != (stream.rows["modality"], stream.dim or dim):
            raise DataError(
                f"{file.path} reads {modality} rows of {dim}, but the encoder "
                f"{stream.rows['encoder']['name']} gives {stream.rows['modality']} "
                f"ones of {stream.dim or 'unknown length'}. Name the visual encoder it "
                "was trained on, then the audio one."
            )
    found = {name: file.content.get(name) for name in ("epoch", "best_val_loss")}
    numbers = {n: value for n, value in found.items() if isinstance(value, int | float)}
    entries = {
        "streams": [provenance_of(stream.rows) for stream in streams],
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
            f"{path}: expected a checkpoint of torch.save without classes in it, came "
            f"a file that cannot be read as one ({type(error).__name__})."
        ) from error
    tensors = content.get("state_dict") if isinstance(content, dict) else None
    tensors = tensors if isinstance(tensors, dict) else {}
    if set(tensors) != _PROBE and _SYNC not in tensors:
        raise DataError(
            f"{path}: expected state_dict with {', '.join(sorted(_PROBE))} (a linear "
            f"probe) or with {_SYNC} and others (AVH-Align), came "
            f"{', '.join(map(str, tensors)) or 'none'}. It is no published head."
        )
    arrays = {name: _float32(value, path) for name, value in tensors.items()}
    return _Checkpoint(path, content, arrays)


def _float32(value: Any, path: Path) -> np.ndarray:
    if not isinstance(value, torch.Tensor):
        raise DataError(
            f"{path}: expected tensors only in state_dict, came an object of type "
            f"{type(value).__name__}. It is no published head."
        )
    return value.numpy().astype(np.float32)


def _check_number(path: Path, encoders: Sequence[str], expected: int) -> None:
    if len(encoders) != expected:
        wanted = ("one encoder", "two encoders, the visual one first")[expected - 1]
        raise ConfigError(
            f"{path} reads the rows of {wanted}, but {len(encoders)} were named: "
            f"{', '.join(encoders)}."
        )


def _params(file: _Checkpoint) -> np.ndarray:
    """Weights, then the bias: (dim + 1,) float32."""
    path, tensors = file.path, file.tensors
    weight, bias = (tensors[name] for name in ("head.weight", "head.bias"))
    if weight.ndim != 2 or weight.shape[0] != 1 or bias.shape != (1,):
        raise DataError(
            f"{path}: expected head.weight (1, dim) and head.bias (1,), came "
            f"{weight.shape} and {bias.shape}."
        )
    params = np.concatenate([weight[0], bias])
    if not np.isfinite(params).all():
        raise DataError(f"{path}: a parameter of the probe is not finite.")
    return params


def _hparams(file: _Checkpoint) -> dict[str, Any]:
    found: Any = file.content
    for key in ("hyper_parameters", "config", "model_hparams"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict) or not {"input_type", "feats_dim"} <= found.keys():
        raise DataError(
            f"{file.path}: expected input_type and feats_dim in hyper_parameters, "
            "config, model_hparams; they are not there. It is no published probe."
        )
    return found


def _rows_of(config: Config, name: str) -> _Stream:
    if isinstance(config.encoders[name], FeatureFiles):
        return _Stream(files_provenance(specs.files_spec(config, name)), None)
    spec = specs.features_spec(config, name)
    crops = made_crops(specs.crops_spec(config))
    encoder = registry.build(spec.encoder, spec.device)
    rows = provenance(spec.encoder, encoder, spec.rows(), crops)
    return _Stream(rows, encoder.dim)


def _check_rows(
    path: Path, probe_dim: int, hparams: dict[str, Any], stream: _Stream
) -> None:
    rows, dim = stream
    kind, name = hparams["input_type"], rows["encoder"]["name"]
    if _MODALITIES.get(kind) != rows["modality"]:
        raise DataError(
            f"{path} reads features of type {kind!r}, but the encoder {name} gives "
            f"{rows['modality']} ones. Name the encoder it was trained on."
        )
    if probe_dim != hparams["feats_dim"] or dim not in (None, probe_dim):
        raise DataError(
            f"{path} has {probe_dim} weights and says that it reads rows of "
            f"{hparams['feats_dim']}, but the encoder {name} gives rows of "
            f"{dim or 'unknown length'}. Name the encoder it was trained on."
        )

"""Published probes: Lightning checkpoints of bit-ml/ssr-dfd, read as heads.

A checkpoint is a file of ``torch.save`` that holds no classes: ``state_dict`` with
``head.weight`` (1, dim) and ``head.bias`` (1,), and ``hyper_parameters["config"]``
``["model_hparams"]`` with ``input_type`` and ``feats_dim``. It does not say which
encoder it belongs to, so the user does.
"""

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dfprobe import __version__
from dfprobe import workflow as plan
from dfprobe.declarations import unknown_name
from dfprobe.encoders import registry
from dfprobe.encoders.base import EncoderSpec
from dfprobe.errors import ConfigError, DataError
from dfprobe.features.exchange import files_provenance
from dfprobe.features.extract import provenance
from dfprobe.heads.head_file import provenance_of
from dfprobe.heads.linear import LinearProbe
from dfprobe.media.crops import crops_settings
from dfprobe.storage import sha256_of

_TENSORS = {"head.weight", "head.bias"}
_MODALITIES = {"audio": "audio", "video": "visual", "multimodal": "audio-visual"}


def import_probe(
    checkpoint: Path, config: dict[str, Any], encoder: str, train: str, out: Path
) -> None:
    """Turn a published probe into a head file.

    Parameters
    ----------
    checkpoint : Path
        Lightning checkpoint.
    config : dict
        The complete configuration; its encoder is built, so its weights must be there.
    encoder : str
        Name in the configuration of the encoder whose rows the probe reads.
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
        If the encoder cannot be built.
    """
    if encoder not in config["encoders"]:
        known = config["encoders"]
        raise ConfigError(unknown_name("the config has no encoder", encoder, known))
    content = _load(checkpoint)
    params = _params(content, checkpoint)
    hparams = _hparams(content, checkpoint)
    rows, dim = _rows_of(config, encoder)
    _check_rows(checkpoint, params.size - 1, hparams, rows, dim)
    metadata = {
        **provenance_of(rows),
        "train_corpus": train,
        "imported": {
            "file": checkpoint.name,
            "sha256": sha256_of(checkpoint),
            "model_hparams": {name: hparams[name] for name in sorted(hparams)},
            "lightning": content.get("pytorch-lightning_version"),
        },
        "version": __version__,
    }
    LinearProbe(params, metadata).save(out)


def _load(path: Path) -> dict[str, Any]:
    try:
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
    if not isinstance(content, dict):
        raise DataError(
            f"{path}: expected a Lightning checkpoint, came an object of type "
            f"{type(content).__name__}."
        )
    return content


def _params(content: dict[str, Any], path: Path) -> np.ndarray:
    """Weights, then the bias: (dim + 1,) float32."""
    tensors = content.get("state_dict")
    tensors = tensors if isinstance(tensors, dict) else {}
    names = set(tensors)
    if names != _TENSORS:
        raise DataError(
            f"{path}: expected state_dict with {', '.join(sorted(_TENSORS))}, came "
            f"{', '.join(sorted(map(str, names))) or 'none'}. It is no linear probe."
        )
    weight, bias = (tensors[name].numpy() for name in ("head.weight", "head.bias"))
    if weight.ndim != 2 or weight.shape[0] != 1 or bias.shape != (1,):
        raise DataError(
            f"{path}: expected head.weight (1, dim) and head.bias (1,), came "
            f"{weight.shape} and {bias.shape}."
        )
    params = np.concatenate([weight[0], bias]).astype(np.float32)
    if not np.isfinite(params).all():
        raise DataError(f"{path}: a parameter of the probe is not finite.")
    return params


def _hparams(content: dict[str, Any], path: Path) -> dict[str, Any]:
    found: Any = content
    for key in ("hyper_parameters", "config", "model_hparams"):
        found = found.get(key) if isinstance(found, dict) else None
    if not isinstance(found, dict) or not {"input_type", "feats_dim"} <= found.keys():
        raise DataError(
            f"{path}: expected input_type and feats_dim in hyper_parameters, config, "
            "model_hparams; they are not there. It is no published probe."
        )
    return found


def _rows_of(config: dict[str, Any], name: str) -> tuple[dict[str, Any], int | None]:
    """Tell of an encoder's rows what a feature store would, and their length.

    The length of rows in feature files is known only from these.
    """
    settings = json.loads(plan.features_spec(config, name))
    if plan.from_files(config, name):
        return files_provenance(settings), None
    crops = crops_settings(json.loads(plan.crops_spec(config)))
    spec = EncoderSpec(**settings["encoder"])
    encoder = registry.build(spec, settings["device"])
    return provenance(spec, encoder, settings, crops), encoder.dim


def _check_rows(
    path: Path,
    probe_dim: int,
    hparams: dict[str, Any],
    rows: dict[str, Any],
    dim: int | None,
) -> None:
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

"""Checkpoints are data: tensors are read from them, nothing in them is executed."""

import pickle
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch._utils import _rebuild_parameter, _rebuild_tensor_v2

from dfprobe.errors import EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.store.files import sha256_of
from dfprobe.torch_modules import Module, frozen, random_hash, random_module

# The only names of a pickle that are looked up; tensors need no others. torch itself
# resolves the storage classes before it asks.
_ALLOWED = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor_v2,
    ("torch._utils", "_rebuild_parameter"): _rebuild_parameter,
}
_NAMES_SHOWN = 20


def checkpoint_model(
    spec: EncoderSpec,
    device: str,
    random: Callable[[], Module],
    pretrained: Callable[[Path], Module],
) -> tuple[Module, str]:
    """Model of a spec, frozen, and the hash of its weights.

    Parameters
    ----------
    spec : EncoderSpec
        ``weights`` is ``random`` or the path of a checkpoint.
    device : str
        Name of a torch device.
    random : callable
        Makes the model with random weights, drawn from the global generator.
    pretrained : callable
        Reads the model from a checkpoint.
    """
    if spec.weights == "random":
        return frozen(random_module(random, spec.seed), device), random_hash(spec.seed)
    path = Path(spec.weights)
    return frozen(pretrained(path), device), sha256_of(path)


def read_tensors(path: Path, entry: str | None) -> dict[str, torch.Tensor]:
    """Tensors of a file written by ``torch.save``, in float32 where they are floats.

    The file may hold objects of classes that are not installed, or of hostile ones:
    every name outside a short list becomes an inert object, and nothing is imported.

    Parameters
    ----------
    path : Path
        The checkpoint, in torch's zip format or its older one.
    entry : str or None
        Key of the top-level dictionary under which the tensors are; None if that
        dictionary itself holds them.

    Raises
    ------
    EncoderError
        If the file is not there, is not such a checkpoint, or has no tensors there.
    """
    content = _load(path)
    where = "at the top level" if entry is None else f"under {entry!r}"
    tensors = content
    if entry is not None:
        tensors = content.get(entry) if isinstance(content, dict) else None
    if not isinstance(tensors, dict) or not tensors:
        raise EncoderError(
            f"checkpoint {path}: expected a dictionary of tensors {where}; "
            f"found {_described(content)}"
        )
    for name, value in tensors.items():
        if not isinstance(value, torch.Tensor):
            raise EncoderError(
                f"checkpoint {path}: expected only tensors {where}; {name!r} is not "
                f"a tensor but an object of type {type(value).__name__}"
            )
    return {
        name: tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
        for name, tensor in tensors.items()
    }


def load_exactly(
    module: torch.nn.Module, tensors: Mapping[str, torch.Tensor], source: str
) -> None:
    """Take over tensors whose names and shapes must be exactly those of a module.

    Raises
    ------
    EncoderError
        With the missing, unexpected and wrongly shaped names.
    """
    wanted = module.state_dict()
    wrong_shapes = [
        f"{name} {tuple(tensors[name].shape)} instead of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in tensors and tensors[name].shape != wanted[name].shape
    ]
    faults = [
        *_listed("missing", wanted.keys() - tensors.keys()),
        *_listed("unexpected", tensors.keys() - wanted.keys()),
        *_listed("of the wrong shape", wrong_shapes),
    ]
    if faults:
        raise EncoderError(
            f"{source} does not fit {type(module).__name__}: {'; '.join(faults)}"
        )
    module.load_state_dict(dict(tensors), assign=True)


class _Inert:
    """Stands for any object of a pickle that is not needed; does nothing."""

    def __init__(self, *args: object, **kwargs: object) -> None: ...

    def __call__(self, *args: object, **kwargs: object) -> "_Inert":
        return self

    def __setstate__(self, state: object) -> None: ...

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None:
        """Ignore an item (a pickled list's)."""

    def extend(self, items: object) -> None:
        """Ignore items (a pickled list's)."""

    def add(self, item: object) -> None:
        """Ignore an item (a pickled set's)."""


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Give one of the allowed objects, or a fresh inert class."""
        allowed = _ALLOWED.get((module, name))
        return allowed if allowed is not None else type("Inert", (_Inert,), {})


def _restricted_pickle() -> types.ModuleType:
    """Make what ``torch.load`` uses in place of the module ``pickle``."""
    module = types.ModuleType("restricted_pickle")
    module.Unpickler = _Unpickler  # type: ignore[attr-defined]
    module.UnpicklingError = pickle.UnpicklingError  # type: ignore[attr-defined]
    module.load = (  # type: ignore[attr-defined]
        lambda file, **kwargs: _Unpickler(file, **kwargs).load()
    )
    return module


def _load(path: Path) -> Any:
    if not path.is_file():
        raise EncoderError(
            f"checkpoint {path} is not there; give the path of the downloaded file"
        )
    if _is_torchscript(path):
        raise EncoderError(
            f"checkpoint {path} is a TorchScript archive, which holds code; export its "
            "state_dict with torch.save"
        )
    try:
        return torch.load(
            path,
            map_location="cpu",
            weights_only=False,  # safe with this pickle module, which knows no classes
            pickle_module=_restricted_pickle(),
        )
    except (
        *(pickle.UnpicklingError, RuntimeError, EOFError, ValueError),
        *(TypeError, AttributeError, LookupError),
    ) as error:
        raise EncoderError(
            f"checkpoint {path} is not a file of torch.save, or it is damaged: "
            f"{type(error).__name__}: {error}"
        ) from error


def _is_torchscript(path: Path) -> bool:
    """Whether torch would hand the file to its loader of compiled programs."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any(Path(name).name == "constants.pkl" for name in archive.namelist())


def _described(content: object) -> str:
    if isinstance(content, dict):
        return f"the keys {', '.join(map(str, content)) or '(none)'}"
    return f"an object of type {type(content).__name__}"


def _listed(what: str, names: Iterable[str]) -> list[str]:
    ordered = sorted(names)
    if not ordered:
        return []
    shown = ", ".join(ordered[:_NAMES_SHOWN])
    rest = len(ordered) - _NAMES_SHOWN
    more = f" and {rest} more" if rest > 0 else ""
    return [f"{len(ordered)} {what}: {shown}{more}"]

"""Models of the transformers library: from the hub, from a local folder, or random."""

import contextlib
import hashlib
import logging
import pickle
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.utils import logging as transformers_logging

from dfprobe.errors import EncoderError
from dfprobe.settings.specs import EncoderSpec
from dfprobe.torch_modules import frozen, picked, random_hash, random_module

# Parameters that act only in training; a checkpoint may lack them.
_UNUSED = ("masked_spec_embed",)


def hub_model(
    spec: EncoderSpec,
    device: str,
    model_class: type[PreTrainedModel],
    random_config: Callable[[], Any],
    **config_changes: Any,
) -> tuple[Any, str]:
    """Model of a spec, frozen, and the hash of its weights.

    Parameters
    ----------
    spec : EncoderSpec
        ``weights`` is ``random``, a hub id or a local folder.
    device : str
        Name of a torch device.
    model_class : type
        Class of transformers to load or to make.
    random_config : callable
        Makes the configuration of a random model.
    config_changes
        Entries of the stored configuration to replace on loading.

    Raises
    ------
    EncoderError
        If the weights are not there, or do not fill the model.
    """
    if spec.weights == "random":
        model = random_module(lambda: model_class(random_config()), spec.seed)
        return frozen(model, device), random_hash(spec.seed)
    model = pretrained(spec, model_class, **config_changes)
    return frozen(model, device), state_hash(model)


def small_config(
    config_class: Any, hidden_size: int, layers: int, heads: int, **others: Any
) -> Any:
    """Make a configuration; its feed-forward parts are four times as wide."""
    return config_class(
        hidden_size=hidden_size,
        num_hidden_layers=layers,
        num_attention_heads=heads,
        intermediate_size=4 * hidden_size,
        **others,
    )


def state_hash(model: torch.nn.Module) -> str:
    """SHA-256 over the names and values of a model's parameters and buffers.

    It does not depend on how the repository cut its files, and it changes when any
    value does.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().numpy())
    return digest.hexdigest()


def run(module: Any, hidden: Sequence[int] | None, *args: Any, **inputs: Any) -> Any:
    """Run a model, with its hidden states where they are asked for."""
    return module(*args, **inputs, output_hidden_states=hidden is not None)


def tokens_of(
    output: Any,
    hidden: Sequence[int] | None,
    pool: Callable[[torch.Tensor], torch.Tensor] = lambda tokens: tokens,
) -> torch.Tensor:
    """Tokens of a model's output, or of its hidden layers, without the final norm.

    Parameters
    ----------
    output : ModelOutput
        Of `run`.
    hidden : sequence of int or None
        Hidden layers that are put side by side; None for the model's own output.
    pool : callable
        Applied to each of them: (batch, tokens, width) -> (batch, ..., width).

    Returns
    -------
    torch.Tensor of shape (batch, ..., width), or (batch, ..., layers * width)
    """
    if hidden is None:
        return pool(output.last_hidden_state)
    return picked(output.hidden_states, hidden, pool)


def unavailable(spec: EncoderSpec, what: str, error: Exception) -> EncoderError:
    """Make the error for a file neither local, nor cached, nor to be downloaded."""
    revision = f" at revision {spec.revision}" if spec.revision else ""
    return EncoderError(
        f"encoder {spec.name!r}: no {what} found for {spec.weights!r}{revision}: it is "
        "no local folder with such a file, it is not in the Hugging Face cache "
        "(HF_HOME), and it could not be downloaded. Download it once where there is a "
        f"network ('hf download {spec.weights}'), or give a local folder, or "
        f"weights: random. (transformers says: {str(error).splitlines()[0]})"
    )


def pretrained(
    spec: EncoderSpec, model_class: Any, may_lack: tuple[str, ...] = (), **changes: Any
) -> Any:
    """Model of a hub id or a local folder, in float32.

    Parameters
    ----------
    spec : EncoderSpec
        ``weights`` and ``revision`` say which.
    model_class : type
        Class of transformers, also an Auto class.
    may_lack : tuple of str
        Beginnings of the names of tensors that are not used.
    **changes
        As for `hub_model`.

    Raises
    ------
    EncoderError
        If the weights are not there, or do not fill the model.
    """
    try:
        with quiet_transformers():
            model, info = model_class.from_pretrained(
                spec.weights,
                revision=spec.revision or "main",
                dtype=torch.float32,
                output_loading_info=True,
                **changes,
            )
    except OSError as error:
        raise unavailable(spec, "model", error) from error
    except pickle.UnpicklingError as error:
        raise EncoderError(
            f"encoder {spec.name!r}: the weights {spec.weights!r} are a pickle that "
            "holds more than tensors; nothing in it was executed. Take a revision that "
            "has them as safetensors."
        ) from error
    except (ImportError, RuntimeError, ValueError) as error:
        raise EncoderError(
            f"encoder {spec.name!r}: the weights {spec.weights!r} do not fit "
            f"{model_class.__name__}: {error}"
        ) from error
    absent = sorted(info["missing_keys"])
    unused = [name for name in absent if name.startswith((*_UNUSED, *may_lack))]
    missing = [name for name in absent if name not in unused]
    if missing:
        raise EncoderError(
            f"encoder {spec.name!r}: the weights {spec.weights!r} lack "
            f"{len(missing)} tensors of {type(model).__name__}: {', '.join(missing)}; "
            "is it another model than the encoder's family expects?"
        )
    with torch.no_grad():
        for name in unused:  # drawn at random on loading; the hash must not follow
            model.get_parameter(name).zero_()
    return model


@contextlib.contextmanager
def quiet_transformers() -> Iterator[None]:
    """Hold back the library's own report and progress bar while loading.

    The report lists the tensors that a checkpoint has beyond the model, which is the
    normal case here (text tower, decoder, quantiser); missing ones become our error.
    """
    logger = logging.getLogger("transformers")
    level, bar = logger.level, transformers_logging.is_progress_bar_enabled()
    logger.setLevel(logging.ERROR)
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        logger.setLevel(level)
        if bar:
            transformers_logging.enable_progress_bar()

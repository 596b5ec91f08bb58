"""What jobs need to run: GPUs, cores, memory, weights."""

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from dfprobe.errors import ConfigError
from dfprobe.planning.specs import computed_encoders
from dfprobe.settings.config import Config
from dfprobe.settings.encoder_families import names_a_file
from dfprobe.weights.records import found, missing


def features_gpus(config: Config, encoder: str) -> int:
    """GPUs that a features job of an encoder asks for: 1, or 0 where it uses none."""
    entry = config.encoders[encoder]
    return int(entry.weights != "none" and _on_gpu(config.features.device))


def training_gpus(config: Config, kind: str) -> int:
    """GPUs that a training job asks for; linear probes train on the CPU."""
    return int(kind != "linear" and _on_gpu(config.training.device))


def growing(memory_mb: int) -> Callable[[Any, int], int]:
    """Return a memory request that grows with each attempt at a job."""
    return lambda wildcards, attempt: attempt * memory_mb


def features_threads(config: Config) -> int:
    """Cores of a features job; beside a GPU several prepare clips for it."""
    return 4 if _on_gpu(config.features.device) else 1


def features_memory_mb(config: Config, encoder: str) -> int:
    """Memory of a features job of an encoder, in MB.

    The largest published checkpoint has 8.65 GB and is read whole; without one, jobs
    have been measured at 0.6 GB and less.
    """
    return 2000 if config.encoders[encoder].weights == "none" else 16000


def require_weights(config: Config, encoders: Collection[str]) -> None:
    """Refuse to start jobs whose checkpoint files are not there, in one message.

    Hub ids are left to the jobs, which download them where there is a network.

    Raises
    ------
    ConfigError
        With each missing file, where it is published, where to put it, and the rows
        that wait for it.
    """
    waiting: dict[str, list[str]] = {}
    for name, entry in sorted(computed_encoders(config).items()):
        wanted = name in encoders and names_a_file(entry.family, entry.weights)
        if wanted and not found(entry.weights):
            waiting.setdefault(entry.weights, []).append(name)
    if waiting:
        messages = [missing(weights, rows) for weights, rows in waiting.items()]
        raise ConfigError("\n\n".join(["weights are missing:", *messages]))


def _on_gpu(device: str) -> bool:
    """Whether a device is a GPU, here; asking torch would take seconds."""
    if device != "auto":
        return device != "cpu"
    return any(Path("/dev").glob("nvidia[0-9]*"))

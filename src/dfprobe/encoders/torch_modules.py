"""Frozen torch modules: seeded random weights, evaluation mode, no gradients."""

from collections.abc import Callable
from typing import TypeVar

import torch

Module = TypeVar("Module", bound=torch.nn.Module)


def random_module(make: Callable[[], Module], seed: int) -> Module:
    """Make a module with weights drawn from ``seed``, the global generator untouched.

    The weights are drawn on the CPU, so they do not depend on the device.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def random_hash(seed: int) -> str:
    """Text that stands for the hash of random weights."""
    return f"random:seed={seed}"


def frozen(module: Module, device: str) -> Module:
    """Put a module on a device, in evaluation mode, without gradients.

    ``auto`` is the GPU where there is one, else the CPU.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return module.requires_grad_(False).eval().to(device)

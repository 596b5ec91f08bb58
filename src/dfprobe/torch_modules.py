"""Frozen torch modules: seeded random weights, evaluation mode, hidden layers."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import torch
from torch import Tensor

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
    """Put a module on a device (see `pick_device`), to run it without gradients."""
    return module.requires_grad_(False).eval().to(pick_device(device))


def pick_device(name: str) -> torch.device:
    """Device of a name; ``auto`` is the GPU where there is one, else the CPU."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def run_blocks(
    blocks: Iterable[torch.nn.Module], rows: Tensor, *context: Tensor
) -> Iterator[Tensor]:
    """Run blocks one after the other; yield the input, then the output of each."""
    yield rows
    for block in blocks:
        rows = block(rows, *context)
        yield rows


def last_of(states: Iterator[Tensor]) -> Tensor:
    """Last of the states of `run_blocks`; the others are let go as it runs."""
    last = next(states)
    for state in states:
        last = state
    return last


def picked(
    states: Iterable[Tensor],
    hidden: Sequence[int],
    pool: Callable[[Tensor], Tensor] = lambda state: state,
) -> Tensor:
    """Hidden layers side by side.

    Parameters
    ----------
    states : iterable of Tensor of shape (B, ..., D)
        Hidden layer 0, 1, ...; those after the last one asked for are not computed.
    hidden : sequence of int
        Which ones, ascending.
    pool : callable
        Applied to each of them.

    Returns
    -------
    Tensor of shape (B, ..., layers * D)
    """
    wanted = set(hidden)
    chosen = [
        pool(state)
        for number, state in enumerate(islice(states, max(hidden) + 1))
        if number in wanted
    ]
    return torch.cat(chosen, dim=-1)

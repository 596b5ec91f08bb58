"""The official checkpoints of a model: names that differ, and sizes in their shapes."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from dfprobe.encoders.loading.checkpoints import load_exactly, read_tensors
from dfprobe.errors import EncoderError
from dfprobe.torch_modules import Module


@dataclass(frozen=True)
class CheckpointFormat:
    """How the tensors of an encoder are named in the checkpoints of its authors."""

    model: str  # name with its article, e.g. ``an AV-HuBERT``, for messages.
    # Key of the dictionary of tensors in the file, see `read_tensors`
    entry: str | None = None
    # Beginnings, one of which all names of the encoder may have; it is cut off
    prefixes: tuple[str, ...] = ()
    # Regular expression that matches the beginnings of the names that are left out
    # (once a prefix is cut off): training, decoders
    ignored: str = "$."  # nothing
    # Beginnings of names -> what they become
    renamed: Mapping[str, str] = field(default_factory=dict)

    def read(self, path: Path) -> "Checkpoint":
        """Read a checkpoint.

        Raises
        ------
        EncoderError
            If the file cannot be read.
        """
        tensors = self.encoder_tensors(read_tensors(path, self.entry))
        return Checkpoint(self.model, f"checkpoint {path}", tensors)

    def encoder_tensors(
        self, tensors: Mapping[str, torch.Tensor]
    ) -> dict[str, torch.Tensor]:
        """Tensors of the encoder alone, under the names that its modules have.

        Unknown names stay, for the comparison with the modules to report them.
        """
        found = (p for p in self.prefixes if any(n.startswith(p) for n in tensors))
        prefix = next(found, "")
        cut = {name.removeprefix(prefix): tensor for name, tensor in tensors.items()}
        ignored = re.compile(self.ignored)
        return {
            self._renamed(name): tensor
            for name, tensor in cut.items()
            if not ignored.match(name)
        }

    def _renamed(self, name: str) -> str:
        for old, new in self.renamed.items():
            if name.startswith(old):
                return new + name.removeprefix(old)
        return name


@dataclass(frozen=True)
class Checkpoint:
    """Tensors of an encoder, as a checkpoint has them."""

    model: str
    source: str  # what it is called in messages, e.g. ``checkpoint a.pt``.
    tensors: dict[str, torch.Tensor]

    def sizes(
        self, table: Mapping[str, str], blocks: str, prefix: str = ""
    ) -> dict[str, int]:
        """Sizes of a model, read from the shapes of its tensors.

        Parameters
        ----------
        table : mapping of str to str
            Name of a tensor -> names of the sizes that its axes have, ``_`` for one
            that does not matter, e.g. ``"width _"``.
        blocks : str
            What is before the number of a block in names; the blocks are counted as
            ``layers``.
        prefix : str
            What is before all these names.

        Raises
        ------
        EncoderError
            If a tensor is missing or has another number of axes.
        """
        sizes = {"layers": self._blocks(prefix + blocks)}
        for name, axes in table.items():
            shape = self._shape(prefix + name, len(axes.split()))
            sizes |= zip(axes.split(), shape, strict=True)
        sizes.pop("_", None)
        return sizes

    def loaded(self, make: Callable[[], Module]) -> Module:
        """Model with these tensors.

        Parameters
        ----------
        make : callable
            Makes the model of the right sizes; it runs without memory for weights.

        Raises
        ------
        EncoderError
            If names or shapes differ, with all that do.
        """
        with torch.device("meta"):
            model = make()
        load_exactly(model, self.tensors, self.source)
        return model

    def refusal(self, reason: str) -> EncoderError:
        """Make the error for a checkpoint of another model."""
        first = ", ".join(sorted(self.tensors)[:5]) or "(none)"
        return EncoderError(
            f"{self.source} is not {self.model}: {reason}; its first tensors are "
            f"{first}"
        )

    def _blocks(self, start: str) -> int:
        pattern = re.compile(re.escape(start) + r"(\d+)\.")
        numbers = (pattern.match(name) for name in self.tensors)
        return max((int(m[1]) for m in numbers if m is not None), default=-1) + 1

    def _shape(self, name: str, axes: int) -> torch.Size:
        if name not in self.tensors or self.tensors[name].dim() != axes:
            raise self.refusal(f"it has no {axes}-dimensional tensor {name}")
        return self.tensors[name].shape

"""Passes through a model: arithmetic, batches, and what to do when memory runs out."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from dfprobe.encoders.model_encoder import ModelEncoder, WholeClipEncoder
from dfprobe.encoders.windows import Limits, Part
from dfprobe.errors import EncoderError

Tensors = Mapping[str, torch.Tensor]

log = logging.getLogger("dfprobe")

DTYPES = {
    "float32": torch.float32,
    "float16": torch.float16,
    "bfloat16": torch.bfloat16,
}
_CPU_ROWS, _GPU_ROWS = 32, 1024  # of one pass
_LEAST_WINDOW_S = 1.0  # windows are halved no further


def precision_on(device: torch.device, precision: str) -> str:
    """Arithmetic on a device; ``auto`` is float16 on a GPU and float32 on the CPU."""
    if precision != "auto":
        return precision
    return "float32" if device.type == "cpu" else "float16"


def batch_rows_on(device: torch.device, batch_rows: int | None) -> int:
    """Rows of one pass on a device, where the configuration does not say."""
    if batch_rows is not None:
        return batch_rows
    return _CPU_ROWS if device.type == "cpu" else _GPU_ROWS


@dataclass(frozen=True)
class Launched:
    """Parts whose rows are being computed."""

    parts: Sequence[Part]  # of one pass
    rows: torch.Tensor  # (rows of all parts, dim); on a GPU perhaps not computed yet
    note: str  # what had to be done to compute them, for the index


class Passes:
    """Runs parts through an encoder's model.

    Parameters
    ----------
    encoder : ModelEncoder
    precision : str
        ``float32``, or ``float16`` or ``bfloat16`` for autocast.
    limits : Limits
        The windows are halved when memory runs out, down to one second.
    """

    def __init__(self, encoder: ModelEncoder, precision: str, limits: Limits) -> None:
        self.encoder, self.limits, self._precision = encoder, limits, precision
        self._notes: list[str] = []
        if encoder.device.type == "cuda":
            # A float32 pass is to be float32: not TF32, which cuDNN takes by itself.
            torch.backends.cudnn.allow_tf32 = False

    @property
    def shared_rows(self) -> int:
        """Rows up to which several clips may share a pass; none on the CPU.

        There a pass gains nothing from a second clip, and alone a clip's numbers do
        not depend on its neighbours, not even in the last bit.
        """
        return 0 if self.encoder.device.type == "cpu" else self.limits.batch_rows

    def ready(self, part: Part) -> Part:
        """Put a part where a GPU can fetch it while it computes; any thread."""
        if self.encoder.device.type == "cpu":
            return part
        pinned = {name: tensor.pin_memory() for name, tensor in part.tensors.items()}
        return replace(part, tensors=pinned)

    def launch(self, parts: Sequence[Part]) -> Launched:
        """Start one pass over parts of equal shapes.

        Raises
        ------
        EncoderError
            If even the smallest part does not fit into memory.
        """
        device = self.encoder.device
        tensors = {
            name: _stacked(
                [part.tensors[name].to(device, non_blocking=True) for part in parts]
            )
            for name in parts[0].tensors
        }
        self._notes = []
        rows = self._run(tensors, self.limits, self._precision)
        return Launched(parts, rows.flatten(0, 1), "; ".join(self._notes))

    def finish(self, launched: Launched) -> list[tuple[np.ndarray, str]]:
        """Rows of each part of a pass, and a note where there is something to say.

        Rows that are not finite in half precision are computed again in float32.

        Returns
        -------
        list of (np.ndarray of shape (kept rows, dim), float32; str)
        """
        lengths = [part.rows for part in launched.parts]
        results = []
        for part, rows in zip(
            launched.parts, launched.rows.float().split(lengths), strict=True
        ):
            notes = [part.note, launched.note]
            if self._precision != "float32" and not rows.isfinite().all():
                notes.append(f"not finite in {self._precision}, computed in float32")
                moved = {
                    name: tensor.to(self.encoder.device)
                    for name, tensor in part.tensors.items()
                }
                again = self._run(moved, self.limits, "float32")
                rows = again.flatten(0, 1)
            kept = rows.cpu().numpy()[part.keep]
            results.append((kept, "; ".join(note for note in notes if note)))
        return results

    def _run(self, tensors: Tensors, limits: Limits, precision: str) -> torch.Tensor:
        """Rows of a batch, (batch, rows, dim), in smaller pieces if need be."""
        try:
            return self._forward(tensors, precision)
        except (RuntimeError, MemoryError) as error:
            if not _out_of_memory(error):
                raise
        # Outside the handler, which would hold on to what the failed pass had.
        if self.encoder.device.type == "cuda":
            torch.cuda.empty_cache()
        if len(next(iter(tensors.values()))) > 1:
            return self._in_halves(tensors, limits, precision)
        return self._in_windows(tensors, limits, precision)

    def _forward(self, tensors: Tensors, precision: str) -> torch.Tensor:
        autocast = torch.autocast(
            self.encoder.device.type,
            DTYPES[precision],
            enabled=precision != "float32",
        )
        with torch.inference_mode(), autocast:
            return self.encoder.forward(**tensors)

    def _in_halves(
        self, tensors: Tensors, limits: Limits, precision: str
    ) -> torch.Tensor:
        size = len(next(iter(tensors.values())))
        self._say(f"out of memory with a batch of {size}, done in halves")
        halves = zip(
            *(tensor.tensor_split(2) for tensor in tensors.values()), strict=True
        )
        return torch.cat(
            [
                self._run(dict(zip(tensors, half, strict=True)), limits, precision)
                for half in halves
            ]
        )

    def _in_windows(
        self, tensors: Tensors, limits: Limits, precision: str
    ) -> torch.Tensor:
        encoder = self.encoder
        rows = self._length(tensors)
        window_s = rows / encoder.rate_hz / 2
        if not isinstance(encoder, WholeClipEncoder) or window_s < _LEAST_WINDOW_S:
            raise EncoderError(
                f"{type(encoder).__name__} on {encoder.device}: a single part of "
                f"{rows} rows does not fit into memory. Set features.device to cpu, "
                "or run fewer jobs concurrently."
            )
        self._say(f"out of memory with {rows} rows, done in windows of half as many")
        smaller = replace(
            limits,
            window_s=window_s,
            overlap_s=min(limits.overlap_s, window_s / 2),
        )
        parts = [
            self._run(part.tensors, smaller, precision)[:, part.keep]
            for part in encoder.cut(tensors, smaller)
        ]
        return torch.cat(parts, dim=1)

    def _length(self, tensors: Tensors) -> int:
        encoder = self.encoder
        if not isinstance(encoder, WholeClipEncoder):
            return 1
        return min(encoder.axes[name].rows(tensor) for name, tensor in tensors.items())

    def _say(self, note: str) -> None:
        if note not in self._notes:
            self._notes.append(note)
            log.warning("%s: %s", type(self.encoder).__name__, note)


def _stacked(tensors: list[torch.Tensor]) -> torch.Tensor:
    return tensors[0] if len(tensors) == 1 else torch.cat(tensors)


def _out_of_memory(error: RuntimeError | MemoryError) -> bool:
    """Whether an error is a lack of memory, on a GPU or on the CPU."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or (
        "can't allocate memory" in str(error)
    )

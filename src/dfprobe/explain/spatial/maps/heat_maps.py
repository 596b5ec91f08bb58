"""Maps of some rows of a clip by some probes, with one forward pass of the encoder."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch

from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.model_encoder import ModelEncoder
from dfprobe.encoders.tracing import EXACT, GRADCAM, GRADXACT, Tracing
from dfprobe.encoders.windows import Limits
from dfprobe.explain.spatial.maps.gradcam import grad_cam, grad_x_activation, slopes
from dfprobe.explain.spatial.maps.patch_scores import frame_logit, patch_scores

Tensors = dict[str, torch.Tensor]


class Heat(NamedTuple):
    """A map of a frame: (rows, cols) float64, and the logit of the row it explains."""

    values: np.ndarray
    logit: float


# (method, part) -> map
Maps = dict[tuple[str, str], Heat]


def maps_of_rows(
    encoder: Encoder,
    tracing: Tracing,
    clip: ClipInputs,
    rows: Sequence[int],
    probes: Sequence[np.ndarray],
    limits: Limits,
) -> dict[int, list[Maps]]:
    """Make the maps of some rows of a clip.

    Parameters
    ----------
    rows : sequence of int
        Numbers of rows; those that the clip does not have are left out.
    probes : sequence of np.ndarray of shape (dim + 1,)
        Linear probes: weights, then the bias.
    limits : Limits
        As the features stage cuts clips; one part is held at a time.

    Returns
    -------
    dict of int to list of Maps
        By row, one entry per probe.

    Raises
    ------
    ClipError
        If the clip cannot be encoded.
    """
    if tracing.of_clip is not None:
        shares = tracing.of_clip(encoder, clip, rows)
        return {
            row: [_exact(s, probe) for probe in probes] for row, s in shares.items()
        }
    assert isinstance(encoder, ModelEncoder)  # the only ones without `of_clip`
    found: dict[int, list[Maps]] = {}
    for tensors, places in _items(encoder, clip, rows, limits):
        maps = _of_item(encoder, tracing, tensors, list(places.values()), probes)
        found |= dict(zip(places, maps, strict=True))
    return found


def _of_item(
    encoder: ModelEncoder,
    tracing: Tracing,
    tensors: Tensors,
    rows: list[int],
    probes: Sequence[np.ndarray],
) -> list[list[Maps]]:
    """Make the maps of some rows of a batch of one: by row, then by probe."""
    maps: list[list[Maps]] = [[{} for _ in probes] for _ in rows]
    part = tracing.parts[0]
    if tracing.of_batch is not None:
        with torch.inference_mode():
            shares = tracing.of_batch(encoder, tensors)
        for row, by_probe in zip(rows, maps, strict=True):
            for probe, entry in zip(probes, by_probe, strict=True):
                entry |= _exact({part: shares[row]}, probe)
    if tracing.site is not None:
        found = slopes(encoder, tracing.site(encoder), tensors, rows, probes)
        for of_row, by_probe in zip(found, maps, strict=True):
            for slope, probe, entry in zip(of_row, probes, by_probe, strict=True):
                logit = frame_logit(slope.features, probe)
                entry[GRADCAM, part] = Heat(grad_cam(slope), logit)
                entry[GRADXACT, part] = Heat(grad_x_activation(slope), logit)
    return maps


def _exact(shares: Mapping[str, np.ndarray], probe: np.ndarray) -> Maps:
    """Patch scores of all parts of a frame, which add up to its logit."""
    flat = [values.reshape(-1, values.shape[2]) for values in shares.values()]
    together = np.concatenate(flat)  # (cells of all parts, dim)
    logit = frame_logit(together.sum(axis=0), probe)
    ends = np.cumsum([len(values) for values in flat])[:-1]
    scores = np.split(patch_scores(together, probe), ends)
    return {
        (EXACT, part): Heat(values.reshape(shares[part].shape[:2]), logit)
        for part, values in zip(shares, scores, strict=True)
    }


def _items(
    encoder: ModelEncoder, clip: ClipInputs, rows: Sequence[int], limits: Limits
) -> Iterator[tuple[Tensors, dict[int, int]]]:
    """Find the inputs that give the rows asked for, in batches of one.

    Yields
    ------
    tensors : dict of str to torch.Tensor
        On the encoder's device.
    places : dict of int to int
        Row of the clip -> row of what the model gives for these tensors.
    """
    first = 0  # row of the clip at which the part's kept rows begin
    for part in encoder.parts(clip, limits):
        kept = range(part.rows)[part.keep]
        batch = len(next(iter(part.tensors.values())))
        per_item = part.rows // batch
        places: dict[int, dict[int, int]] = {}
        for row in rows:
            if 0 <= row - first < len(kept):
                item, place = divmod(kept[row - first], per_item)
                places.setdefault(item, {})[row] = place
        for item, found in sorted(places.items()):
            one = {
                name: tensor[item : item + 1].to(encoder.device, torch.float32)
                for name, tensor in part.tensors.items()
            }
            yield one, found
        first += len(kept)
        if first > max(rows):
            return

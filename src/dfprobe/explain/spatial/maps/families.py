"""How the rows of each encoder family are traced back to places in the frame.

A family that is to be explained gets an entry in `FAMILIES`, and its streams one in
`EXPLAINED` of `dfprobe.settings.encoder_families`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from dfprobe.encoders.contract import ClipInputs
from dfprobe.explain.spatial.maps import places, shares, sites
from dfprobe.explain.spatial.maps.gradcam import Site
from dfprobe.explain.spatial.maps.source_frames import SourceFrames

SharesByRow = dict[int, dict[str, np.ndarray]]

EXACT, GRADCAM, GRADXACT = "exact", "gradcam", "gradxact"


@dataclass(frozen=True)
class Family:
    """How the rows of a family are explained.

    Parameters
    ----------
    parts : tuple of str
        Parts of the frame with a map of their own: ``frame``, ``face``, ``mouth``.
    region : callable
        Where a map lies in the source frame, see `dfprobe.explain.spatial.maps.places`.
    site : callable or None
        Layer for maps from gradients, see `dfprobe.explain.spatial.maps.sites`.
    of_batch : callable or None
        Shares of the patches in the rows that a model makes of a batch of one, see
        `dfprobe.explain.spatial.maps.shares.videomae_shares`.
    of_clip : callable or None
        Shares in some rows of a clip, for encoders that are no torch modules; see
        `dfprobe.explain.spatial.maps.shares.residual_shares`.
    """

    parts: tuple[str, ...]
    region: Callable[[Any, SourceFrames, int, str], np.ndarray]
    site: Callable[[Any], Site] | None = None
    of_batch: Callable[[Any, Mapping[str, Tensor]], np.ndarray] | None = None
    of_clip: Callable[[Any, ClipInputs, Sequence[int]], SharesByRow] | None = None

    @property
    def maps(self) -> list[tuple[str, str]]:
        """Method and part of each map of a frame, in the order of the table."""
        exact = self.of_batch is not None or self.of_clip is not None
        named = [(EXACT, part) for part in self.parts] if exact else []
        if self.site is not None:
            named += [(method, self.parts[0]) for method in (GRADCAM, GRADXACT)]
        return named


def _lip_reader(frontend: Callable[[Any], Any]) -> Family:
    return Family(("mouth",), places.lips, sites.trunk_site(frontend))


FAMILIES = {
    "auto": Family(("frame",), places.processed_frame, of_batch=shares.auto_shares),
    "auto_avsr": _lip_reader(lambda model: model.encoder.frontend),
    "avhubert": _lip_reader(lambda model: model.feature_extractor_video.resnet),
    "braven": _lip_reader(lambda model: model.frontend),
    "clip": Family(("frame",), places.processed_frame, sites.clip_site),
    "example": Family(("mouth",), places.mouth_patch, of_clip=shares.example_shares),
    "fsfm": Family(("face",), places.face_crop, sites.fsfm_site),
    "residual": Family(
        ("mouth", "face"), places.residual_cells, of_clip=shares.residual_shares
    ),
    "videomae": Family(
        ("frame",),
        places.processed_frame,
        sites.videomae_site,
        shares.videomae_shares,
    ),
}

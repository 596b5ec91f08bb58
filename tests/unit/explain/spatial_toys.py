"""Maps, targets and faces of a few frames, small enough to judge by hand."""

import numpy as np
import polars as pl

from dfprobe.explain.spatial.measures.heat import MAP_SCHEMA
from dfprobe.explain.spatial.measures.map_points import Point
from dfprobe.explain.spatial.measures.region import Ellipse
from dfprobe.explain.spatial.measures.truth import Target

WHOLE = [100.0, 0.0, 0.0, 0.0, 50.0, 0.0]  # a grid over a frame of 100 x 50


def a_map(clip_id="a", frame=0, heat=None, **other):
    """Row of a map over the whole frame; heat is (rows, cols)."""
    heat = np.zeros((5, 10)) if heat is None else np.asarray(heat, dtype=float)
    row = {"clip_id": clip_id, "label": 1, "frame": frame, "status": "ok"}
    row |= {"method": "gradcam", "part": "frame", "logit": 1.0, "clip_score": 2.0}
    row |= {"rows": heat.shape[0], "cols": heat.shape[1], "heat": heat.ravel().tolist()}
    return row | {"affine": WHOLE, "width": 100, "height": 50} | other


def failed(clip_id="a", frame=0, status="no_face", **other):
    """Row of a frame that could not be explained."""
    empty = ("method", "part", "logit", "clip_score", "rows", "cols", "heat", "affine")
    return a_map(clip_id, frame) | dict.fromkeys(empty) | {"status": status} | other


def maps(*rows):
    """Table of maps."""
    return pl.DataFrame(list(rows), schema=MAP_SCHEMA, orient="row")


def lit(row, column):
    """Heat of one cell of 5 x 10, whose centre is at (10 column + 5, 10 row + 5)."""
    heat = np.zeros((5, 10))
    heat[row, column] = 1.0
    return heat


def target(clip_id="a", frame=0, x=0.5, y=0.5, radius=8.0):
    """Target with a disc, in a frame of 100 x 50."""
    region = Ellipse(100 * x, 50 * y, radius, radius, 0.0)
    return Target(clip_id, frame, Point(x, y), region)


class ToyFaces:
    """Stands for the crops: boxes by clip."""

    def __init__(self, **boxes):
        self.boxes = boxes

    def box(self, clip_id, frame):
        """Box of a clip, the same in all frames."""
        box = self.boxes.get(clip_id)
        return None if box is None else np.array(box, np.float32)

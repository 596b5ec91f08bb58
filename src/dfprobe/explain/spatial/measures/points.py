"""How well explanations name the place: errors, hits and shares of heat, by encoder.

Every encoder is measured on the same targets. Where it gives no explanation, the error
is that of the frame's centre (the published rule, section 8 of the paper's protocol),
and the target counts as missed.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from dfprobe.explain.spatial.measures.heat import frame_sizes, heat_image
from dfprobe.explain.spatial.measures.map_points import (
    CENTRE,
    Point,
    paste,
    peak,
    share_inside,
)
from dfprobe.explain.spatial.measures.region import (
    box_mask,
    ellipse_holds,
    ellipse_mask,
)
from dfprobe.explain.spatial.measures.truth import Faces, Target
from dfprobe.status import Status
from dfprobe.store.files import Row

BASELINES = {  # rows beside the encoders', with their labels
    "frame centre": "Frame centre",
    "face centre": "Face centre",
    "median training point": "Median training point",
    "random point": "Random point",
}
FRAME_CENTRE, FACE_CENTRE, TRAINING_POINT, RANDOM_POINT = BASELINES
NO_ROW = "not_explained"  # the file of maps has no row for the frame
NO_PEAK = "no_peak"  # all cells of the map are equal

SHARES = ("share_in_face", "area_of_face", "share_in_region", "area_of_region")
KEYS = ("encoder", "train", "test", "method", "part", "truth")
POINT_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    **dict.fromkeys(KEYS, pl.String),
    "target": pl.Int64,
    "clip_id": pl.String,
    "frame": pl.Int64,
    "status": pl.String,
    "logit": pl.Float64,
    "clip_score": pl.Float64,
    **dict.fromkeys(("x", "y", "truth_x", "truth_y", "error", "hit"), pl.Float64),
    **dict.fromkeys(SHARES, pl.Float64),
    "region": pl.List(pl.Float64),
}


class MapKey(NamedTuple):
    """Which map of a frame: an encoder's, by a method, of a part of the frame."""

    encoder: str
    method: str | None
    part: str | None


class Held(NamedTuple):
    """A target with its number, and the pixels of its region where they are known."""

    number: int
    target: Target
    region: np.ndarray | None


class Scene(NamedTuple):
    """An explained frame, and what its explanations are held against."""

    held: list[Held]  # targets, all of this frame
    # width and height; None where no encoder could read the clip
    size: tuple[int, int] | None
    face: Point | None  # centre of the face
    face_mask: np.ndarray | None  # (height, width) bool: pixels of the face's box

    def masks(self, held: Held) -> dict[str, np.ndarray]:
        """Regions in which heat is counted, as far as they are known."""
        masks = {"face": self.face_mask, "region": held.region}
        return {name: mask for name, mask in masks.items() if mask is not None}


class Judged(NamedTuple):
    """Where a map or a baseline points in a frame, and its heat where there is one."""

    status: str
    point: Point
    image: np.ndarray | None = None
    extent: np.ndarray | None = None
    logit: float | None = None
    clip_score: float | None = None


def measure(
    maps: Mapping[str, pl.DataFrame],
    targets: Sequence[Target],
    faces: Faces,
    training_point: Point | None,
) -> Iterator[Row]:
    """Hold maps and baselines against targets.

    Parameters
    ----------
    maps : mapping of str to pl.DataFrame
        Maps of each encoder, as read by `read_maps`.
    targets : sequence of Target
        Those of a frame follow each other.
    faces : Faces
        Boxes of the same corpus.
    training_point : Point or None
        Without one, there is no such baseline.

    Yields
    ------
    dict
        Columns of `POINT_SCHEMA` apart from ``train``, ``test`` and ``truth``.
    """
    files = [file for name, table in maps.items() for file in _by_map(name, table)]
    sizes = frame_sizes(maps)
    for (clip_id, frame), group in groupby(
        enumerate(targets), key=lambda numbered: numbered[1][:2]
    ):
        scene = _scene(list(group), sizes.get(clip_id), faces.box(clip_id, frame))
        for key, rows in files:
            row = rows.get((clip_id, frame), rows.get((clip_id, None)))
            yield from _rows(key, _judge(row), scene)
        for name, judged in _baselines(scene, training_point):
            yield from _rows(MapKey(name, None, None), judged, scene)
        yield from _random_rows(scene)


def _by_map(
    encoder: str, table: pl.DataFrame
) -> Iterator[tuple[MapKey, dict[tuple[str, int | None], Row]]]:
    """Rows of each method and part by clip and frame, failures among all of them.

    A clip that failed as a whole may have one row, without a frame.
    """
    failed = {}
    found: dict[tuple[str | None, str | None], dict[Any, Row]] = {}
    for row in table.iter_rows(named=True):
        place = row["clip_id"], row["frame"]
        if row["status"] == Status.OK:
            found.setdefault((row["method"], row["part"]), {})[place] = row
        else:
            failed[place] = row
    for kind, rows in sorted(found.items()) or [((None, None), {})]:
        yield MapKey(encoder, *kind), failed | rows


def _scene(
    targets: list[tuple[int, Target]],
    size: tuple[int, int] | None,
    box: np.ndarray | None,
) -> Scene:
    held = [
        Held(number, target, ellipse_mask(target.region, *size))
        if size is not None and target.region is not None
        else Held(number, target, None)
        for number, target in targets
    ]
    if size is None or box is None:
        return Scene(held, size, None, None)
    left, top, right, bottom = (float(edge) for edge in box)
    # The box ends with pixels, whose far edges lie one further.
    face = Point((left + right + 1) / 2 / size[0], (top + bottom + 1) / 2 / size[1])
    return Scene(held, size, face, box_mask(box, *size))


def _judge(row: Mapping[str, Any] | None) -> Judged:
    """Point of a map; the frame's centre where there is no explanation."""
    if row is None:
        return Judged(NO_ROW, CENTRE)
    scores = {"logit": row["logit"], "clip_score": row["clip_score"]}
    if row["status"] != Status.OK:
        return Judged(row["status"], CENTRE, **scores)
    image = heat_image(row)
    if not image.max() > 0:
        return Judged(NO_PEAK, CENTRE, **scores)
    affine = np.array(row["affine"]).reshape(2, 3)
    extent = paste(np.ones((1, 1)), affine, row["width"], row["height"])
    return Judged(Status.OK, peak(image), image, extent, **scores)


def _rows(key: MapKey, judged: Judged, scene: Scene) -> Iterator[Row]:
    """Rows of one map or baseline, one per target of the scene."""
    for held in scene.held:
        yield {
            **_names(key, held, judged.status),
            "logit": judged.logit,
            "clip_score": judged.clip_score,
            "x": judged.point.x,
            "y": judged.point.y,
            "error": point_error(judged.point, held.target.point),
            "hit": _hit(judged, held.target, scene.size),
            **_shares(judged, scene.masks(held)),
        }


def point_error(point: Point, truth: Point) -> float:
    """Mean of the distances in x and in y, relative to width and height."""
    return (abs(point.x - truth.x) + abs(point.y - truth.y)) / 2


def random_error(truth: Point) -> float:
    """Compute the expected error of a point drawn evenly from the frame.

    Examples
    --------
    >>> random_error(Point(0.5, 0.5))
    0.25
    """
    by_axis = [(at**2 + (1 - at) ** 2) / 2 for at in truth]
    return sum(by_axis) / 2


def _hit(judged: Judged, target: Target, size: tuple[int, int] | None) -> float | None:
    if target.region is None or size is None:
        return None
    if judged.status != Status.OK:
        return 0.0
    x, y = judged.point.x * size[0], judged.point.y * size[1]
    return float(ellipse_holds(target.region, x, y))


def _shares(judged: Judged, masks: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Share of the heat in each region, and of the area that the map covers."""
    if judged.image is None or judged.extent is None:
        return {}
    shares = {}
    for name, mask in masks.items():
        shares[f"share_in_{name}"] = share_inside(judged.image, mask)
        shares[f"area_of_{name}"] = share_inside(judged.extent, mask)
    return shares


def _baselines(
    scene: Scene, training_point: Point | None
) -> Iterator[tuple[str, Judged]]:
    no_face = Judged(Status.NO_FACE, CENTRE)
    yield FRAME_CENTRE, Judged(Status.OK, CENTRE)
    yield FACE_CENTRE, Judged(Status.OK, scene.face) if scene.face else no_face
    if training_point is not None:
        yield TRAINING_POINT, Judged(Status.OK, training_point)


def _random_rows(scene: Scene) -> Iterator[Row]:
    """Rows of what is expected of a random point: it has no place of its own."""
    for held in scene.held:
        masks = scene.masks(held).items()
        areas = {f"area_of_{name}": float(mask.mean()) for name, mask in masks}
        yield {
            **_names(MapKey(RANDOM_POINT, None, None), held, Status.OK),
            "error": random_error(held.target.point),
            "hit": areas.get("area_of_region"),
            **areas,
        }


def _names(key: MapKey, held: Held, status: str) -> Row:
    target = held.target
    return {
        **key._asdict(),
        "target": held.number,
        "clip_id": target.clip_id,
        "frame": target.frame,
        "status": str(status),
        "truth_x": target.point.x,
        "truth_y": target.point.y,
        "region": None if target.region is None else list(target.region),
    }

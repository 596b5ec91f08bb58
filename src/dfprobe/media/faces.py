"""Faces and their 68 landmarks, followed through a clip.

Recipe: bit-ml/AVH-Align and facebookresearch/av_hubert,
avhubert/preparation/detect_landmark.py: dlib's frontal HOG detector and its 68-point
predictor on the grey frame. The recipe detects on every frame (``every = 1`` here); a
larger step is several times faster. Of several faces the recipe takes the last in
dlib's list, frame by frame, which can be another person in each; here it is the main
face: the one that is followed, or the largest (see `main_face`).
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path

import dlib
import numpy as np

from dfprobe.errors import DataError

POINTS = 68
_PREDICTOR = "models/shape_predictor_68_face_landmarks.dat"
_MIN_OVERLAP = 0.5  # intersection over union of two boxes of one face that moves
_MUCH_LARGER = 2.0  # ratio of areas

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class FaceFinder:
    """What finds a face in one grey frame of shape (height, width), uint8.

    Parameters
    ----------
    detect : callable
        ``detect(frame)`` gives the boxes of all faces.
    predict : callable
        ``predict(frame, box)`` gives integer landmarks of shape (68, 2), x and y.
    """

    detect: Callable[[np.ndarray], list[Box]]
    predict: Callable[[np.ndarray, Box], np.ndarray]


@dataclass(frozen=True)
class FaceTrack:
    """The face of a clip, frame by frame.

    Parameters
    ----------
    landmarks : np.ndarray of shape (frames, 68, 2), float32
        Pixels (x, y), NaN in frames without a face.
    boxes : np.ndarray of shape (frames, 4), float32
        Left, top, right, bottom in pixels, NaN in frames without a face.
    detected_share : float
        Share of frames with a face among those in which one was looked for.
    """

    landmarks: np.ndarray
    boxes: np.ndarray
    detected_share: float


def dlib_finder(upsample: int) -> FaceFinder:
    """Load dlib's detector and predictor.

    Parameters
    ----------
    upsample : int
        Times that the detector doubles the frame: 0 finds faces from 80 pixels on, 1
        (the recipe) from 40 pixels on and takes four times as long.

    Raises
    ------
    DataError
        If the predictor's file is not installed.
    """
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(predictor_file()))
    return FaceFinder(
        partial(_detect, detector, upsample), partial(_predict, predictor)
    )


def predictor_file() -> Path:
    """Find the 68-point predictor of the package ``face-recognition-models``.

    The package is located, not imported: importing it needs ``pkg_resources``, which
    recent versions of setuptools no longer have.

    Raises
    ------
    DataError
        If the package or the file in it is not there.
    """
    spec = find_spec("face_recognition_models")
    folders = spec.submodule_search_locations if spec is not None else None
    for folder in folders or []:
        file = Path(folder) / _PREDICTOR
        if file.is_file():
            return file
    raise DataError(
        "dlib's 68-point face predictor (shape_predictor_68_face_landmarks.dat) is not "
        "installed. Install it with: pip install face-recognition-models==0.3.0"
    )


def main_face(faces: list[Box], followed: Box | None) -> Box | None:
    """Choose the face to look at; None without a face.

    The face that is followed (its box overlaps the last one by half or more, the most
    if several do) is kept, unless another one has more than twice its area; then, and
    where none is followed, the largest is taken.

    Parameters
    ----------
    faces : list of Box
        All faces of a frame.
    followed : Box or None
        The main face of the frame before, None if it has none.
    """
    if not faces:
        return None
    largest = max(faces, key=_area)
    if followed is None:
        return largest
    same = max(faces, key=lambda face: _overlap(face, followed))
    if _overlap(same, followed) < _MIN_OVERLAP:
        return largest
    return largest if _area(largest) > _MUCH_LARGER * _area(same) else same


def follow_face(
    frames: Iterable[np.ndarray], finder: FaceFinder, every: int
) -> FaceTrack:
    """Follow the main face through a clip, reading at most ``every`` frames ahead.

    The detector runs on frames 0, ``every``, 2 ``every``, ... and on the last one.
    Between two detections whose boxes overlap, the box moves linearly, and the
    predictor runs on every frame. Where they do not overlap (a cut, another face) or
    one is missing, the detector runs on every frame between them.

    Parameters
    ----------
    frames : iterable of np.ndarray of shape (height, width), uint8
        Grey frames.
    finder : FaceFinder
        Detector and predictor.
    every : int
        Step between detections, at least 1; 1 is the published recipe, as long as no
        frame shows two faces.
    """
    boxes: list[Box | None] = []
    points: list[np.ndarray] = []
    looked = found = 0
    before: Box | None = None
    for span in _spans(frames, every):
        span_boxes, detections = _span_boxes(span, before, finder.detect)
        looked += len(detections)
        found += sum(box is not None for box in detections)
        boxes += span_boxes
        for frame, box in zip(span, span_boxes, strict=True):
            points.append(_landmarks(frame, box, finder))
        before = span_boxes[-1]
    corners = [box if box is not None else (np.nan,) * 4 for box in boxes]
    return FaceTrack(
        landmarks=np.array(points, np.float32).reshape(-1, POINTS, 2),
        boxes=np.array(corners, np.float32).reshape(-1, 4),
        detected_share=found / looked if looked else 0.0,
    )


def _spans(frames: Iterable[np.ndarray], every: int) -> Iterable[list[np.ndarray]]:
    """Frame 0, then the frames up to and with each one on which the detector runs."""
    span: list[np.ndarray] = []
    for number, frame in enumerate(frames):
        span.append(frame)
        if number % every == 0:
            yield span
            span = []
    if span:
        yield span


def _span_boxes(
    span: list[np.ndarray],
    before: Box | None,
    detect: Callable[[np.ndarray], list[Box]],
) -> tuple[list[Box | None], list[Box | None]]:
    """Boxes of a span of frames that follows a frame with box ``before``.

    Returns
    -------
    tuple
        A box (or None) for each frame; those that come from the detector.
    """
    at_end = detect(span[-1])
    last = main_face(at_end, before)
    if (
        before is not None
        and last is not None
        and _overlap(before, last) >= _MIN_OVERLAP
    ):
        steps = np.arange(1, len(span))[:, None] / len(span)
        moving = np.rint(np.array(before) * (1 - steps) + np.array(last) * steps)
        # (len(span) - 1, 4) whole pixels, as the detector gives
        between = [tuple(box) for box in moving.astype(int).tolist()]
        return [*between, last], [last]
    found: list[Box | None] = []
    for faces in [*(detect(frame) for frame in span[:-1]), at_end]:
        found.append(main_face(faces, before))
        before = found[-1]
    return found, found


def _area(box: Box) -> int:
    return (box[2] - box[0]) * (box[3] - box[1])


def _overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(width, 0) * max(height, 0)
    return shared / (_area(one) + _area(other) - shared)


def _landmarks(frame: np.ndarray, box: Box | None, finder: FaceFinder) -> np.ndarray:
    if box is None:
        return np.full((POINTS, 2), np.nan, np.float32)
    return finder.predict(frame, box)


def _detect(
    detector: dlib.fhog_object_detector, upsample: int, frame: np.ndarray
) -> list[Box]:
    # dlib reads past the pixels of an array that is not contiguous.
    faces = detector(np.ascontiguousarray(frame), upsample)
    return [(face.left(), face.top(), face.right(), face.bottom()) for face in faces]


def _predict(
    predictor: dlib.shape_predictor, frame: np.ndarray, box: Box
) -> np.ndarray:
    shape = predictor(np.ascontiguousarray(frame), dlib.rectangle(*box))
    return np.array([(point.x, point.y) for point in shape.parts()], np.float32)

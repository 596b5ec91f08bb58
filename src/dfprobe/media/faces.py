"""Faces and their 68 landmarks, followed through a clip.

Recipe: bit-ml/AVH-Align and facebookresearch/av_hubert,
avhubert/preparation/detect_landmark.py: dlib's frontal HOG detector and its 68-point
predictor on the grey frame. The recipe detects on every frame (``every = 1`` here). A
larger step is many times faster: the detector runs on some frames only, and on most of
these only where the face was last seen, at the size that it had. Of several faces the
recipe takes the last in dlib's list, frame by frame, which can be another person in
each; here it is the main face: the one that is followed, or the largest (see
`main_face`).
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import cv2
import dlib
import numpy as np

from dfprobe.errors import DataError

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

POINTS = 68
_PREDICTOR = "models/shape_predictor_68_face_landmarks.dat"
_MIN_OVERLAP = 0.5  # intersection over union of two boxes of one face that moves
_MUCH_LARGER = 2.0  # ratio of areas
_LEVEL = 5 / 6  # ratio of two sizes at which dlib's detector looks
_SMALLEST = 72  # pixels of the smallest face that it finds
_MARGIN = 0.4  # of the face's width, searched on each side of the last box
_WHOLE_EVERY = 50  # frames (2 s) after which the whole frame is searched again
_THUMBNAIL = (16, 16)
_CUT = 12 * 16 * 16  # change of a thumbnail, all pixels, that makes a new shot

Box = tuple[int, int, int, int]  # left, top, right, bottom


@dataclass(frozen=True)
class FaceFinder:
    """What finds a face in one grey frame of shape (height, width), uint8."""

    detect: Callable[[np.ndarray], list[Box]]  # all faces of a frame
    # Integer landmarks of the face in a box: (68, 2), x and y.
    predict: Callable[[np.ndarray, Box], np.ndarray]
    # Faces around a box that are about as large, or without a box the largest faces of
    # the frame: faster than ``detect``, with boxes that differ a little.
    search: Callable[[np.ndarray, Box | None], list[Box]]


@dataclass(frozen=True)
class FaceTrack:
    """The face of a clip, frame by frame; NaN in frames without one."""

    landmarks: np.ndarray  # (frames, 68, 2), float32, pixels (x, y)
    boxes: np.ndarray  # (frames, 4), float32: left, top, right, bottom in pixels
    detected_share: float  # with a face, of the frames in which one was looked for


def dlib_finder(upsample: int) -> FaceFinder:
    """Load dlib's detector and predictor, to be used by one thread only.

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
    detector = dlib.get_frontal_face_detector()  # keeps the frame that it works on
    predictor = dlib.shape_predictor(str(predictor_file()))
    return FaceFinder(
        partial(_detect, detector, upsample),
        partial(_predict, predictor),
        partial(_search, detector, upsample),
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

    The face that is followed (its box overlaps ``followed``, the last one, by half or
    more, the most if several do) is kept, unless another one has more than twice its
    area; then, and where none is followed, the largest is taken.
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

    The detector runs on the first frame of each shot, on every ``every``-th one after
    it and on the last. Between two detections whose boxes overlap, the box moves
    linearly; where they do not overlap (another face) or one is missing, the detector
    runs on every frame between them. The predictor runs on every frame with a box.

    With a larger step than 1 the detector is the fast ``finder.search``. It sees the
    surroundings of the last box, and the whole frame at the start of a shot, where the
    surroundings show no face, and after 2 s: by then a much larger face is seen.

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
    follower = _Follower(finder, every)
    for span in _spans(frames, every):
        span_boxes = follower.boxes(span)
        boxes += span_boxes
        for frame, box in zip(span.frames, span_boxes, strict=True):
            points.append(_landmarks(frame, box, finder))
    corners = [box if box is not None else (np.nan,) * 4 for box in boxes]
    return FaceTrack(
        landmarks=np.array(points, np.float32).reshape(-1, POINTS, 2),
        boxes=np.array(corners, np.float32).reshape(-1, 4),
        detected_share=follower.found / follower.looked if follower.looked else 0.0,
    )


class _Span(NamedTuple):
    """Frames up to and with one on which the detector runs."""

    frames: list[np.ndarray]
    new_shot: bool


def _spans(frames: Iterable[np.ndarray], every: int) -> Iterator[_Span]:
    """First frame of each shot; after it, spans of ``every`` frames or what is left."""
    span: list[np.ndarray] = []
    before: np.ndarray | None = None
    for frame in frames:
        thumbnail = cv2.resize(frame, _THUMBNAIL, interpolation=cv2.INTER_AREA)
        new_shot = before is None or cv2.norm(thumbnail, before, cv2.NORM_L1) > _CUT
        before = thumbnail
        if new_shot and span:
            yield _Span(span, new_shot=False)
            span = []
        span.append(frame)
        if new_shot or len(span) == every:
            yield _Span(span, new_shot)
            span = []
    if span:
        yield _Span(span, new_shot=False)


class _Follower:
    """Boxes of the main face, span after span; counts looks, and faces found."""

    def __init__(self, finder: FaceFinder, every: int) -> None:
        self._finder, self._every = finder, every
        self._since_whole = 0
        self._last: Box | None = None
        self.looked = self.found = 0

    def boxes(self, span: _Span) -> list[Box | None]:
        """Box (or None) of each frame of the next span."""
        at_end = self._faces(span.frames[-1], span.new_shot)
        count = len(span.frames)
        moving = _moving(self._last, main_face(at_end, self._last), count)
        between: list[Box | None] = []
        for number, frame in enumerate(span.frames[:-1]):
            if moving is None:
                self._take(self._faces(frame, new_shot=False))
            else:
                self._last = moving[number]
            between.append(self._last)
        self._take(at_end)
        self._since_whole += count
        return [*between, self._last]

    def _faces(self, frame: np.ndarray, new_shot: bool) -> list[Box]:
        """Faces of a frame, or those around the last box where that is enough."""
        if self._every == 1:
            return self._finder.detect(frame)
        near = self._finder.search(frame, self._last) if self._last else []
        if near and not new_shot and self._since_whole < _WHOLE_EVERY:
            return near
        self._since_whole = 0
        return near + self._finder.search(frame, None)

    def _take(self, faces: list[Box]) -> None:
        """Go on with the main one of the faces that were detected in a frame."""
        self._last = main_face(faces, self._last)
        self.looked += 1
        self.found += self._last is not None


def _moving(first: Box | None, last: Box | None, count: int) -> list[Box] | None:
    """Boxes between two that are ``count`` frames apart, None if not of one face."""
    if first is None or last is None or _overlap(first, last) < _MIN_OVERLAP:
        return None
    steps = np.arange(1, count)[:, None] / count
    # (count - 1, 1) * (4,) -> (count - 1, 4)
    return _whole_pixels(np.array(first) * (1 - steps) + np.array(last) * steps)


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


def _search(
    detector: dlib.fhog_object_detector,
    upsample: int,
    frame: np.ndarray,
    box: Box | None,
) -> list[Box]:
    """Detect around a box; without one, with as little upsampling as finds a face."""
    if box is not None:
        return _detect_near(detector, upsample, frame, box)
    for times in range(upsample + 1):
        if faces := _detect(detector, times, frame):
            return faces
    return []


def _detect_near(
    detector: dlib.fhog_object_detector, upsample: int, frame: np.ndarray, box: Box
) -> list[Box]:
    """Detect around a box, in pixels of a size in which the face there is small.

    That size is one that the detector makes of the whole frame on its way, one level
    larger than needed, so that a face that shrank is found too.
    """
    width = box[2] - box[0]
    levels = np.log(_SMALLEST / (_LEVEL * 2**upsample * width)) / np.log(_LEVEL)
    scale = 2**upsample * _LEVEL ** max(int(levels), 0)
    margin = round(_MARGIN * width)
    left, top = max(box[0] - margin, 0), max(box[1] - margin, 0)
    part = frame[top : box[3] + margin, left : box[2] + margin]
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=how)
    corner = np.array([left, top, left, top])
    found = np.array(_detect(detector, 0, part)).reshape(-1, 4) / scale + corner
    return _whole_pixels(found)


def _whole_pixels(boxes: np.ndarray) -> list[Box]:
    """Boxes (n, 4) as the detector gives them."""
    rows = np.rint(boxes).astype(int).tolist()
    return [(left, top, right, bottom) for left, top, right, bottom in rows]


def _predict(
    predictor: dlib.shape_predictor, frame: np.ndarray, box: Box
) -> np.ndarray:
    shape = predictor(np.ascontiguousarray(frame), dlib.rectangle(*box))
    return np.array([(point.x, point.y) for point in shape.parts()], np.float32)

import cv2
import dlib
import numpy as np
import pytest
from media_files import face_frame

from dfprobe.errors import DataError
from dfprobe.media import faces
from dfprobe.media.faces import (
    FaceFinder,
    dlib_finder,
    follow_face,
    main_face,
    predictor_file,
)


class CountingFinder:
    """Finds what is written for a frame's number, and notes where it looked.

    ``looked_at`` has the frames that were looked at, ``whole`` those looked at whole.
    """

    def __init__(self, boxes):
        self.faces = [
            faces if isinstance(faces, list) else [faces] if faces else []
            for faces in boxes
        ]
        self.looked_at = []
        self.whole = []

    def detect(self, frame):
        number = int(frame[0, 0])
        self.looked_at.append(number)
        self.whole.append(number)
        return self.faces[number]

    def search(self, frame, box):
        if box is None:
            return self.detect(frame)
        number = int(frame[0, 0])
        self.looked_at.append(number)
        return [face for face in self.faces[number] if faces._overlap(face, box)]

    def follow(self, every):
        frames = (np.full((2, 2), n, np.uint8) for n in range(len(self.faces)))
        finder = FaceFinder(self.detect, self.predict, self.search)
        return follow_face(frames, finder, every)

    @staticmethod
    def predict(frame, box):
        return np.full((68, 2), box[:2], np.float32)


def box_at(x):
    return (x, 0, x + 100, 100)


def test_detector_runs_on_every_kth_frame_and_on_the_last():
    finder = CountingFinder([box_at(2 * n) for n in range(13)])
    track = finder.follow(every=5)
    assert sorted(finder.looked_at) == [0, 5, 10, 12]
    assert track.boxes[:, 0].tolist() == [2 * n for n in range(13)]
    assert track.landmarks[:, 40, 0].tolist() == [2 * n for n in range(13)]
    assert track.detected_share == 1.0


def test_boxes_between_detections_are_whole_pixels():
    boxes = [box_at(0)] * 5 + [box_at(7)]
    assert CountingFinder(boxes).follow(every=5).boxes[:, 0].tolist() == [
        0,
        1,
        3,
        4,
        6,
        7,
    ]


def test_a_cut_is_looked_at_frame_by_frame():
    boxes = [box_at(0)] * 7 + [box_at(200)] * 4
    finder = CountingFinder(boxes)
    track = finder.follow(every=5)
    assert sorted(set(finder.looked_at)) == [0, 5, 6, 7, 8, 9, 10]
    assert track.boxes[:, 0].tolist() == [box[0] for box in boxes]


def test_frames_without_a_face_are_nan():
    boxes = [box_at(0)] * 3 + [None] * 6 + [box_at(3)] * 2
    finder = CountingFinder(boxes)
    track = finder.follow(every=5)
    assert sorted(set(finder.looked_at)) == list(range(11))
    missing = [box is None for box in boxes]
    assert np.isnan(track.boxes).all(axis=1).tolist() == missing
    assert np.isnan(track.landmarks).any(axis=(1, 2)).tolist() == missing
    assert track.detected_share == pytest.approx(5 / 11)


def test_step_of_one_looks_at_every_frame():
    finder = CountingFinder([box_at(n) for n in range(9)])
    finder.follow(every=1)
    assert finder.looked_at == list(range(9))


def test_a_followed_face_is_searched_where_it_was():
    finder = CountingFinder([box_at(n) for n in range(13)])
    finder.follow(every=5)
    assert finder.whole == [0]


def test_a_lost_face_is_searched_in_the_whole_frame():
    finder = CountingFinder([box_at(0)] * 6 + [box_at(300)] * 5)
    finder.follow(every=5)
    assert finder.whole == [0, 10, 6]


@pytest.mark.parametrize(("every", "seen_at"), [(1, 9), (5, 55)])
def test_a_much_larger_face_elsewhere_is_seen_within_two_seconds(every, seen_at):
    boxes = [[SMALL]] * 9 + [[SMALL, HUGE]] * 90
    track = CountingFinder(boxes).follow(every)
    taken = track.boxes.tolist().index(list(HUGE))
    assert 9 <= taken <= seen_at


def test_after_a_cut_the_whole_frame_is_searched():
    finder = CountingFinder([box_at(0)] * 8 + [box_at(20)] * 5)
    frames = [np.full((2, 2), n, np.uint8) for n in range(13)]
    for frame in frames[8:]:
        frame[1] = 255  # the rest of the picture; its number stays
    follow = FaceFinder(finder.detect, finder.predict, finder.search)
    track = follow_face(frames, follow, every=5)
    assert finder.whole == [0, 8]
    # the box of one shot does not move towards that of the next
    assert track.boxes[:, 0].tolist() == [0] * 8 + [20] * 5


def test_no_frame_at_all():
    track = CountingFinder([]).follow(every=5)
    assert track.landmarks.shape == (0, 68, 2)
    assert track.boxes.shape == (0, 4)
    assert track.detected_share == 0.0


def test_step_of_one_is_the_published_recipe():
    frames = [face_frame(2 * n, 5 + n)[..., 0].copy() for n in range(4)]
    frames.insert(2, np.zeros((200, 200), np.uint8))
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(predictor_file()))
    expected = []
    for frame in frames:
        points = np.full((68, 2), np.nan)
        for box in detector(frame, 1):
            shape = predictor(frame, box)
            points = np.array([(p.x, p.y) for p in shape.parts()])
        expected.append(points)
    track = follow_face(frames, dlib_finder(upsample=1), every=1)
    np.testing.assert_array_equal(track.landmarks, np.array(expected))
    assert track.detected_share == 4 / 5


def test_detector_and_predictor_get_contiguous_pixels():
    seen = []

    def detector(frame, upsample):
        seen.append(frame.flags.c_contiguous)
        return []

    class Predictor:
        def __call__(self, frame, box):
            seen.append(frame.flags.c_contiguous)
            return dlib.full_object_detection(box, dlib.points())

    view = face_frame()[..., 0]
    faces._detect(detector, 0, view)
    faces._predict(Predictor(), view, (0, 0, 9, 9))
    assert seen == [True, True]


def test_all_faces_of_a_frame_are_found():
    boxes = [(0, 0, 9, 9), (5, 6, 7, 8)]

    def detector(frame, upsample):
        return [dlib.rectangle(*box) for box in boxes]

    assert faces._detect(detector, 0, np.zeros((9, 9), np.uint8)) == boxes


LARGE, SMALL = (0, 0, 140, 140), (200, 0, 300, 100)
HUGE = (400, 0, 600, 200)


@pytest.mark.parametrize(
    ("seen", "followed", "expected"),
    [
        ([], LARGE, None),
        ([SMALL, LARGE], None, LARGE),
        ([SMALL, LARGE], (10, 0, 150, 140), LARGE),
        ([SMALL, LARGE], (210, 5, 310, 105), SMALL),  # kept: no other is much larger
        ([SMALL, HUGE], SMALL, HUGE),  # four times its area
        ([SMALL, LARGE], (160, 0, 260, 100), LARGE),  # lost: overlaps by less than half
        ([(230, 0, 330, 100), SMALL], (195, 0, 295, 100), SMALL),  # the nearer of two
    ],
)
def test_the_main_face(seen, followed, expected):
    assert main_face(seen, followed) == expected
    assert main_face(seen[::-1], followed) == expected


@pytest.mark.parametrize("every", [1, 5])
def test_the_followed_face_is_kept_whatever_the_order_of_the_faces(every):
    other = (300, 0, 410, 110)
    boxes = [[box_at(n), other][:: 1 if n % 2 else -1] for n in range(11)]
    boxes[0] = [box_at(0)]
    track = CountingFinder(boxes).follow(every)
    assert track.boxes[:, 0].tolist() == list(range(11))


@pytest.mark.parametrize("every", [1, 5])
def test_each_shot_shows_its_own_main_face(every):
    both, left, right = [SMALL, LARGE], [SMALL], [HUGE, LARGE]
    track = CountingFinder([both] * 7 + [left] * 6 + [right] * 6).follow(every)
    expected = [LARGE] * 7 + [SMALL] * 6 + [HUGE] * 6
    assert track.boxes.tolist() == [list(box) for box in expected]
    assert track.detected_share == 1.0


def two_people(left, right):
    """Frame (320, 640) with a drawn face of a size on each side, 0 for none."""
    frame = np.full((320, 640), 90, np.uint8)
    for size, x in ((left, 0), (right, 320)):
        if size:
            frame[:size, x : x + size] = cv2.resize(face_frame()[..., 0], (size, size))
    return frame


def test_drawn_faces_of_two_people_with_cuts():
    shots = [(200, 300), (200, 0), (220, 200), (200, 300)]
    frames = [two_people(*sizes) for sizes in shots for _ in range(6)]
    track = follow_face(frames, dlib_finder(upsample=0), every=5)
    middle = track.landmarks[:, :, 0].mean(axis=1)
    # the larger one; alone; kept beside another; given up for one of twice its area
    sides = ["right"] * 6 + ["left"] * 12 + ["right"] * 6
    assert ["left" if x < 320 else "right" for x in middle] == sides
    assert track.detected_share == 1.0


@pytest.mark.parametrize("upsample", [0, 1])
@pytest.mark.parametrize("size", [100, 160, 320])
def test_the_search_around_a_box_finds_what_the_detector_finds(size, upsample):
    finder = dlib_finder(upsample)
    frame = two_people(size, 0)
    (box,) = finder.detect(frame)
    moved = tuple(side + size // 12 for side in box)
    (near,) = finder.search(frame, moved)
    assert faces._overlap(near, box) > 0.7
    assert finder.search(np.ascontiguousarray(frame[:, 320:]), moved) == []


def test_the_quick_search_doubles_the_frame_only_where_it_must():
    seen = []

    def detector(frame, upsample):
        seen.append(upsample)
        return [dlib.rectangle(0, 0, 9, 9)] if upsample == 1 else []

    frame = np.zeros((9, 9), np.uint8)
    assert faces._search(detector, 2, frame, None) == [(0, 0, 9, 9)]
    assert seen == [0, 1]
    assert faces._search(detector, 0, frame, None) == []


@pytest.mark.parametrize("spec", ["absent", "without the file"])
def test_missing_predictor_says_what_to_install(monkeypatch, tmp_path, spec):
    class Spec:
        submodule_search_locations = (str(tmp_path),)

    found = None if spec == "absent" else Spec
    monkeypatch.setattr(faces, "find_spec", lambda name: found)
    with pytest.raises(DataError, match="pip install face-recognition-models"):
        predictor_file()

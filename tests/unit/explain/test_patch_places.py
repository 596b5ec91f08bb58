"""A white dot in the source frame lights the cell whose place the affine map names."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from dfprobe.encoders.registry import load_encoder
from dfprobe.errors import EncoderError
from dfprobe.explain.spatial.maps.geometry import (
    face_region,
    mouth_region,
    processed_square,
    rectangle,
)
from dfprobe.media.mouth import (
    PATCH,
    STABLE_POINTS,
    TARGET_POINTS,
    mouth_patches,
    patch_places,
)

DOT = 12  # pixels, so that it survives resampling


def dotted(width: int, height: int, x: int, y: int) -> np.ndarray:
    """Black frame with a white square whose centre is (x, y)."""
    frame = np.zeros((height, width, 3), np.uint8)
    half = DOT // 2
    frame[y - half : y + half, x - half : x + half] = 255
    return frame


def brightest(image: np.ndarray) -> tuple[float, float]:
    """Centre of the light in an image, (u, v) in [0, 1] across it."""
    weights = image.astype(np.float64) - image.min()
    rows, columns = np.indices(image.shape)
    u = (weights * (columns + 0.5)).sum() / weights.sum() / image.shape[1]
    v = (weights * (rows + 0.5)).sum() / weights.sum() / image.shape[0]
    return float(u), float(v)


def half_a_cell(region: np.ndarray, cells: int) -> float:
    return 0.5 * float(np.linalg.norm(region[:, 0])) / cells


def check(region: np.ndarray, image: np.ndarray, dot: tuple[int, int], cells: int):
    found = region @ [*brightest(image), 1.0]
    assert np.abs(found - dot).max() < half_a_cell(region, cells)


@pytest.mark.parametrize("family", ["clip", "videomae"])
@pytest.mark.parametrize(
    ("width", "height", "dot"),
    [(320, 180, (110, 60)), (180, 321, (130, 120)), (200, 200, (30, 170))],
)
def test_the_centre_square_is_where_the_processor_cuts_it(family, width, height, dot):
    encoder = load_encoder(family)
    frame = dotted(width, height, *dot)
    if family == "clip":
        pixels = encoder.pixels(frame[None], 0, None)[0]
    else:
        pixels = encoder.pixels([frame] * 16)[0]
    region = processed_square(encoder.processor, width, height)
    check(region, pixels.sum(dim=0).numpy(), dot, cells=24)


def test_a_wide_frame_loses_its_sides_and_a_fixed_size_loses_nothing():
    size = SimpleNamespace(shortest_edge=50, longest_edge=None, width=None, height=None)
    crop = SimpleNamespace(width=50, height=50)
    cut = SimpleNamespace(
        do_resize=True, do_center_crop=True, size=size, crop_size=crop
    )
    np.testing.assert_allclose(
        processed_square(cut, 200, 100), rectangle(50, 0, 100, 100)
    )
    fixed = SimpleNamespace(
        do_resize=True,
        do_center_crop=False,
        size=SimpleNamespace(
            shortest_edge=None, longest_edge=None, width=64, height=64
        ),
    )
    np.testing.assert_allclose(
        processed_square(fixed, 200, 100), rectangle(0, 0, 200, 100)
    )


def test_a_processor_with_another_rule_is_refused():
    size = SimpleNamespace(shortest_edge=None, longest_edge=64, width=None, height=None)
    longest = SimpleNamespace(do_resize=True, do_center_crop=True, size=size)
    with pytest.raises(EncoderError, match=r"where its input lies .* is not known"):
        processed_square(longest, 200, 100)


@pytest.mark.parametrize(
    "box", [[60, 40, 120, 110], [2, 3, 60, 50], [130, 90, 199, 149]]
)
def test_the_face_square_is_where_fsfm_cuts_it(box):
    encoder = load_encoder("fsfm")
    dot = ((box[0] + box[2]) // 2 + 5, (box[1] + box[3]) // 2 - 7)
    boxes = np.array([box], np.float32)
    clip = SimpleNamespace(clip_id="x", boxes=boxes)
    pixels = encoder.pixels(dotted(200, 150, *dot)[None], 0, clip)[0]
    region = face_region(boxes[0], 200, 150)
    check(region, pixels.sum(dim=0).numpy(), dot, cells=16)


def test_without_a_face_fsfm_sees_the_whole_frame():
    region = face_region(np.full(4, np.nan, np.float32), 200, 150)
    np.testing.assert_allclose(region, rectangle(0, 0, 200, 150))


@pytest.mark.parametrize(("first", "side"), [(0, 96), (4, 88)])
def test_the_mouth_patch_is_turned_and_scaled_as_the_warp(first, side):
    # A face turned by 20 degrees, 1.7 times as large as the mean face, off the centre.
    angle = np.deg2rad(20)
    turn = 1.7 * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    shift = np.array([60.0, 10.0])
    canvas = np.full((68, 2), 130.0)
    canvas[STABLE_POINTS] = TARGET_POINTS
    canvas[48:68] = [128.0, 170.0]  # the mouth
    landmarks = np.repeat((canvas @ turn.T + shift)[None], 3, axis=0)
    x, y = np.rint(np.array([140.0, 160.0]) @ turn.T + shift).astype(int).tolist()

    grey = cv2.cvtColor(dotted(500, 500, x, y), cv2.COLOR_RGB2GRAY)
    patch = list(mouth_patches([grey] * 3, landmarks))[1]
    assert patch.shape == (PATCH, PATCH)
    inner = patch[first : first + side, first : first + side]
    place = list(patch_places(landmarks))[1]
    region = mouth_region(place, first, side)
    found = region @ [*brightest(inner), 1.0]
    assert np.abs(found - [x, y]).max() < 0.3  # pixels of the source
    np.testing.assert_allclose(np.linalg.norm(region[:, 0]), 1.7 * side)


def test_a_mouth_patch_of_an_upright_mean_face_lies_pixel_on_pixel():
    canvas = np.full((68, 2), 130.0)
    canvas[STABLE_POINTS] = TARGET_POINTS
    canvas[48:68] = [128.0, 170.0]
    place = next(patch_places(canvas[None]))
    # Columns 80 to 175 and rows 122 to 217 of the frame.
    np.testing.assert_allclose(
        mouth_region(place, 0, 96), rectangle(80, 122, 96, 96), atol=1e-9
    )

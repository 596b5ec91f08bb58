"""From a grid to the frame: the published rule is redone here step by step."""

import cv2
import numpy as np
import pytest

from dfprobe.errors import DataError
from dfprobe.explain.spatial.measures.map_points import Point, paste, peak, share_inside
from dfprobe.explain.spatial.measures.region import (
    Ellipse,
    box_mask,
    ellipse_holds,
    ellipse_mask,
)


def over(left, top, width, height):
    """Affine map of a grid over an upright rectangle of the frame."""
    return np.array([[width, 0, left], [0, height, top]], dtype=float)


def published(grid, width, height, side=224):
    """Map over the frame and its point, as the paper's code makes them for CLIP."""
    scale = side / min(width, height)
    short = (round(width * scale), round(height * scale))
    canvas = np.zeros(short[::-1], np.float32)
    left, top = (short[0] - side) // 2, (short[1] - side) // 2
    square = cv2.resize(grid.astype(np.float32), (side, side))
    canvas[top : top + side, left : left + side] = square
    image = cv2.resize(canvas, (width, height))
    y, x = np.nonzero(image == image.max())
    return image, Point(x.mean() / width, y.mean() / height)


def clip_square(width, height):
    """Affine map of CLIP's input: the square in the middle of the frame."""
    side = min(width, height)
    return over((width - side) / 2, (height - side) / 2, side, side)


def moved(image):
    """Map that lies one pixel further right."""
    return np.roll(image, 1, axis=1)


@pytest.mark.parametrize("size", [(640, 360), (360, 640), (224, 224), (1280, 720)])
@pytest.mark.parametrize("seed", range(3))
def test_the_general_route_is_the_published_rule(size, seed):
    rng = np.random.default_rng(seed)
    grid = rng.random((16, 16))
    grid[tuple(rng.integers(0, 16, 2))] = 1.3  # of near ties the smoother may win
    image, point = published(grid, *size)
    ours = paste(grid, clip_square(*size), *size)
    assert tuple(peak(ours)) == pytest.approx(tuple(point), abs=0.01)
    # Twice resized is a little smoother; an offset of one pixel would give more.
    cell = min(size) / 16
    assert np.abs(ours - image).mean() < 0.1 / cell < np.abs(ours - moved(image)).mean()


def test_cells_lie_where_the_affine_puts_them():
    grid = np.zeros((2, 3))
    grid[1, 2] = 1.0
    image = paste(grid, over(10, 20, 30, 40), 60, 80)
    # Cells are 10 x 20 pixels: the last one's centre is at (35, 50).
    assert image[50, 35] == pytest.approx(1.0)
    assert image[45, 25] < 0.1
    assert not image[:20].any() and not image[60:].any()
    assert not image[:, :10].any() and not image[:, 40:].any()


def test_a_turned_grid():
    grid = np.zeros((4, 4))
    grid[0, 0] = 1.0
    turned = np.array([[0.0, -40, 60], [40, 0, 10]])  # a quarter turn: u runs down
    found = peak(paste(grid, turned, 80, 80))
    # The corner cell's constant part: u, v in 0..1/8, so x in 55..60, y in 10..15.
    assert found == Point(57.5 / 80, 12.5 / 80)


def test_a_turned_grid_ends_at_its_edges():
    half = np.sqrt(0.5) * 40
    turned = np.array([[half, -half, 50], [half, half, 10]])  # by 45 degrees
    image = paste(np.ones((3, 3)), turned, 100, 80)
    assert image.sum() == pytest.approx(40 * 40, rel=0.02)


def test_the_peak_of_ties_is_their_mean():
    image = np.zeros((4, 8))
    image[1, 1] = image[3, 5] = 2.0
    assert peak(image) == Point(3.5 / 8, 2.5 / 4)


@pytest.mark.parametrize("value", [1.0, 0.1, 1 / 3])
def test_an_even_map_points_at_its_middle(value):
    image = paste(np.full((7, 5), value), over(3.2, 5.7, 31.1, 17.3), 64, 32)
    assert np.unique(image).tolist() == [0.0, value]
    assert peak(image).x == pytest.approx((3.2 + 31.1 / 2) / 64, abs=0.5 / 64)


def test_a_grid_beside_the_frame_leaves_it_empty():
    assert not paste(np.ones((2, 2)), over(100, 0, 20, 20), 64, 64).any()
    assert not paste(np.ones((2, 2)), over(-50, 0, 20, 20), 64, 64).any()


def test_a_grid_without_area_is_refused():
    with pytest.raises(DataError, match=r"spread the grid over an area, got \[5"):
        paste(np.ones((2, 2)), over(1, 1, 5, 0), 64, 64)


def test_the_share_of_an_even_map_is_that_of_the_area():
    image = paste(np.full((14, 14), 0.3), over(0, 0, 200, 100), 200, 100)
    mask = ellipse_mask(Ellipse(90, 40, 30, 20, 0.4), 200, 100)
    assert share_inside(image, mask) == pytest.approx(mask.mean())
    assert mask.mean() == pytest.approx(np.pi * 30 * 20 / 20_000, rel=0.01)


def test_the_tilt_turns_the_half_width_from_x_towards_y():
    ellipse = Ellipse(50, 50, 40, 5, np.pi / 4)
    assert ellipse_holds(ellipse, 75, 75)  # y points down
    assert not ellipse_holds(ellipse, 75, 25)
    assert ellipse_holds(Ellipse(50, 50, 40, 5, 0.0), 90, 50)
    assert not ellipse_holds(Ellipse(50, 50, 40, 5, 0.0), 90.1, 50)


def test_a_box_ends_with_its_last_pixel_and_at_the_frame():
    mask = box_mask(np.array([-3, 2, 4, 9], np.float32), 10, 6)
    rows, columns = np.nonzero(mask)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (2, 5, 0, 4)

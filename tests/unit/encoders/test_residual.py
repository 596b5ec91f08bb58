import cv2
import numpy as np
import pytest

from dfprobe.encoders import registry
from dfprobe.encoders.contract import ClipInputs
from dfprobe.encoders.families.residual import (
    cell_means,
    colour_differences,
    face_square,
    residual_statistics,
)
from dfprobe.settings.specs import EncoderSpec

GRID = 6


def grain(side=96, seed=0, level=3.0):
    rng = np.random.default_rng(seed)
    return (128 + level * rng.standard_normal((side, side))).astype(np.float32)


def statistics(grey):
    """Per kernel: log magnitude, log peakedness, on the grid."""
    return residual_statistics(grey, GRID).reshape(3, 2, GRID, GRID)


def test_cell_means_are_exact():
    image = np.arange(24 * 24, dtype=np.float32).reshape(24, 24)
    expected = image.reshape(6, 4, 6, 4).mean(axis=(1, 3))
    np.testing.assert_allclose(cell_means(image, 6), expected)


def test_shadows_and_light_leave_no_residual():
    flat = statistics(np.full((96, 96), 100, np.float32))
    ramp = np.tile(np.linspace(50, 200, 96, dtype=np.float32), (96, 1))
    inner = (..., slice(1, -1), slice(1, -1))
    np.testing.assert_allclose(statistics(ramp)[inner], flat[inner], atol=1e-3)


def test_gaussian_grain_has_no_peakedness():
    _, peakedness = statistics(grain(level=10)).mean(axis=(0, 2, 3))
    assert abs(peakedness) < 0.05
    specks = np.where(np.random.default_rng(0).random((96, 96)) < 0.02, 255, 128)
    assert statistics(specks.astype(np.float32))[:, 1].mean() > 0.3


def test_less_grain_lowers_the_magnitude():
    rough, smooth = statistics(grain(level=3)), statistics(grain(level=1))
    assert (rough[:, 0] - smooth[:, 0]).min() > 0.5


@pytest.mark.parametrize(
    "pattern, kernels",
    [
        (lambda x, y: (x + y) % 2, [0, 1, 2]),  # a checkerboard of two pixels
        (lambda x, y: x // 2 % 2, [0]),  # upright stripes, four pixels a period
        (lambda x, y: y // 2 % 2, [1]),  # lying stripes
    ],
    ids=["checkerboard", "upright", "lying"],
)
def test_a_faint_grid_shows_in_its_cells_only(pattern, kernels):
    y, x = np.mgrid[:96, :96]
    inside = (abs(x - 48) < 16) & (abs(y - 48) < 16)  # the four middle cells
    forged = grain() + 4 * inside * (pattern(x, y) - 0.5)
    change = (statistics(forged.astype(np.float32)) - statistics(grain()))[:, 0]
    middle = change[:, 2:4, 2:4]
    for kernel in kernels:
        assert middle[kernel].min() > 0.1
        assert np.abs(change[kernel, [0, -1]]).max() == 0


def test_the_face_is_cut_along_whole_pixels():
    frame = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    points = np.array([[40.4, 20.0], [80.2, 58.0]], np.float32)
    face = face_square(frame, points, GRID)
    assert face.shape == (36, 36, 3)
    np.testing.assert_array_equal(face, frame[21:57, 42:78])


@pytest.mark.parametrize("shift", [-200, 0, 200])
def test_the_face_stays_inside_the_frame(shift):
    frame = np.zeros((60, 80, 3), np.uint8)
    points = np.array([[10, 10], [70, 75]], np.float32) + shift
    assert face_square(frame, points, GRID).shape == (60, 60, 3)


def test_colours_are_against_the_whole_face():
    face = np.full((36, 36, 3), (120, 100, 90), np.uint8)
    np.testing.assert_allclose(colour_differences(face, GRID), 0, atol=1e-6)
    face[:6, :6, 0] += 20
    red, blue = colour_differences(face, GRID).reshape(GRID, GRID, 2).transpose(2, 0, 1)
    assert red.argmax() == 0
    assert red[0, 0] > 0.05
    np.testing.assert_allclose(blue, 0, atol=1e-6)


def test_a_blended_mouth_without_grain_is_seen_by_the_encoder():
    spec = EncoderSpec("residual", "residual", "video", weights="none")
    encoder = registry.build(spec, "cpu")
    rng = np.random.default_rng(0)
    frames = (128 + 3 * rng.standard_normal((12, 100, 100, 3))).astype(np.uint8)
    forged = frames.copy()
    for frame in forged:
        frame[50:80, 30:70] = cv2.GaussianBlur(frame[50:80, 30:70], (0, 0), 1)
    mouth = frames[:, 2:98, 2:98, 0]
    points = np.tile(rng.uniform(20, 80, (1, 68, 2)), (12, 1, 1)).astype(np.float32)
    real, fake = (
        encoder.encode(ClipInputs("c", None, mouth, points, lambda n, f=f: iter([f])))
        for f in (frames, forged)
    )
    assert real.shape == (12, GRID**2 * 14 + 1)
    one, two = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (real, fake))
    spread = np.linalg.norm(one - one.mean(0), axis=1).mean()
    assert np.linalg.norm(one.mean(0) - two.mean(0)) > spread


def test_the_shorter_of_patches_and_frames_counts():
    spec = EncoderSpec("residual", "residual", "video", weights="none")
    mouth = np.zeros((5, 96, 96), np.uint8)
    points = np.random.default_rng(0).uniform(0, 60, (5, 68, 2)).astype(np.float32)
    frames = np.zeros((3, 64, 64, 3), np.uint8)
    clip = ClipInputs(
        "c", None, mouth, points, lambda n: iter([frames[:2], frames[2:]])
    )
    assert len(registry.build(spec, "cpu").encode(clip)) == 3

import numpy as np
import pytest

from dfprobe.media.mouth import (
    MOUTH_POINTS,
    STABLE_POINTS,
    TARGET_POINTS,
    fit_transforms,
    interpolate_landmarks,
    mouth_patches,
)


def upright_landmarks(frames, mouth=(128.0, 160.0)):
    """Landmarks of a face that already lies on the canvas."""
    points = np.zeros((frames, 68, 2))
    points[:, STABLE_POINTS] = TARGET_POINTS
    points[:, MOUTH_POINTS] = mouth
    return points


def numbered_canvas(height=256, width=256):
    return np.random.default_rng(0).integers(0, 256, (height, width), dtype=np.uint8)


def test_upright_face_is_cut_as_it_is():
    frame = numbered_canvas()
    (patch,) = mouth_patches([frame], upright_landmarks(1))
    difference = frame[112:208, 80:176].astype(int) - patch
    assert difference.min() >= 0  # truncated, not rounded
    assert difference.max() <= 1


@pytest.mark.parametrize(
    ("mouth", "left", "top"),
    [
        ((-500.0, 10.0), 0, 0),
        ((1000.0, 300.0), 160, 160),
        ((100.5, 101.5), 52, 54),  # halves to even
    ],
)
def test_patch_is_moved_onto_the_canvas(mouth, left, top):
    frame = numbered_canvas()
    (patch,) = mouth_patches([frame], upright_landmarks(1, mouth))
    expected = frame[top : top + 96, left : left + 96].astype(int)
    assert np.abs(expected - patch).max() <= 1


def test_nothing_but_zeros_beyond_the_frame():
    small = np.full((150, 120), 200, np.uint8)
    (patch,) = mouth_patches([small], upright_landmarks(1))
    assert patch[: 150 - 112, : 120 - 80].min() >= 199
    assert patch[151 - 112 :].max() == 0
    assert patch[:, 121 - 80 :].max() == 0


def test_nothing_but_zeros_left_of_the_frame_and_above():
    landmarks = upright_landmarks(1)
    landmarks[:, STABLE_POINTS] -= [120.5, 150.5]
    landmarks[:, MOUTH_POINTS] -= [120.5, 150.5]
    (patch,) = mouth_patches([np.full((256, 256), 200, np.uint8)], landmarks)
    assert patch[39:, 41:].min() >= 199
    assert patch[38, 60] in (99, 100)  # half of 200, half of nothing
    assert patch[:38].max() == 0
    assert patch[:, :40].max() == 0


def test_face_outside_the_frame_gives_a_black_patch():
    landmarks = upright_landmarks(1)
    landmarks[:, STABLE_POINTS] += 5000
    landmarks[:, MOUTH_POINTS] += 5000
    (patch,) = mouth_patches([numbered_canvas()], landmarks)
    assert patch.max() == 0


def test_transform_undoes_a_turn_a_scale_and_a_shift():
    angle, scale = 0.3, 1.7
    turn = scale * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    landmarks = upright_landmarks(20) @ turn.T + [40.0, -7.0]
    transforms = fit_transforms(landmarks)
    assert transforms.shape == (9, 3, 3)
    assert np.allclose(transforms[:, :2, :2] @ turn, np.eye(2))
    back = landmarks[0, STABLE_POINTS] @ transforms[0, :2, :2].T + transforms[0, :2, 2]
    assert np.allclose(back, TARGET_POINTS)


def test_gaps_are_filled_linearly_and_ends_are_copied():
    landmarks = np.full((7, 68, 2), np.nan, np.float32)
    landmarks[1], landmarks[5] = 10, 30
    filled = interpolate_landmarks(landmarks)
    assert filled[:, 0, 0].tolist() == [10, 10, 15, 20, 25, 30, 30]
    assert np.isnan(landmarks[0]).all()  # the argument is left alone


def test_nothing_to_interpolate():
    with pytest.raises(ValueError, match="no frame has landmarks"):
        interpolate_landmarks(np.full((3, 68, 2), np.nan))


def test_one_patch_for_each_frame():
    with pytest.raises(ValueError, match="longer"):
        list(mouth_patches([numbered_canvas()], upright_landmarks(2)))

"""Mouth patches against those of facebookresearch/av_hubert (align_mouth.py)."""

from pathlib import Path

import numpy as np
import pytest

from dfprobe.media.mouth import (
    STABLE_POINTS,
    TARGET_POINTS,
    fit_transforms,
    interpolate_landmarks,
    mouth_patches,
)


@pytest.fixture(scope="module")
def official():
    with np.load(Path(__file__).parent / "data" / "mouth_crop.npz") as data:
        return dict(data)


def assert_patches_agree(patches, expected):
    difference = np.abs(patches.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference == 0).mean() >= 0.999


def test_mean_face_points_are_the_official_ones(official):
    assert official["stable_ids"].tolist() == STABLE_POINTS
    assert np.array_equal(TARGET_POINTS, official["stable_points_mean_face"])


def test_gaps_are_filled_as_in_the_recipe(official):
    filled = interpolate_landmarks(official["landmarks"])
    assert np.abs(filled - official["landmarks_interpolated"]).max() <= 1e-9


def test_transforms(official):
    transforms = fit_transforms(official["landmarks_interpolated"])
    assert transforms.shape == official["transforms"].shape
    assert np.abs(transforms - official["transforms"]).max() <= 1e-9


def test_patches(official):
    landmarks = interpolate_landmarks(official["landmarks"])
    patches = np.stack(list(mouth_patches(official["frames"], landmarks)))
    assert_patches_agree(patches, official["crops"])


def test_clip_shorter_than_the_window(official):
    first, end = official["short_frame_range"]
    landmarks = interpolate_landmarks(official["landmarks"][first:end])
    transforms = fit_transforms(landmarks)
    assert np.abs(transforms - official["short_transforms"]).max() <= 1e-9
    patches = np.stack(list(mouth_patches(official["frames"][first:end], landmarks)))
    assert_patches_agree(patches, official["short_crops"])

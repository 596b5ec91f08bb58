"""AV-HuBERT's mouth patches: 96 x 96 grey pixels on a face turned upright.

Recipe: facebookresearch/av_hubert, avhubert/preparation/align_mouth.py with its default
sizes. One step differs on purpose: the recipe writes the patches to an H.264 video and
reads them back before it makes them grey; here the grey pixels are stored as they are,
so published features differ by compression noise.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import numpy as np

# Landmarks that a moving mouth leaves alone, and where they lie (x, y) on the 256 x 256
# canvas: the mean face of mpc001/Lipreading_using_Temporal_Convolutional_Networks,
# commit 0cc99fab, preprocessing/20words_mean_face.npy, SHA-256
# dbf68b2044171e1160716df7c53e8bbfaa0ee8c61fb41171d04cb6092bb81422.
_MEAN_FACE = {
    33: (128.87017960974802, 137.30253355584708),  # under the nose
    36: (92.52245552947952, 94.36876013925871),  # outer corner, eye on the image's left
    39: (112.7724172413806, 94.94360869870115),  # its inner corner
    42: (145.52511509158018, 94.5349986248377),  # inner corner of the other eye
    45: (166.67710071343456, 93.56562295717796),  # its outer corner
}
STABLE_POINTS = list(_MEAN_FACE)
TARGET_POINTS = np.array(list(_MEAN_FACE.values()))  # (5, 2)
MOUTH_POINTS = slice(48, 68)
PATCH = 96
_CANVAS = 256
_WINDOW = 12  # frames whose landmarks are averaged: this one and those after it


def interpolate_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """Fill the frames without landmarks.

    Between two frames with landmarks linearly; before the first and after the last one
    with a copy of it (align_mouth.py, ``landmarks_interpolate``).

    Parameters
    ----------
    landmarks : np.ndarray of shape (frames, 68, 2)
        Pixels (x, y), NaN in frames without a face; at least one frame has one.

    Returns
    -------
    np.ndarray of shape (frames, 68, 2), float64
    """
    filled = np.array(landmarks, dtype=np.float64)
    found = np.flatnonzero(~np.isnan(filled).any(axis=(1, 2)))
    if not found.size:
        raise ValueError("no frame has landmarks: there is nothing to interpolate")
    for before, after in pairwise(found.tolist()):
        step = filled[after] - filled[before]
        for offset in range(1, after - before):
            filled[before + offset] = filled[before] + offset / (after - before) * step
    filled[: found[0]] = filled[found[0]]
    filled[found[-1] + 1 :] = filled[found[-1]]
    return filled


def fit_transforms(landmarks: np.ndarray) -> np.ndarray:
    """Similarity transforms from the smoothed landmarks to the mean face.

    Least squares over five points that a moving mouth leaves alone, with rotation,
    uniform scale and translation (Umeyama 1991, without reflection).

    Parameters
    ----------
    landmarks : np.ndarray of shape (frames, 68, 2), float64
        Without gaps.

    Returns
    -------
    np.ndarray of shape (frames - min(frames, 12) + 1, 3, 3), float64
        From source pixels (x, y, 1) to the 256 x 256 canvas. The frames after the last
        full window use its transform.
    """
    window = min(len(landmarks), _WINDOW)
    stable = np.lib.stride_tricks.sliding_window_view(
        landmarks[:, STABLE_POINTS], window, axis=0
    ).mean(axis=-1)  # (windows, 5, 2)
    middle = stable.mean(axis=1)
    target_middle = TARGET_POINTS.mean(axis=0)
    source, target = stable - middle[:, None], TARGET_POINTS - target_middle
    square = (source**2).sum(axis=(1, 2))
    cosine = (source * target).sum(axis=(1, 2)) / square
    cross = source[..., 0] * target[:, 1] - source[..., 1] * target[:, 0]
    sine = cross.sum(axis=1) / square

    transforms = np.zeros((len(stable), 3, 3))
    transforms[:, 0, 0] = transforms[:, 1, 1] = cosine
    transforms[:, 0, 1], transforms[:, 1, 0] = -sine, sine
    turned = np.einsum("nij,nj->ni", transforms[:, :2, :2], middle)
    transforms[:, :2, 2] = target_middle - turned
    transforms[:, 2, 2] = 1
    return transforms


def mouth_patches(
    frames: Iterable[np.ndarray], landmarks: np.ndarray
) -> Iterator[np.ndarray]:
    """Cut the mouth out of each frame (align_mouth.py, ``crop_patch``).

    Parameters
    ----------
    frames : iterable of np.ndarray of shape (height, width), uint8
        Grey frames, read one by one.
    landmarks : np.ndarray of shape (frames, 68, 2), float64
        Without gaps, one entry per frame.

    Yields
    ------
    np.ndarray of shape (96, 96), uint8
    """
    for frame, place in zip(frames, patch_places(landmarks), strict=True):
        yield _sample(frame, *place)


def patch_places(landmarks: np.ndarray) -> Iterator[tuple[np.ndarray, int, int]]:
    """Place of the patch of each frame.

    Parameters
    ----------
    landmarks : np.ndarray of shape (frames, 68, 2), float64
        Without gaps.

    Yields
    ------
    inverse : np.ndarray of shape (3, 3), float64
        From the canvas to source pixels (x, y, 1), both counted at pixel centres.
    left, top : int
        First column and row of the patch on the canvas.
    """
    transforms = fit_transforms(landmarks)
    for number, points in enumerate(landmarks):
        transform = transforms[min(number, len(transforms) - 1)]
        mouth = points[MOUTH_POINTS] @ transform[:2, :2].T + transform[:2, 2]
        left, top = (_patch_start(centre) for centre in mouth.mean(axis=0))
        yield np.linalg.inv(transform), left, top


def _patch_start(centre: float) -> int:
    """First row or column of the patch, moved so that it lies on the canvas."""
    half = PATCH // 2
    clamped = min(max(centre, half), _CANVAS - half)
    return round(clamped) - half  # halves to even


def _sample(frame: np.ndarray, inverse: np.ndarray, left: int, top: int) -> np.ndarray:
    """Warp a 96 x 96 window of the canvas only, bilinear, zeros outside the frame.

    As scikit-image's ``warp`` (order 1, mode constant) in float64 on [0, 1], then
    ``* 255`` truncated.
    """
    columns, rows = left + np.arange(PATCH), top + np.arange(PATCH)
    # (96, 1) + (96,) -> (96, 96): source position of each pixel of the patch
    x = inverse[0, 0] * columns + (inverse[0, 1] * rows)[:, None] + inverse[0, 2]
    y = inverse[1, 0] * columns + (inverse[1, 1] * rows)[:, None] + inverse[1, 2]
    x_before, x_share = _split(x, frame.shape[1])
    y_before, y_share = _split(y, frame.shape[0])
    region, x_origin, y_origin = _region(frame, x_before, y_before)
    width = region.shape[1]
    corner = (y_before - y_origin) * width + (x_before - x_origin)
    pixels = region.ravel()
    above = pixels[corner] * (1 - x_share) + pixels[corner + 1] * x_share
    corner += width
    below = pixels[corner] * (1 - x_share) + pixels[corner + 1] * x_share
    blended = above * (1 - y_share) + below * y_share
    return (blended * 255).astype(np.uint8)


def _split(position: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixel before a position and the share of the one after it.

    Positions far outside move to where both pixels lie outside the frame.
    """
    before = np.floor(position)
    share = position - before
    return np.clip(before, -2, size).astype(np.intp), share


def _region(
    frame: np.ndarray, x_before: np.ndarray, y_before: np.ndarray
) -> tuple[np.ndarray, int, int]:
    """Part of a frame that the patch reads, in [0, 1] with zeros around the frame.

    Returns
    -------
    tuple
        The region (float64), its first column and its first row in the frame.
    """
    left, right = int(x_before.min()), int(x_before.max()) + 2
    top, bottom = int(y_before.min()), int(y_before.max()) + 2
    height, width = frame.shape
    region = np.zeros((bottom - top, right - left))
    inside = frame[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
    row, column = max(-top, 0), max(-left, 0)
    region[row : row + inside.shape[0], column : column + inside.shape[1]] = inside * (
        1.0 / 255
    )
    return region, left, top

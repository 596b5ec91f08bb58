"""Pixels of FSFM: the square around a face, resized and normalised as in the paper."""

import numpy as np
import torch
from PIL import Image

SCALE = 1.3  # side of the crop over that of the box
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, RGB


def face_crop(frame: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Cut out the face, or give the whole frame where there is none.

    Parameters
    ----------
    frame : np.ndarray of shape (height, width, 3), uint8
    box : np.ndarray of shape (4,), float32
        Left, top, right, bottom in whole pixels, NaN without a face.

    Returns
    -------
    np.ndarray of shape (side, side, 3) or (height, width, 3), uint8
        A view.
    """
    if np.isnan(box).any():
        return frame
    height, width = frame.shape[:2]
    x, y, side = face_square(box.astype(int).tolist(), width, height)
    # A box that lies wholly to the right of the frame or below it leaves nothing.
    return frame[y : y + side, x : x + side] if side > 0 else frame


def face_square(box: list[int], width: int, height: int) -> tuple[int, int, int]:
    """Place of the square crop around a box, in whole pixels.

    A square that leaves the frame is moved in at the left or top and shortened at the
    right or bottom. Rule of FaceForensics++ (wolo-wolo/FSFM-CVPR25,
    datasets/finetune/preprocess/tools/util.py, get_boundingbox).

    Parameters
    ----------
    box : list of int
        Left, top, right, bottom.
    width, height : int
        Of the frame.

    Returns
    -------
    tuple of int
        Left, top and side of the square; the side is not positive where none is left.
    """
    left, top, right, bottom = box
    side = int(max(right - left, bottom - top) * SCALE)
    x = max((left + right) // 2 - side // 2, 0)
    y = max((top + bottom) // 2 - side // 2, 0)
    return x, y, min(side, width - x, height - y)


def normalised_pixels(images: list[np.ndarray], side: int) -> torch.Tensor:
    """Resize images to a square and normalise them.

    Parameters
    ----------
    images : list of np.ndarray of shape (height, width, 3), uint8
        RGB; the aspect ratio is not kept.
    side : int
        Of the square in pixels.

    Returns
    -------
    torch.Tensor of shape (images, 3, side, side), float32
    """
    if not images:
        return torch.empty(0, 3, side, side)
    resized = [
        np.asarray(
            Image.fromarray(image).resize((side, side), Image.Resampling.BILINEAR)
        )
        for image in images
    ]
    pixels = torch.from_numpy(np.stack(resized)).permute(0, 3, 1, 2)  # (B, 3, H, W)
    mean, std = (torch.tensor(values)[:, None, None] for values in (MEAN, STD))
    return (pixels / 255 - mean) / std

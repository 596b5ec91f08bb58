"""Pixels of the mouth patches as AV-HuBERT, Auto-AVSR, RAVEn and BRAVEn read them.

Source: facebookresearch/av_hubert, avhubert/utils.py and avhubert/hubert_pretraining.py
(image_crop_size, image_mean, image_std).
"""

import numpy as np

CROP = 88  # pixels, the centre of a mouth patch
GREY_MEAN, GREY_STD = 0.421, 0.165


def normalised_crops(mouth: np.ndarray) -> np.ndarray:
    """Centre of the mouth patches with the mean and deviation of pre-training.

    Parameters
    ----------
    mouth : np.ndarray of shape (frames, 96, 96), uint8

    Returns
    -------
    np.ndarray of shape (frames, 88, 88), float32
        In [-2.5515, 3.5091]; computed in float64.
    """
    top = round((mouth.shape[1] - CROP) / 2)
    left = round((mouth.shape[2] - CROP) / 2)
    # A grey level has one of 256 values: look them up.
    levels = ((np.arange(256) / 255 - GREY_MEAN) / GREY_STD).astype(np.float32)
    return levels[mouth[:, top : top + CROP, left : left + CROP]]

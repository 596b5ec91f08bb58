"""High-pass noise residuals of the mouth patch and of the face, at 25 rows per second.

What generators leave behind is small against the picture: grids of their up-sampling
layers, missing sensor grain, seams. Three second differences (horizontal, vertical, and
their product, the kernels of the spatial rich model: Fridrich and Kodovsky, 2012) take
the picture away. On a grid of 6 x 6 cells each residual gives the logarithm of its mean
magnitude and of its peakedness; each cell also gives two colour differences.

The mouth patch comes as the recipe warps it. The face is cut from the source frame
along whole pixels and never resized, so patterns of one or two pixels survive.

The heads divide each row by its length. So all values are measured from fixed points
near which they lie in natural pictures (see the constants), and one constant value
closes the row: the division then keeps the size of the others. Nothing is learned.
"""

from collections.abc import Sequence
from itertools import chain

import cv2
import numpy as np

from dfprobe.encoders.checks import (
    frames_of,
    landmarks_of,
    mouth_of,
    require_weights,
    too_short,
)
from dfprobe.encoders.contract import ClipInputs, Encoder
from dfprobe.encoders.tracing import SharesByRow, Tracing, existing
from dfprobe.rates import VIDEO_FPS
from dfprobe.settings.specs import EncoderSpec

RECIPE = 1  # raise it when the numbers change, see dfprobe.recipes

STREAMS = {"video": "visual"}
WEIGHTS = {"none": "nothing is loaded"}
EXPLAINED = ("video",)
OPTIONS = {
    "grid": {
        "type": "integer",
        "minimum": 1,
        "maximum": 12,
        "default": 6,
        "description": "Cells along each side of the mouth patch and of the face.",
    },
}

CHUNK_FRAMES = 32  # bounds the memory; the rows do not depend on it

_SECOND = np.array([1, -2, 1], dtype=np.float32)
_ONE = np.array([1], dtype=np.float32)
_KERNELS = ((_SECOND, _ONE), (_ONE, _SECOND), (_SECOND, _SECOND))  # (x, y)
# Mean magnitude that rounding to whole grey levels alone leaves in each residual:
# uniform noise (variance 1/12) times the kernel's norm, times sqrt(2 / pi).
_FLOOR = np.sqrt(2 / np.pi / 12) * np.sqrt([6.0, 6.0, 36.0])
_LOG_MAGNITUDE = 1.0  # usual log of mean magnitude over that floor
_LOG_PEAKEDNESS = np.log(np.sqrt(np.pi / 2))  # of Gaussian noise
_COLOUR_SCALE = 0.005  # skin, lips and shadow differ by tens of grey levels
_CONSTANT = 3.0  # about half the length of the rest of a row


class ResidualEncoder:
    """Residual statistics of the mouth and the face of a clip.

    Parameters
    ----------
    grid : int
        Cells along each side; `dim` is ``grid ** 2 * (2 * 3 + 2 * 3 + 2) + 1``.
    """

    inputs = frozenset({"mouth", "landmarks", "frames"})
    layers = 1
    rate_hz = VIDEO_FPS
    first_row_s = 0.0
    weights_hash = "none"

    def __init__(self, grid: int) -> None:
        self.grid = grid
        self.dim = grid**2 * (4 * len(_KERNELS) + 2) + 1

    def encode(self, clip: ClipInputs) -> np.ndarray:
        """Rows of the frames: (frames, dim), float32; see `Encoder.encode`.

        Where mouth patches and frames differ in number, the shorter one counts.
        """
        mouth, landmarks = mouth_of(clip), landmarks_of(clip)
        frames = chain.from_iterable(frames_of(clip, CHUNK_FRAMES))
        rows = [
            self._row(patch, points, frame)
            for patch, points, frame in zip(mouth, landmarks, frames, strict=False)
        ]
        if not rows:
            raise too_short(clip)
        return np.concatenate(rows).astype(np.float32)

    def cell_columns(self) -> dict[str, np.ndarray]:
        """Columns of a row that each cell of ``mouth`` and ``face`` fills.

        Returns
        -------
        dict of str to np.ndarray of shape (cells, dim), bool
            Cells row by row. The constant, the last column, is in none.
        """
        cells = np.arange(self.grid**2)
        statistics = np.tile(cells, 2 * len(_KERNELS))  # each of all cells in turn
        colours = np.repeat(cells, 2)  # cell by cell
        nobody = np.full(len(statistics), -1)
        owners = {
            "mouth": [statistics, nobody, np.full(len(colours), -1)],
            "face": [nobody, statistics, colours],
        }
        return {
            part: np.concatenate([*columns, [-1]]) == cells[:, None]
            for part, columns in owners.items()
        }

    def face_place(
        self, points: np.ndarray, width: int, height: int
    ) -> tuple[int, ...]:
        """Left, top and side of the face in a frame; landmarks as in `face_square`."""
        return square_place(points, width, height, self.grid)

    def _row(
        self, patch: np.ndarray, points: np.ndarray, frame: np.ndarray
    ) -> np.ndarray:
        """Row of one frame: (1, dim), float64."""
        face = face_square(frame, points, self.grid)
        lips = patch[: _whole(patch.shape[0], self.grid)]
        lips = lips[:, : _whole(patch.shape[1], self.grid)]
        values = [
            residual_statistics(lips.astype(np.float32), self.grid),
            residual_statistics(
                cv2.cvtColor(face, cv2.COLOR_RGB2GRAY).astype(np.float32), self.grid
            ),
            colour_differences(face, self.grid),
            np.array([_CONSTANT]),
        ]
        return np.concatenate(values)[None]


def face_square(frame: np.ndarray, points: np.ndarray, grid: int) -> np.ndarray:
    """Square around the landmarks, cut along whole pixels, its side a multiple of grid.

    Parameters
    ----------
    frame : np.ndarray of shape (height, width, 3), uint8
    points : np.ndarray of shape (68, 2), float32
        Landmarks (x, y); the square has the centre and the longer side of their box.
    grid : int
        The side is a multiple of it, and at least 3 times it where the frame allows.

    Returns
    -------
    np.ndarray of shape (side, side, 3), uint8
    """
    height, width = frame.shape[:2]
    left, top, side = square_place(points, width, height, grid)
    return frame[top : top + side, left : left + side]


def square_place(
    points: np.ndarray, width: int, height: int, grid: int
) -> tuple[int, int, int]:
    """Left, top and side of `face_square` in a frame of width x height pixels."""
    low, high = points.min(axis=0), points.max(axis=0)
    wanted = max(float((high - low).max()), 3 * grid)
    side = _whole(int(min(wanted, height, width)), grid)
    corner = np.rint((low + high - side) / 2).astype(int)
    left, top = np.clip(corner, 0, (width - side, height - side)).tolist()
    return left, top, side


def residual_statistics(grey: np.ndarray, grid: int) -> np.ndarray:
    """Log magnitude and log peakedness of the residuals in each cell.

    Parameters
    ----------
    grey : np.ndarray of shape (height, width), float32
        Both a multiple of ``grid``.
    grid : int
        Cells along each side.

    Returns
    -------
    np.ndarray of shape (2 * 3 * grid ** 2,), float64
    """
    values = []
    for (kernel_x, kernel_y), floor in zip(_KERNELS, _FLOOR, strict=True):
        residual = cv2.sepFilter2D(grey, cv2.CV_32F, kernel_x, kernel_y)
        # The floor keeps flat cells finite.
        magnitude = cell_means(np.abs(residual), grid) + floor
        power = cell_means(residual * residual, grid) + (np.pi / 2) * floor**2
        values += [
            np.log(magnitude / floor) - _LOG_MAGNITUDE,
            np.log(np.sqrt(power) / magnitude) - _LOG_PEAKEDNESS,
        ]
    return np.concatenate([value.ravel() for value in values])


def colour_differences(face: np.ndarray, grid: int) -> np.ndarray:
    """Red minus green and blue minus green of each cell, less those of the whole face.

    Returns
    -------
    np.ndarray of shape (2 * grid ** 2,), float64
    """
    means = cell_means(face.astype(np.float32), grid)  # (grid, grid, 3)
    contrast = means[..., [0, 2]] - means[..., [1]]
    return _COLOUR_SCALE * (contrast - contrast.mean(axis=(0, 1))).ravel()


def cell_means(image: np.ndarray, grid: int) -> np.ndarray:
    """Means over grid x grid equal cells: (height, width, ...) -> (grid, grid, ...)."""
    # Area resampling to the grid is that mean, since the sides are multiples of it.
    return cv2.resize(image, (grid, grid), interpolation=cv2.INTER_AREA)


def _whole(side: int, grid: int) -> int:
    return side - side % grid


def _shares(
    encoder: ResidualEncoder, clip: ClipInputs, rows: Sequence[int]
) -> SharesByRow:
    """Shares of the cells of mouth and face in some rows, see `Tracing`.

    The constant column is spread evenly over the cells of both.
    """
    columns, grid = encoder.cell_columns(), encoder.grid
    cells = sum(len(mask) for mask in columns.values())
    features = encoder.encode(clip).astype(np.float64)
    shares = {}
    for row in existing(rows, len(features)):
        constant = np.zeros(encoder.dim)
        constant[-1] = features[row, -1] / cells
        shares[row] = {
            part: (mask * features[row] + constant).reshape(grid, grid, -1)
            for part, mask in columns.items()
        }
    return shares


TRACING = Tracing({"mouth": "mouth_cells", "face": "face_cells"}, of_clip=_shares)


def build(spec: EncoderSpec, device: str) -> Encoder:
    """Build the encoder of a spec (see `dfprobe.encoders.registry.build`)."""
    require_weights(spec, "none")
    return ResidualEncoder(spec.options["grid"])

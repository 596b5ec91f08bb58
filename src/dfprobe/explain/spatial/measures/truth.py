"""What the explanations of a test corpus are held against: targets, faces, the median.

A target is one place that a frame's explanation should name: a click of a person, or
the region that the generator of a demo corpus replaced.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from dfprobe.errors import ClipError, DataError
from dfprobe.explain.spatial.measures.map_points import Point
from dfprobe.explain.spatial.measures.region import Ellipse
from dfprobe.media.video import open_media
from dfprobe.rates import VIDEO_FPS
from dfprobe.store.crops import CropReader
from dfprobe.store.csv_files import few

CLICKS, REGION = "clicks", "region"
CLICK_RADIUS = 0.15  # of the frame's short side: a peak this near to a click is a hit

log = logging.getLogger("dfprobe")

# Frames (25 a second) that are explained, by clip; none for a clip that failed.
Frames = Mapping[str, Sequence[int]]
# Width and height of the frames of each clip that an encoder could explain.
Sizes = Mapping[str, tuple[int, int]]


class Target(NamedTuple):
    """One place that the explanation of a frame should name."""

    clip_id: str
    frame: int  # at 25 frames a second
    point: Point  # the place, in relative coordinates
    # where a peak is a hit; None where the size of the frame is not known
    region: Ellipse | None


class Faces:
    """Face boxes of the clips of a corpus, from its crops.

    Parameters
    ----------
    crops : sequence of Path
        Crop stores (HDF5) of all shards, their indexes (Parquet) beside them.
    """

    def __init__(self, crops: Sequence[Path]) -> None:
        self._readers = [CropReader(h5, h5.with_suffix(".parquet")) for h5 in crops]
        self._reader_of: dict[str, CropReader] = {}
        self.source_fps: dict[str, float | None] = {}
        for reader in self._readers:
            rates = dict(reader.index.select("clip_id", "source_fps").iter_rows())
            self.source_fps |= rates
            self._reader_of |= dict.fromkeys(rates, reader)

    def close(self) -> None:
        """Close the crop stores."""
        for reader in self._readers:
            reader.close()

    def box(self, clip_id: str, frame: int) -> np.ndarray | None:
        """Left, top, right, bottom in pixels, (4,) float32; None without a face.

        Parameters
        ----------
        frame : int
            At 25 frames a second.
        """
        if clip_id not in self._reader_of:
            raise DataError(
                f"Clip {clip_id!r} is explained, but no crops hold it. Run the crops "
                "stage of its corpus again."
            )
        try:
            boxes = self._reader_of[clip_id].boxes(clip_id)
        except ClipError:  # the video cannot be decoded: there is no face either
            return None
        if frame >= len(boxes) or np.isnan(boxes[frame]).any():
            return None
        return boxes[frame]


def click_targets(
    manifest: pl.DataFrame,
    frames: Frames,
    sizes: Sizes,
    source_fps: Mapping[str, float | None],
) -> list[Target]:
    """List all clicks on the clips that are explained.

    Parameters
    ----------
    manifest : pl.DataFrame
        Of the test corpus, with ``clicks``.
    frames, sizes : mapping
        What is explained, by clip.
    source_fps : mapping
        Frames a second of each clip's file: clicks count the file's own frames, from
        0 as the paper's code reads them.

    Returns
    -------
    list of Target
        A click belongs to the explained frame whose time is nearest to its own; one
        whose frame is not explained keeps a target of its own, that all encoders miss.
    """
    clicked = dict(manifest.select("clip_id", "clicks").iter_rows())
    return [
        _click_target(clip_id, click, source_fps.get(clip_id), explained, sizes)
        for clip_id, explained in sorted(frames.items())
        for click in clicked.get(clip_id) or []
    ]


def _click_target(
    clip_id: str,
    click: Mapping[str, Any],
    rate: float | None,
    explained: Sequence[int],
    sizes: Sizes,
) -> Target:
    place = click["frame"] * VIDEO_FPS / (rate or VIDEO_FPS)
    frame = int(np.floor(place + 0.5))
    nearest = min(explained, key=lambda one: (abs(one - place), one), default=frame)
    if abs(nearest - place) <= 0.5 + 1e-6:  # halves may be rounded either way
        frame = nearest
    region = None
    if clip_id in sizes:
        width, height = sizes[clip_id]
        radius = CLICK_RADIUS * min(width, height)
        region = Ellipse(click["x"] * width, click["y"] * height, radius, radius, 0.0)
    return Target(clip_id, frame, Point(click["x"], click["y"]), region)


def region_targets(truth: Path, frames: Frames, sizes: Sizes) -> list[Target]:
    """List the replaced regions of the explained frames of a demo corpus.

    Frames that the generator left untouched, and clips that no encoder could explain,
    have none; the log names them.

    Parameters
    ----------
    truth : Path
        Folder of the ground truth, see `dfprobe.demo.truth`.
    frames, sizes : mapping
        What is explained, by clip.
    """
    targets, without = [], []
    for clip_id, explained in sorted(frames.items()):
        if clip_id not in sizes:
            without.append(clip_id)
            continue
        ellipses, rate = _ellipses(truth, clip_id)
        for frame in explained:
            # The earlier of two equally near frames, as frames are picked.
            own = int(np.ceil(frame * rate / VIDEO_FPS - 0.5))
            if own >= len(ellipses) or np.isnan(ellipses[own]).any():
                without.append(f"{clip_id}, frame {frame}")
            else:
                region = _edges(ellipses[own])
                point = _relative(region, sizes[clip_id])
                targets.append(Target(clip_id, frame, point, region))
    if without:
        log.warning(
            "%d explained frames or clips have no replaced region that could be "
            "compared, and are left out: %s",
            len(without),
            few(without),
        )
    return targets


def median_click(manifest: pl.DataFrame) -> Point | None:
    """Median of all clicks on a corpus's training fakes, each axis by itself."""
    clicks = _training_fakes(manifest).select("clicks").explode("clicks").drop_nulls()
    places = [(click["x"], click["y"]) for click in clicks["clicks"]]
    return _median(places)


def median_region(manifest: pl.DataFrame, truth: Path) -> Point | None:
    """Median centre of the regions in a demo corpus's training fakes, over frames."""
    places: list[Point] = []
    for clip_id, path in _training_fakes(manifest).select("clip_id", "path").rows():
        ellipses, _ = _ellipses(truth, clip_id)
        try:
            size = _frame_size(Path(path))
        except ClipError:  # a file that is gone or broken has no place
            continue
        whole = ellipses[~np.isnan(ellipses).any(axis=1)]
        places += [_relative(_edges(ellipse), size) for ellipse in whole]
    return _median(places)


def _training_fakes(manifest: pl.DataFrame) -> pl.DataFrame:
    return manifest.filter(pl.col("split") == "train", pl.col("label") == 1)


def _median(places: Iterable[tuple[float, float]]) -> Point | None:
    points = np.array(list(places), dtype=np.float64)
    if not points.size:
        return None
    x, y = np.median(points, axis=0)
    return Point(float(x), float(y))


def _ellipses(truth: Path, clip_id: str) -> tuple[np.ndarray, float]:
    """Ellipses of a clip's own frames, (frames, 5) float64, and their rate."""
    path = truth / f"{clip_id}.npz"
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["ellipses"].astype(np.float64), float(file["fps"])
    except (OSError, KeyError, ValueError) as error:
        raise DataError(
            f"{path}: expected the ground truth of clip {clip_id!r}, with ellipses and "
            f"fps, got {error}. Make the demo corpus again."
        ) from error


def _edges(ellipse: np.ndarray) -> Ellipse:
    """Ellipse in continuous positions; the generator's are indices of pixels."""
    x, y, *rest = (float(value) for value in ellipse)
    return Ellipse(x + 0.5, y + 0.5, *rest)


def _relative(region: Ellipse, size: tuple[int, int]) -> Point:
    return Point(region.x / size[0], region.y / size[1])


def _frame_size(path: Path) -> tuple[int, int]:
    with open_media(path) as container:
        video = container.streams.video[0].codec_context
        return video.width, video.height

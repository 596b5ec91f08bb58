"""Which frames of a test corpus are explained."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from dfprobe.clip_ids import stable_hash
from dfprobe.rates import VIDEO_FPS, RowClock

Segments = Sequence[Sequence[float]]


def explained_clips(manifest: pl.DataFrame, most: int, seed: int) -> pl.DataFrame:
    """Clips that are explained: test fakes whose video is, or may be, manipulated.

    Where people clicked on any of them, those with clicks are taken, all of them. Else
    a few, by a hash of their names: as many as possible of each manipulation.

    Parameters
    ----------
    most : int
        Clips without clicks that are taken.
    seed : int
        Other ones come with another seed.

    Returns
    -------
    pl.DataFrame
        Their rows, sorted by ``clip_id``.
    """
    fakes = manifest.filter(
        pl.col("split") == "test",
        pl.col("label") == 1,
        pl.col("video_fake").fill_null(True),
    )
    clicked = fakes.filter(pl.col("clicks").list.len() > 0)
    if clicked.height:
        return clicked.sort("clip_id")
    order = [stable_hash(f"{seed}/{clip_id}") for clip_id in fakes["clip_id"]]
    hashed = fakes.with_columns(_order=pl.Series(order, dtype=pl.UInt64)).sort("_order")
    turn = pl.int_range(pl.len()).over("manipulation")  # the first of each, then ...
    chosen = hashed.with_columns(_turn=turn).sort("_turn", "_order").head(most)
    return chosen.drop("_order", "_turn").sort("clip_id")


def explained_frames(
    clip: Mapping[str, Any], decoded: int | None, source_fps: float | None, most: int
) -> list[int]:
    """Frames of a clip that are explained.

    Parameters
    ----------
    clip : mapping
        Row of the manifest: ``clicks`` and ``video_fake_segments``.
    decoded : int or None
        Frames of the clip at 25 a second, None where it cannot be decoded.
    source_fps : float or None
        Frames a second of the file, which clicks count.
    most : int
        Frames of a clip without clicks.

    Returns
    -------
    list of int
        At 25 frames a second, ascending, each once: those that were clicked on, else
        evenly spread over the manipulated seconds, or over the whole clip where no
        seconds are told. Empty where the clip cannot be decoded.
    """
    if not decoded or not source_fps:
        return []
    if clip["clicks"]:
        # To the nearest frame, as frames are picked by their time.
        places = [click["frame"] * VIDEO_FPS / source_fps for click in clip["clicks"]]
        frames = [math.floor(place + 0.5) for place in places]
    else:
        fake = [span for span in clip["video_fake_segments"] or () if span[1] > span[0]]
        segments = fake or [(0.0, decoded / VIDEO_FPS)]
        frames = [RowClock(VIDEO_FPS).row_at(at) for at in _spread(segments, most)]
    return sorted({min(frame, decoded - 1) for frame in frames})


def _spread(segments: Segments, count: int) -> list[float]:
    """Middles, in seconds, of equal shares of all segments together."""
    lengths = [end - start for start, end in segments]
    times = []
    for number in range(count):
        left = (number + 0.5) / count * sum(lengths)
        for (start, _), length in zip(segments, lengths, strict=True):
            if left < length:
                times.append(start + left)
                break
            left -= length
    return times

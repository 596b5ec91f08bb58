"""The working rates, and the one place where rows, times and frames are converted."""

import math
from dataclasses import dataclass

VIDEO_FPS = 25.0
AUDIO_HZ = 16_000
SAMPLES_PER_FRAME = 640  # AUDIO_HZ / VIDEO_FPS


@dataclass(frozen=True)
class RowClock:
    """Times of the rows of one clip, or of all clips of an encoder that cuts none.

    Row ``i`` describes the span that begins at ``first_row_s + i / rate_hz`` seconds
    after the first video frame and lasts ``1 / rate_hz`` seconds.

    Parameters
    ----------
    rate_hz : float
        Rows per second.
    first_row_s : float
        Start of row 0, in seconds.
    """

    rate_hz: float
    first_row_s: float = 0.0

    def start_s(self, row: int) -> float:
        """Start of a row, in seconds."""
        return self.first_row_s + row / self.rate_hz

    def since(self, row: int) -> "RowClock":
        """Clock of the rows from one on, which becomes row 0."""
        return RowClock(self.rate_hz, self.start_s(row))

    def row_at(self, time_s: float) -> int:
        """Row whose span holds a time in seconds (may be negative or past the end)."""
        # k / 25 * 25 can fall just below k in floating point.
        return math.floor((time_s - self.first_row_s) * self.rate_hz + 1e-6)

    def frame_of(self, row: int) -> int:
        """Video frame (25 a second) in which a row starts."""
        return RowClock(VIDEO_FPS).row_at(self.start_s(row))

"""Progress lines for long work: done, rate, time left."""

import logging
import time

log = logging.getLogger("dfprobe")


class Progress:
    """Log how far a loop over clips has come, at most every few seconds.

    Parameters
    ----------
    task : str
        What is being done, e.g. ``"features avhubert_a favc/000"``.
    total : int
        Number of items in the loop.
    unit : str
        Name of the items in the plural.
    every_s : float
        Seconds between two lines.
    """

    def __init__(
        self, task: str, total: int, unit: str = "clips", every_s: float = 5.0
    ) -> None:
        self._task, self._total, self._unit = task, total, unit
        self._every_s = every_s
        self._done = 0
        self._start = self._last = time.monotonic()

    def step(self) -> None:
        """Count one finished item and log when it is time to."""
        self._done += 1
        now = time.monotonic()
        if now - self._last >= self._every_s or self._done == self._total:
            self._last = now
            log.info(self.line(now - self._start))

    def line(self, elapsed_s: float) -> str:
        """Progress line after ``elapsed_s`` seconds."""
        rate = self._done / max(elapsed_s, 1e-9)
        left_s = (self._total - self._done) / max(rate, 1e-9)
        return (
            f"{self._task}: {self._done}/{self._total} {self._unit}, "
            f"{rate:.1f} {self._unit}/s, {left_s:.0f} s left"
        )

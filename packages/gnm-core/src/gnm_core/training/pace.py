"""How fast a training goes, and how much of its time it waits for images."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Speed:
    """Of the steps between two records."""

    steps_per_second: float
    waiting: float
    """Share of the time, in [0, 1], in which there was nothing to do, as the next images were not made yet."""


class Pace:
    """Measures the steps since the last record.

    Args:
        step: steps made so far.
    """

    def __init__(self, step: int) -> None:
        self._step, self._since, self._waited = step, time.perf_counter(), 0.0

    def add(self, waited: float) -> None:
        """One step was made, and waited so many seconds for its images."""
        self._waited += waited

    def take(self, step: int) -> Speed:
        """Speed since the last time; starts anew.

        Args:
            step: steps made so far.
        """
        now = time.perf_counter()
        seconds = max(now - self._since, 1e-9)
        speed = Speed((step - self._step) / seconds, min(self._waited / seconds, 1.0))
        self._step, self._since, self._waited = step, now, 0.0
        return speed

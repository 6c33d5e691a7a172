"""Since when a number has not risen, for as long as nothing else changed."""

from collections.abc import Hashable
from statistics import fmean, stdev

LEAST = 30
"""Records that it takes to tell."""


class Flatness:
    """Compares the last third of the records with the third before it."""

    def __init__(self) -> None:
        self._circumstances: Hashable = None
        self._records: list[tuple[int, float]] = []

    def add(self, step: int, value: float, circumstances: Hashable) -> None:
        """Take in a record; under other circumstances than before, all begins anew."""
        if circumstances != self._circumstances:
            self._circumstances, self._records = circumstances, []
        self._records.append((step, value))

    def since(self) -> int | None:
        """The step since which the mean has risen by less than its noise; None where it rises, or cannot be told."""
        third = len(self._records) // 3
        if len(self._records) < LEAST:
            return None
        before, last = self._records[-2 * third : -third], self._records[-third:]
        gain = fmean(value for _, value in last) - fmean(value for _, value in before)
        noise = 2 * stdev(value for _, value in last) / third**0.5
        return before[0][0] if gain < noise else None

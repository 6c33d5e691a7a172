"""95 % intervals, and values that carry one."""

import math
from collections.abc import Sequence

import numpy as np

from gnm_core.evaluation.metrics.extras import extra
from gnm_core.results import Value

QUANTILE = 1.959964
"""Of the standard normal distribution, for 95 % between its negative and itself."""


def share(name: str, hits: int, count: int) -> Value:
    """`hits` out of `count`, with the Wilson interval."""
    interval = extra("scipy.stats").binomtest(hits, count).proportion_ci(0.95, method="wilson")
    return Value(name, hits / count, float(interval.low), float(interval.high), count=count)


def mean(name: str, values: np.ndarray, unit: str = "", higher_is_better: bool | None = True) -> Value:
    """The mean of many independent numbers, with the normal interval of its standard error."""
    centre, half = float(values.mean()), QUANTILE * standard_error(values)
    low, high = (centre - half, centre + half) if len(values) > 1 else (None, None)
    return Value(name, centre, low, high, unit, len(values), higher_is_better)


def mean_of_few(name: str, values: Sequence[float], unit: str = "", higher_is_better: bool | None = True) -> Value:
    """The mean of a few repetitions, with Student's interval; none for a single one."""
    numbers = np.asarray(values, dtype=float)
    centre = float(numbers.mean())
    if len(numbers) == 1:
        return Value(name, centre, unit=unit, count=1, higher_is_better=higher_is_better)
    half = float(extra("scipy.stats").t.ppf(0.975, len(numbers) - 1)) * standard_error(numbers)
    return Value(name, centre, centre - half, centre + half, unit, len(numbers), higher_is_better)


def standard_error(values: np.ndarray) -> float:
    """Of the mean; 0 for a single number."""
    return float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0

"""Numbers as tables and lines show them."""

import math

from gnm_core.results import Value


def number(value: float) -> str:
    """Four digits that matter, or the whole part of large numbers: `0.6920`, `10,693`, `24.31`."""
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 4 if abs(value) < 1 else max(0, 3 - math.floor(math.log10(abs(value))))
    return f"{value:.{digits}f}"


def interval(value: Value) -> str:
    """`0.6300 to 0.7460`; empty without one."""
    return "" if value.low is None or value.high is None else f"{number(value.low)} to {number(value.high)}"


def shown(value: Value) -> str:
    """`S-Acc 0.6920 [0.6300 to 0.7460]`."""
    unit = f" {value.unit}" if value.unit else ""
    within = f" [{interval(value)}]" if interval(value) else ""
    return f"{value.name} {number(value.value)}{unit}{within}"

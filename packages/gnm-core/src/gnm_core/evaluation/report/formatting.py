"""Numbers as tables and lines show them."""

from gnm_core.printable import number
from gnm_core.results import Value


def interval(value: Value) -> str:
    """`0.6300 to 0.7460`; empty without one."""
    return "" if value.low is None or value.high is None else f"{number(value.low)} to {number(value.high)}"


def shown(value: Value) -> str:
    """`S-Acc 0.6920 [0.6300 to 0.7460]`."""
    unit = f" {value.unit}" if value.unit else ""
    within = f" [{interval(value)}]" if interval(value) else ""
    return f"{value.name} {number(value.value)}{unit}{within}"

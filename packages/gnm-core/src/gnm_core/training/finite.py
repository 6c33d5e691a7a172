"""Which terms of a step are not finite."""

import math
from collections.abc import Mapping


def nonfinite(values: Mapping[str, float]) -> list[str]:
    """The names of the values that are not finite; what follows from others only where none of them is at fault."""
    bad = [name for name, value in values.items() if not math.isfinite(value)]
    return [name for name in bad if name not in ("loss", "elbo", "gradient")] or bad

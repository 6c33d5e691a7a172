"""What must not be rounded to bfloat16 under autocast."""

from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The same numbers in float32, unless they have as many digits already.

    For what a box's place, a sum of nats or a batch's statistics are computed from.
    """
    return x.float() if x.element_size() < 4 else x

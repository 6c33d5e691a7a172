"""What must not be rounded to bfloat16 under autocast."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """The same numbers in float32, unless they have as many digits already.

    For what a box's place, a sum of nats or a batch's statistics are computed from.
    """
    return x.float() if x.element_size() < 4 else x


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Within this context nothing is rounded where `x` is."""
    kind = x.device.type
    return torch.autocast(kind, enabled=False) if torch.amp.is_autocast_available(kind) else nullcontext()

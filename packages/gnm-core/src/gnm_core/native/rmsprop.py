"""One step of RMSprop by `rmsprop.c`."""

from torch import Tensor
from torch.autograd.graph import increment_version

from gnm_core.native.call import LAYERS


def step(value: Tensor, gradient: Tensor, mean_square: Tensor, *, rate: float, alpha: float, epsilon: float) -> None:
    """Update a parameter and its moving mean square in place; all three contiguous, of 32 bits and of one shape."""
    numbers = (float(rate), float(alpha), float(epsilon))
    LAYERS.call("rmsprop_step", value, gradient, mean_square, value.numel(), *numbers)
    increment_version([value, mean_square])  # or a graph that needs the old values would not notice

"""The stack of sub-pixel convolutions that every decoder of the paper is made of."""

from collections.abc import Callable, Sequence
from math import prod

from gnm_core.errors import OptionError
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.stack import ConvStack
from gnm_core.layers.subpixel import SubpixelConv
from torch import nn


def subpixel_stack(
    inputs: int,
    channels: Sequence[int],
    outputs: int,
    kernels: Sequence[int],
    upscales: Sequence[int],
    hidden: Callable[[int], nn.Module] = CeluNorm2d,
) -> ConvStack:
    """Sub-pixel convolutions, CELU and norm after each but the last, a sigmoid at the end.

    Args:
        inputs: channels in.
        channels: hidden channels, one less than there are layers.
        outputs: channels out.
        kernels: odd kernel of each layer.
        upscales: growth of each layer.
        hidden: activation and norm of so many channels, after each layer but the last.

    Raises:
        OptionError: the lists differ in length, or a kernel is even.
    """
    layers = len(channels) + 1
    for option, values in (("kernels", kernels), ("upscales", upscales)):
        if len(values) != layers:
            raise OptionError(option, f"has {len(values)} numbers; {layers - 1} hidden channels make {layers} layers")
    for kernel in kernels:
        if kernel % 2 == 0:
            raise OptionError("kernels", f"{kernel} is even; a kernel has a middle")
    modules: list[nn.Module] = []
    before = inputs
    for after, kernel, upscale in zip([*channels, outputs], kernels, upscales, strict=True):
        modules += [SubpixelConv(before, after, kernel, upscale), hidden(after)]
        before = after
    modules[-1] = nn.Sigmoid()
    return ConvStack(*modules)


def grown_size(upscales: Sequence[int]) -> int:
    """Side of the picture that grows from one pixel."""
    return prod(upscales)

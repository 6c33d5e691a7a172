"""Whole stacks of convolutions by `stack.c`, with gradients."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from enum import IntEnum
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.native.call import LAYERS, addresses

LARGEST_KERNEL = 32
"""As in `products.h`."""
MOST_CHANNELS = 2048
"""Of a layer's input and of its convolution's output: a vector for each of them lies on the stack."""
ALIGNMENT = 64
"""Bytes of a vector; torch's memory begins at a multiple, what hooks on saved tensors return may not."""


class Ending(IntEnum):
    """What stands behind a convolution and its pixel shuffle."""

    NOTHING = 0
    CELU_AND_NORM = 1
    SIGMOID = 2


@dataclass(frozen=True)
class Geometry:
    """One layer's sizes: `struct layer` of `layer.h`, in its order."""

    height: int
    """Of the image that it is given, like `width` and `inputs`."""
    width: int
    inputs: int
    kernel: int
    """At most `LARGEST_KERNEL`; 0: it is given what a convolution has made, channels ordered (r, r, C)."""
    stride: int
    padding: int
    """Less than the kernel."""
    upscale: int
    """r."""
    channels: int
    """C, of the image that it makes."""
    ending: Ending
    """Only the last layer of a stack may end in something else than CELU and norm."""
    half: bool = False
    """Whether its products may be rounded to bfloat16, which some processors make in a third of the time."""

    @property
    def made(self) -> tuple[int, int, int]:
        """Height, width and channels of the image that it makes."""
        kernel = self.kernel or 1
        height, width = ((side + 2 * self.padding - kernel) // self.stride + 1 for side in (self.height, self.width))
        return self.upscale * height, self.upscale * width, self.channels

    @property
    def kept(self) -> int:
        """Numbers of each image that are kept for the backward pass."""
        height, width, channels = self.made
        return height * width * channels if self.ending is Ending.CELU_AND_NORM else 0


@dataclass(frozen=True)
class NativeLayer:
    """One layer: its sizes, and its parameters of 32 bits, contiguous, as torch orders them."""

    geometry: Geometry
    weight: Tensor | None
    """(r * r * C, inputs, kernel, kernel); None with a kernel of 0."""
    bias: Tensor | None
    """(r * r * C,); None with a kernel of 0."""
    scale: Tensor | None
    """(C,) of the norm; None without one."""
    shift: Tensor | None
    """(C,) of the norm; None without one."""

    @property
    def parameters(self) -> tuple[Tensor | None, ...]:
        """All four."""
        return self.weight, self.bias, self.scale, self.shift


def lanes() -> int:
    """Images that go through a stack together; only where there are C layers."""
    return LAYERS.number("stack_lanes")


def has_tiles() -> bool:
    """Whether the processor has matrix tiles for products of bfloat16; only where there are C layers."""
    return bool(LAYERS.number("stack_has_tiles"))


def run_stack(x: Tensor, layers: Sequence[NativeLayer], epsilon: float) -> Tensor:
    """All layers, one after the other.

    Args:
        x: (B, H, W, inputs), or (B, H, W, r * r * C) if the first layer's kernel is 0; contiguous, of 32 bits.
        layers: at least one; each is given what the one before it makes.
        epsilon: added to each variance.

    Returns:
        (B, C, H, W): in channels-last memory if the last layer ends in a norm, else contiguous.
    """
    parameters = [parameter for layer in layers for parameter in layer.parameters]
    learns = any(tensor is not None and tensor.requires_grad for tensor in (x, *parameters))
    geometries = [layer.geometry for layer in layers]
    made: Tensor = _Stack.apply(x, geometries, epsilon, learns and torch.is_grad_enabled(), *parameters)
    return made.permute(0, 3, 1, 2) if geometries[-1].ending is Ending.CELU_AND_NORM else made


class _Stack(torch.autograd.Function):
    """Keeps the input, what the norms are given, and a picture."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, geometries: list[Geometry], epsilon: float, keep: bool, *parameters: Tensor | None
    ) -> Tensor:
        batch, width, (height, columns, channels) = len(x), lanes(), geometries[-1].made
        groups, normalised = -(-batch // width), geometries[-1].ending is Ending.CELU_AND_NORM
        made = x.new_empty((batch, height, columns, channels) if normalised else (batch, channels, height, columns))
        kept = x.new_empty(groups, sum(one.kept for one in geometries), width) if keep else None
        statistics = x.new_empty(groups, len(geometries), 2, width)
        sizes = torch.tensor([astuple(one) for one in geometries], dtype=torch.int64, device="cpu")
        where = addresses(parameters)
        LAYERS.call("stack_forward", x, made, sizes, where, kept, statistics, len(sizes), batch, epsilon)
        if keep:
            ctx.save_for_backward(x, None if normalised else made, kept, statistics, *parameters)
            ctx.sizes = sizes
        return made

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, picture, kept, statistics, *parameters = ctx.saved_tensors
        kept, statistics = (y if y.data_ptr() % ALIGNMENT == 0 else y.clone() for y in (kept, statistics))
        gradient = gradient.contiguous()
        x_wanted, _, _, _, *wanted = ctx.needs_input_grad
        x_gradient = torch.empty_like(x) if x_wanted else None
        gradients = [torch.empty_like(p) if w else None for p, w in zip(parameters, wanted, strict=True)]
        given, asked = addresses(parameters), addresses(gradients)
        sizes = (len(ctx.sizes), len(x))
        LAYERS.call(
            "stack_backward", gradient, x, picture, ctx.sizes, given, kept, statistics, asked, x_gradient, *sizes
        )
        return x_gradient, None, None, None, *gradients

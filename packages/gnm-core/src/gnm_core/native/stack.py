"""Whole stacks of convolutions by `csrc/stack.c`, with gradients."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.native.call import LAYERS, addresses
from gnm_core.native.layer import Epilogue, Geometry, NativeLayer, as_numbers, from_numbers
from gnm_core.native.operators import OPERATORS

ALIGNMENT = 64
"""Bytes of a vector; torch's memory begins at a multiple, what hooks on saved tensors return may not."""


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
    parameters = [parameter for layer in layers for parameter in layer.parameters if parameter is not None]
    learns = any(tensor.requires_grad for tensor in (x, *parameters))
    sizes = as_numbers([layer.geometry for layer in layers])
    made: Tensor = _Stack.apply(x, sizes, epsilon, learns and torch.is_grad_enabled(), *parameters)
    return made.permute(0, 3, 1, 2) if layers[-1].geometry.epilogue is Epilogue.CELU_AND_NORM else made


Three = tuple[Tensor, Tensor, Tensor]
"""The image that the last layer makes, channels last if it ends in a norm; what the backward pass needs: what the norms
are given, empty if nothing is kept; and mean and reciprocal standard deviation of each."""


def _in_fours(geometries: Sequence[Geometry], tensors: Sequence[Tensor | None]) -> list[Tensor | None]:
    """Four for each layer: weight and bias, None without a convolution; scale and shift, None without a norm."""
    left = iter(tensors)
    return [
        next(left) if there else None
        for one in geometries
        for there in (*[one.kernel > 0] * 2, *[one.epilogue is Epilogue.CELU_AND_NORM] * 2)
    ]


def _fake(x: Tensor, parameters: list[Tensor], sizes: list[int], epsilon: float, keep: bool) -> Three:
    geometries, batch, width = from_numbers(sizes), len(x), lanes()
    height, columns, channels = geometries[-1].made
    normalised, groups = geometries[-1].epilogue is Epilogue.CELU_AND_NORM, -(-batch // width)
    made = x.new_empty((batch, height, columns, channels) if normalised else (batch, channels, height, columns))
    kept = x.new_empty(groups if keep else 0, sum(one.kept for one in geometries), width)
    return made, kept, x.new_zeros(groups, len(geometries), 2, width)


def _forward(x: Tensor, parameters: list[Tensor], sizes: list[int], epsilon: float, keep: bool) -> Three:
    made, kept, statistics = _fake(x, parameters, sizes, epsilon, keep)
    geometries = from_numbers(sizes)
    where = addresses(_in_fours(geometries, parameters))
    counts = (len(geometries), len(x))
    LAYERS.call("stack_forward", x, made, _row(sizes), where, kept if keep else None, statistics, *counts, epsilon)
    return made, kept, statistics


def _fake_backward(
    gradient: Tensor,
    x: Tensor,
    picture: Tensor,
    parameters: list[Tensor],
    sizes: list[int],
    kept: Tensor,
    statistics: Tensor,
    wanted: list[bool],
) -> list[Tensor]:
    """The gradients that are wanted, of x and of the parameters."""
    return [torch.empty_like(y) for y, asked in zip((x, *parameters), wanted, strict=True) if asked]


def _backward(
    gradient: Tensor,
    x: Tensor,
    picture: Tensor,
    parameters: list[Tensor],
    sizes: list[int],
    kept: Tensor,
    statistics: Tensor,
    wanted: list[bool],
) -> list[Tensor]:
    gradients = _fake_backward(gradient, x, picture, parameters, sizes, kept, statistics, wanted)
    kept, statistics = (y if y.data_ptr() % ALIGNMENT == 0 else y.clone() for y in (kept, statistics))
    found, geometries = iter(gradients), from_numbers(sizes)
    of_x, *of_parameters = (next(found) if asked else None for asked in wanted)
    given, asked_for = addresses(_in_fours(geometries, parameters)), addresses(_in_fours(geometries, of_parameters))
    results = (asked_for, of_x, len(geometries), len(x))
    LAYERS.call("stack_backward", gradient.contiguous(), x, picture, _row(sizes), given, kept, statistics, *results)
    return gradients


def _row(sizes: list[int]) -> Tensor:
    return torch.tensor(sizes, dtype=torch.int64, device="cpu")


_stack_backward = OPERATORS.define(
    "conv_stack_backward(Tensor gradient, Tensor x, Tensor picture, Tensor[] parameters, int[] sizes, Tensor kept,"
    " Tensor statistics, bool[] wanted) -> Tensor[]",
    _backward,
    _fake_backward,
)
_stack = OPERATORS.define(
    "conv_stack(Tensor x, Tensor[] parameters, int[] sizes, float epsilon, bool keep) -> (Tensor, Tensor, Tensor)",
    _forward,
    _fake,
)


class _Stack(torch.autograd.Function):
    """The operator's gradients: as part of the operator itself, torch's handling of lists would take 0.4 ms a call."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, sizes: list[int], epsilon: float, keep: bool, *parameters: Tensor) -> Tensor:
        made, kept, statistics = _stack(x, list(parameters), sizes, epsilon, keep)
        if keep:
            is_picture = from_numbers(sizes)[-1].epilogue is not Epilogue.CELU_AND_NORM
            ctx.save_for_backward(x, made if is_picture else x.new_empty(0), kept, statistics, *parameters)
            ctx.sizes = sizes
        result: Tensor = made
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, picture, kept, statistics, *parameters = ctx.saved_tensors
        of_x, _, _, _, *of_parameters = ctx.needs_input_grad
        wanted = [of_x, *of_parameters]
        found = iter(_stack_backward(gradient, x, picture, parameters, ctx.sizes, kept, statistics, wanted))
        x_gradient, *others = (next(found) if asked else None for asked in wanted)
        return x_gradient, None, None, None, *others

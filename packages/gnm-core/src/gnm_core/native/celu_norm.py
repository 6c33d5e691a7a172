"""CELU, pixel shuffle and layer norm by `celu_norm.c`, with gradients."""

import ctypes
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.native.library import library

KINDS = {torch.float32: "float32", torch.bfloat16: "bfloat16"}


def can_run(x: Tensor, weight: Tensor) -> bool:
    """Whether the C layers are there and know these numbers."""
    return (
        x.device.type == "cpu" and x.dtype in KINDS and weight.dtype == torch.float32 and x.numel() > 0
    ) and library() is not None


class NativeCeluNorm(torch.autograd.Function):
    """(B, H, W, r * r * C) → rows and activation (B, r H, r W, C), mean and 1 / standard deviation (B,).

    Keeps the activation alone. Only the rows have a gradient.
    """

    @staticmethod
    def forward(  # noqa: D102 (autograd's)
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, upscale: int, epsilon: float
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        x = x.contiguous()
        batch, height, width = x.shape[:3]
        sizes = (batch, height, width, upscale, len(weight))
        rows = x.new_empty(batch, height * upscale, width * upscale, len(weight))
        activation = torch.empty_like(rows) if any(ctx.needs_input_grad) else rows
        mean, rstd = torch.empty(2, batch).unbind()
        _call("forward", x, weight.contiguous(), bias.contiguous(), activation, rows, mean, rstd, *sizes, epsilon)
        ctx.sizes = sizes
        ctx.save_for_backward(activation, weight, mean, rstd)
        ctx.mark_non_differentiable(activation, mean, rstd)
        ctx.set_materialize_grads(False)
        return rows, activation if activation is not rows else rows.new_empty(0), mean, rstd

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:  # noqa: D102
        if gradient is None:
            return None, None, None, None, None
        activation, weight, mean, rstd = ctx.saved_tensors
        batch, height, width, upscale, channels = ctx.sizes
        x_gradient = activation.new_empty(batch, height, width, upscale * upscale * channels)
        parameters = torch.empty(batch, 2, channels)
        gradient = gradient.to(activation.dtype).contiguous()
        _call("backward", gradient, activation, weight.contiguous(), mean, rstd, x_gradient, parameters, *ctx.sizes)
        weight_gradient, bias_gradient = parameters.sum(0)
        return x_gradient, weight_gradient, bias_gradient, None, None


def again(activation: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, rstd: Tensor) -> Tensor:
    """(B, H, W, C) → the normalised rows, once more from the activation."""
    rows = torch.empty_like(activation)
    count = activation[0].numel()
    weight, bias = weight.detach().contiguous(), bias.detach().contiguous()
    _call("again", activation, weight, bias, mean, rstd, rows, len(activation), count, len(weight))
    return rows


def _call(name: str, *arguments: Tensor | int | float) -> None:
    """Call a C function for the kind of number that the first tensor holds, on torch's number of threads."""
    found = library()
    first = arguments[0]
    assert found is not None
    assert isinstance(first, Tensor)
    function = getattr(found, f"celu_norm_{name}_{KINDS[first.dtype]}")
    if function(*map(_as_c, arguments), ctypes.c_int(torch.get_num_threads())):
        raise MemoryError(f"celu_norm.c: no memory for {name}")


def _as_c(value: Tensor | int | float) -> Any:
    if isinstance(value, Tensor):
        return ctypes.c_void_p(value.data_ptr())
    return ctypes.c_int64(value) if isinstance(value, int) else ctypes.c_float(value)

"""CELU, pixel shuffle and layer norm by `celu_norm.c`, with gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.native.call import call


class NativeCeluNorm(torch.autograd.Function):
    """(B, H, W, r * r * C) → rows and activation (B, r H, r W, C), mean and 1 / standard deviation (B,).

    Keeps the activation alone; with `keep` false not even that: None is returned for it, and there are no gradients.
    Only the rows have a gradient.
    """

    @staticmethod
    def forward(  # noqa: D102 (autograd's)
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, upscale: int, epsilon: float, keep: bool
    ) -> tuple[Tensor, Tensor | None, Tensor, Tensor]:
        x, weight, bias = x.contiguous(), weight.contiguous(), bias.contiguous()
        batch, height, width = x.shape[:3]
        ctx.sizes = (batch, height, width, upscale, len(weight))
        rows = x.new_empty(batch, height * upscale, width * upscale, len(weight))
        activation = torch.empty_like(rows) if keep else rows
        mean, rstd = weight.new_empty(2, batch).unbind()
        call("celu_norm_forward", x, weight, bias, activation, rows, mean, rstd, *ctx.sizes, epsilon)
        ctx.set_materialize_grads(False)
        if not keep:
            ctx.mark_non_differentiable(rows, mean, rstd)
            return rows, None, mean, rstd
        ctx.save_for_backward(activation, weight, mean, rstd)
        ctx.mark_non_differentiable(activation, mean, rstd)
        return rows, activation, mean, rstd

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None, *_: None) -> tuple[Tensor | None, ...]:  # noqa: D102
        if gradient is None:
            return (None,) * 6
        activation, weight, mean, rstd = ctx.saved_tensors
        batch, height, width, upscale, channels = ctx.sizes
        x_gradient = activation.new_empty(batch, height, width, upscale * upscale * channels)
        parameters = weight.new_empty(batch, 2, channels)
        gradient = gradient.to(activation.dtype).contiguous()
        call("celu_norm_backward", gradient, activation, weight, mean, rstd, x_gradient, parameters, *ctx.sizes)
        return x_gradient, *parameters.sum(0), None, None, None


def again(activation: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, rstd: Tensor) -> Tensor:
    """(B, H, W, C) → the normalised rows, once more from the activation."""
    rows = torch.empty_like(activation)
    sizes = (len(activation), activation[0].numel(), len(weight))
    call("celu_norm_again", activation, weight, bias, mean, rstd, rows, *sizes)
    return rows

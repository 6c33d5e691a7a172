"""CELU, pixel shuffle and layer norm by `celu_norm.c`, with gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.native.call import call


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
        call(
            "celu_norm_forward",
            x,
            weight.contiguous(),
            bias.contiguous(),
            activation,
            rows,
            mean,
            rstd,
            *sizes,
            epsilon,
        )
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
        call(
            "celu_norm_backward",
            gradient,
            activation,
            weight.contiguous(),
            mean,
            rstd,
            x_gradient,
            parameters,
            *ctx.sizes,
        )
        weight_gradient, bias_gradient = parameters.sum(0)
        return x_gradient, weight_gradient, bias_gradient, None, None


def again(activation: Tensor, weight: Tensor, bias: Tensor, mean: Tensor, rstd: Tensor) -> Tensor:
    """(B, H, W, C) → the normalised rows, once more from the activation."""
    rows = torch.empty_like(activation)
    count = activation[0].numel()
    weight, bias = weight.detach().contiguous(), bias.detach().contiguous()
    call("celu_norm_again", activation, weight, bias, mean, rstd, rows, len(activation), count, len(weight))
    return rows

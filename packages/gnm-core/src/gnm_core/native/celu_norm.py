"""CELU and layer norm of rows by `csrc/celu_norm.c`, with gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.layers.celu_norm import EPSILON, CeluNorm1d
from gnm_core.native.call import LAYERS


def celu_norm_1d(layer: CeluNorm1d, x: Tensor) -> Tensor | None:
    """(..., F) → (..., F), of bfloats in float32; None where the numbers are not for C."""
    weight, bias, kinds = layer.weight, layer.bias, (torch.float32, torch.bfloat16)
    single = weight.dtype == bias.dtype == torch.float32 and x.dtype in kinds
    fits = weight.shape == bias.shape == x.shape[-1:] and x.numel()
    if not (single and fits and LAYERS.can_take(x, weight, bias)):
        return None
    return run_celu_norm(x.reshape(-1, x.shape[-1]).float(), weight, bias, EPSILON).view(x.shape)


def run_celu_norm(x: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Tensor:
    """CELU, then layer norm over the last axis; keeps the activation alone.

    Args:
        x: (N, F), of 32 bits like the rest.
        scale: (F,).
        shift: (F,).
        epsilon: added to each variance.
    """
    rows: Tensor = _CeluNorm.apply(x, scale, shift, epsilon)
    return rows


class _CeluNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, shift: Tensor, epsilon: float) -> Tensor:
        x, scale, shift = x.contiguous(), scale.contiguous(), shift.contiguous()
        activation, rows = torch.empty_like(x), torch.empty_like(x)
        mean, rstd = x.new_empty(2, len(x)).unbind()
        LAYERS.call("celu_norm_forward", x, scale, shift, activation, rows, mean, rstd, *x.shape, epsilon)
        ctx.save_for_backward(activation, scale, mean, rstd)
        return rows

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        activation, scale, mean, rstd = ctx.saved_tensors
        gradient, of_x = gradient.contiguous(), torch.empty_like(activation)
        of_scale, of_shift = torch.empty_like(scale), torch.empty_like(scale)
        LAYERS.call(
            "celu_norm_backward", gradient, activation, scale, mean, rstd, of_x, of_scale, of_shift, *activation.shape
        )
        return of_x, of_scale, of_shift, None

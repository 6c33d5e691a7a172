"""ELU that is cheap on CPUs and keeps one tensor for its backward pass, which is the next layer's input anyway."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class _ELU(torch.autograd.Function):
    """ELU by exp (expm1 is several times slower on CPUs), image by image so that its passes stay in the cache."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.empty_like(x)
        for x_i, y_i in zip(x, y, strict=True):
            torch.clamp(x_i, max=0, out=y_i)
            torch.maximum(x_i, y_i.exp_().sub_(1), out=y_i)  # exp(x) - 1 is never below x
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable  # type: ignore[untyped-decorator]
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        out = torch.empty_like(y)
        for y_i, grad_i, out_i in zip(y, grad, out, strict=True):
            torch.add(y_i, 1, out=out_i)  # the slope: exp(x) = y + 1 below zero, 1 above
            out_i.clamp_(max=1).mul_(grad_i)
        return out


def elu(x: Tensor) -> Tensor:
    """(B, ...) → (B, ...): x above zero, exp(x) - 1 below (Clevert et al., 2015, arXiv:1511.07289)."""
    y: Tensor = _ELU.apply(x) if x.device.type == "cpu" and x.dim() > 2 else torch.nn.functional.elu(x)
    return y

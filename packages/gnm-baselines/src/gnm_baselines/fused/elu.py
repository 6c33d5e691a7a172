"""ELU that is cheap on CPUs and keeps one tensor for its backward pass, which is the next layer's input anyway."""

from typing import Any

import torch
from einops import rearrange
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F


def elu(x: Tensor) -> Tensor | None:
    """(B, ...) → (B, ...); None where it would save nothing."""
    y: Tensor | None = _ELU.apply(x) if x.device.type == "cpu" and x.dim() > 2 else None
    return y


def elu_of_sum(shared: Tensor, own: Tensor) -> Tensor:
    """(C, H, W) and (B, C) → (B, C, H, W): ELU of one map shared by the batch plus numbers of each one's own."""
    if shared.device.type != "cpu":
        return F.elu(shared + rearrange(own, "b c -> b c 1 1"))
    y: Tensor = _ELUOfSum.apply(shared, own)
    return y


class _ELU(torch.autograd.Function):
    """ELU by exp (expm1 is several times slower on CPUs), image by image so that its passes stay in the cache."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        y = torch.empty_like(x)
        for x_i, y_i in zip(x, y, strict=True):
            _activate(x_i, y_i)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        (y,) = ctx.saved_tensors
        out = torch.empty_like(y)
        for y_i, grad_i, out_i in zip(y, grad, out, strict=True):
            _slope(y_i, out_i).mul_(grad_i)
        return out


class _ELUOfSum(torch.autograd.Function):
    """The same, with the sum and its two reductions in the same pass."""

    @staticmethod
    def forward(ctx: Any, shared: Tensor, own: Tensor) -> Tensor:
        channels, height, width = shared.shape
        y = shared.new_empty(len(own), height, width, channels).permute(0, 3, 1, 2)
        x_i = torch.empty_like(y[0])
        for own_i, y_i in zip(own, y, strict=True):
            _activate(torch.add(shared, own_i[:, None, None], out=x_i), y_i)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        (y,) = ctx.saved_tensors
        batch, channels, height, width = y.shape
        shared, own = torch.zeros_like(y[0]), y.new_empty(batch, channels)
        inner = torch.empty_like(y[0])
        ones = y.new_ones(1, height * width)
        for i in range(batch):
            _slope(y[i], inner).mul_(grad[i])
            shared += inner
            own[i] = (ones @ rearrange(inner, "c h w -> (h w) c"))[0]
        return shared, own


def _activate(x: Tensor, y: Tensor) -> None:
    """y = ELU(x), in place."""
    torch.clamp(x, max=0, out=y)
    torch.maximum(x, y.exp_().sub_(1), out=y)  # exp(x) - 1 is never below x


def _slope(y: Tensor, out: Tensor) -> Tensor:
    """The derivative of ELU where it has the value y: exp(x) = y + 1 below zero, 1 above."""
    return torch.add(y, 1, out=out).clamp_(max=1)

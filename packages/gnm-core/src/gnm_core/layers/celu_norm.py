"""CELU followed by layer normalisation, as every hidden layer of the source has it (supplement, Table 7).

Written naively, each of the two keeps its own input for the backward pass. Here they share one tensor: the activation,
which is the norm's input and tells the slope of CELU as well. Images are handled as rows of one layer norm.
"""

from dataclasses import dataclass
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

EPSILON = 1e-5


@dataclass(frozen=True)
class Normalised:
    """Normalised rows, and what they can be made from again."""

    rows: Tensor
    """(..., F)."""
    activation: Tensor
    """(..., F): CELU of the input."""
    weight: Tensor
    """(F,)."""
    bias: Tensor
    """(F,)."""

    def again(self) -> Tensor:
        """(..., F): the rows, computed once more from the activation."""
        return F.layer_norm(self.activation, self.weight.shape, self.weight.detach(), self.bias.detach(), EPSILON)


class CeluNorm2d(nn.Module):
    """CELU, then normalisation over channels and pixels of each image, with a scale and a shift per channel.

    Args:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, C, H, W), in channels-last memory."""
        return as_images(self.normalise(x).rows, x)

    def normalise(self, x: Tensor) -> Normalised:
        """(B, C, H, W) → rows (B, H * W * C)."""
        pixels = x.shape[2] * x.shape[3]
        rows = rearrange(x, "b c h w -> b (h w c)")
        return celu_norm(rows, self.weight.repeat(pixels), self.bias.repeat(pixels))


class CeluNorm1d(nn.Module):
    """CELU, then layer normalisation over the last axis.

    Args:
        features: size of the last axis.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """(..., F) → (..., F)."""
        return celu_norm(x, self.weight, self.bias).rows


def as_images(rows: Tensor, like: Tensor) -> Tensor:
    """(B, H * W * C) → (B, C, H, W), with the sizes of `like`."""
    return rearrange(rows, "b (h w c) -> b c h w", h=like.shape[2], w=like.shape[3])


def celu_norm(x: Tensor, weight: Tensor, bias: Tensor) -> Normalised:
    """CELU, then layer normalisation of the last axis, with its scale and shift.

    Args:
        x: (..., F).
        weight: (F,).
        bias: (F,).
    """
    if torch.compiler.is_compiling():  # the compiler fuses the two by itself
        activation = torch.where(x > 0, x, torch.exp(x.clamp_max(0)) - 1)
        return Normalised(F.layer_norm(activation, weight.shape, weight, bias, EPSILON), activation, weight, bias)
    if x.device.type != "cpu":  # only there can the norm's scale have more digits than what it scales
        weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    with torch.autocast(x.device.type, enabled=False):
        rows, activation = _CeluNorm.apply(x, weight, bias)
    return Normalised(rows, activation, weight, bias)


def _celu(x: Tensor) -> Tensor:
    """max(x, exp(min(x, 0)) - 1)."""
    if x.dtype == torch.bfloat16:  # exp near 1 less 1 would keep no digit of so few
        return F.elu(x)
    # F.elu takes expm1 of every number: several times as long, for digits that the sums after it do not keep
    low = x.clamp_max(0).exp_().sub_(1)
    return torch.maximum(low, x, out=low)


class _CeluNorm(torch.autograd.Function):
    """Keeps the activation alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
        activation = _celu(x)
        rows, mean, rstd = torch.native_layer_norm(activation, weight.shape, weight, bias, EPSILON)
        ctx.save_for_backward(activation, mean, rstd, weight, bias)
        ctx.mark_non_differentiable(activation)
        ctx.set_materialize_grads(False)  # or a zero gradient the size of the activation is made for nothing
        return rows, activation

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor | None, _: None) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        if gradient is None:
            return None, None, None
        activation, mean, rstd, weight, bias = ctx.saved_tensors
        gradient, grad_weight, grad_bias = torch.ops.aten.native_layer_norm_backward(
            gradient.contiguous(), activation, weight.shape, mean, rstd, weight, bias, [True, True, True]
        )
        # CELU's slope is 1 above zero and activation + 1 below
        through_celu = torch.ops.aten.elu_backward(gradient, 1.0, 1.0, 1.0, True, activation)
        return through_celu, grad_weight, grad_bias

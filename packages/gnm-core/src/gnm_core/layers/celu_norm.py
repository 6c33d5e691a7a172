"""CELU followed by layer normalisation, as every hidden layer of the source has it (supplement, Table 7).

Written naively, each of the two keeps its own input for the backward pass. Here they share one tensor: the activation,
which is the norm's input and tells the slope of CELU as well.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from gnm_core.layers.subpixel import shuffle
from gnm_core.native.call import LAYERS
from gnm_core.native.celu_norm import run_celu_norm
from gnm_core.precision import without_autocast

EPSILON = 1e-5


@dataclass(frozen=True)
class Normalised:
    """Normalised images, and how to make them once more from what is kept."""

    rows: Tensor
    """(B, H, W, C)."""
    again: Callable[[], Tensor]
    """The rows, computed once more from the activation."""


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
        return rearrange(self.normalise(x).rows, "b h w c -> b c h w")

    def normalise(self, x: Tensor, upscale: int = 1) -> Normalised:
        """(B, r * r * C, H, W), channels ordered (r, r, C) → the pixel-shuffled image, normalised."""
        return celu_norm(rearrange(x, "b c h w -> b h w c"), self.weight, self.bias, upscale)


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
        """(..., F) → (..., F), of bfloats in float32 where there is C."""
        rows, kinds = x.reshape(-1, x.shape[-1]), (torch.float32, torch.bfloat16)
        single = self.weight.dtype == self.bias.dtype == torch.float32 and x.dtype in kinds
        fits = self.weight.shape == self.bias.shape == x.shape[-1:] and x.numel()
        if single and fits and LAYERS.can_take(rows, self.weight, self.bias):
            return run_celu_norm(rows.float(), self.weight, self.bias, EPSILON).view(x.shape)
        return celu_norm(rows[:, None, None], self.weight, self.bias).rows.view(x.shape)


def celu_norm(x: Tensor, weight: Tensor, bias: Tensor, upscale: int = 1) -> Normalised:
    """Pixel shuffle, CELU, then layer normalisation of each image, with a scale and a shift per channel.

    Args:
        x: (B, H, W, r * r * C), the last axis ordered (r, r, C).
        weight: (C,).
        bias: (C,).
        upscale: r.

    Raises:
        ValueError: the channels do not fit the weights.
    """
    if x.shape[-1] != upscale**2 * len(weight) or weight.shape != bias.shape:
        raise ValueError(
            f"{x.shape[-1]} channels, {upscale} x {upscale} pixels each, do not fit a norm of {len(weight)} channels "
            f"with {len(bias)} shifts"
        )
    x = shuffle(x, upscale)
    size, pixels = x.shape, x.shape[1] * x.shape[2]
    flat = rearrange(x, "b h w c -> b (h w c)")
    if pixels > 1:
        weight, bias = weight.repeat(pixels), bias.repeat(pixels)
    if torch.compiler.is_compiling():  # the compiler fuses everything by itself
        activation = torch.where(flat > 0, flat, torch.exp(flat.clamp_max(0)) - 1)
        rows = F.layer_norm(activation, weight.shape, weight, bias, EPSILON)
        return Normalised(rows.view(size), partial(_normalise, activation, weight, bias, size))
    if x.device.type != "cpu":  # only there can the norm's scale have more digits than what it scales
        weight, bias = weight.to(x.dtype), bias.to(x.dtype)
    with without_autocast(x):
        rows, activation = _CeluNorm.apply(flat, weight, bias)
    return Normalised(rows.view(size), partial(_normalise, activation, weight, bias, size))


def _normalise(activation: Tensor, weight: Tensor, bias: Tensor, size: torch.Size) -> Tensor:
    return F.layer_norm(activation, weight.shape, weight.detach(), bias.detach(), EPSILON).view(size)


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

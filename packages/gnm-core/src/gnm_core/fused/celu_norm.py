"""CELU and layer normalisation that share one tensor: the activation, the norm's input, tells CELU's slope as well."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from einops import rearrange
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from gnm_core.fused.subpixel_conv import shuffle
from gnm_core.layers.celu_norm import EPSILON, CeluNorm1d, CeluNorm2d
from gnm_core.precision import without_autocast


@dataclass(frozen=True)
class Normalised:
    """Normalised images, and how to make them once more from what is kept."""

    rows: Tensor
    """(B, H, W, C)."""
    again: Callable[[], Tensor]
    """The rows, computed once more from the activation."""


def celu_norm_2d(layer: CeluNorm2d, x: Tensor) -> Tensor:
    """(B, C, H, W) → (B, C, H, W), in channels-last memory."""
    return rearrange(normalised(layer, x).rows, "b h w c -> b c h w")


def celu_norm_1d(layer: CeluNorm1d, x: Tensor) -> Tensor:
    """(..., F) → (..., F)."""
    rows = x.reshape(-1, x.shape[-1])
    return celu_norm(rows[:, None, None], layer.weight, layer.bias).rows.view(x.shape)


def normalised(layer: CeluNorm2d, x: Tensor, upscale: int = 1) -> Normalised:
    """(B, r * r * C, H, W), channels ordered (r, r, C) → the pixel-shuffled image, normalised."""
    return celu_norm(rearrange(x, "b c h w -> b h w c"), layer.weight, layer.bias, upscale)


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

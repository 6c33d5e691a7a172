"""Batch normalisation and gating in one go, keeping only the layer's input for the backward pass."""

from typing import Any

import torch
from einops import rearrange
from gnm_core.precision import at_least_float32, without_autocast
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from gnm_baselines.layers.norm_glu import NormGLU

ROWS = 4096
"""Pixels handled at a time: few enough to stay in the cache between passes."""


def norm_glu(layer: NormGLU, x: Tensor) -> Tensor:
    """(B, 2 C, H, W) → (B, C, H, W), channels-last in memory."""
    rows = norm_glu_of_rows(layer, rearrange(x, "b c h w -> (b h w) c"))
    return from_rows(rows, len(x), x.shape[2])


def norm_glu_of_rows(layer: NormGLU, rows: Tensor) -> Tensor:
    """(N, 2 C) → (N, C)."""
    if not layer.learns:
        scale = layer.weight * (layer.running_var + layer.eps).rsqrt()
        return F.glu(torch.addcmul(layer.bias - layer.running_mean * scale, rows, scale), 1)
    out: Tensor
    with without_autocast(rows):
        out, mean, variance = _NormGLU.apply(at_least_float32(rows), layer.weight, layer.bias, layer.eps)
    with torch.no_grad():
        unbiased = variance * (len(rows) / max(len(rows) - 1, 1))
        layer.running_mean.lerp_(mean, layer.momentum)
        layer.running_var.lerp_(unbiased, layer.momentum)
    return out


def from_rows(rows: Tensor, batch: int, height: int) -> Tensor:
    """(B * H * W, C) → (B, C, H, W), a view that is channels-last in memory."""
    return rearrange(rows, "(b h w) c -> b h w c", b=batch, h=height).permute(0, 3, 1, 2)


class _NormGLU(torch.autograd.Function):
    """glu(batch_norm(x)) of (N, 2 C) rows with the statistics of the rows; its backward normalises again."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> tuple[Tensor, Tensor, Tensor]:
        ones = x.new_ones(1, len(x))  # sums over rows are matrix products, the fastest reduction there is
        mean = (ones @ x)[0] / len(x)
        variance = torch.zeros_like(mean)
        for rows in x.split(ROWS):
            variance += (ones[:, : len(rows)] @ (rows - mean).square_())[0]
        variance /= len(x)
        inverse = (variance + eps).rsqrt()
        scale = weight * inverse
        shift = bias - mean * scale
        out = x.new_empty(len(x), x.shape[1] // 2)
        for rows, target in zip(x.split(ROWS), out.split(ROWS), strict=True):
            torch.ops.aten.glu.out(torch.addcmul(shift, rows, scale), 1, out=target)
        ctx.save_for_backward(x, mean, inverse, scale, shift)
        ctx.mark_non_differentiable(mean, variance)
        return out, mean, variance

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor, *_: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, mean, inverse, scale, shift = ctx.saved_tensors
        grad = grad.contiguous()
        ones = x.new_ones(1, min(ROWS, len(x)))
        grad_x, grad_weight, grad_bias = torch.empty_like(x), torch.zeros_like(mean), torch.zeros_like(mean)
        for rows, inner, outer in zip(x.split(ROWS), grad_x.split(ROWS), grad.split(ROWS), strict=True):
            normalised = torch.addcmul(shift, rows, scale)
            torch.ops.aten.glu_backward.grad_input(outer, normalised, 1, grad_input=inner)
            one = ones[:, : len(rows)]
            grad_bias += (one @ inner)[0]
            grad_weight += (one @ (rows - mean).mul_(inner))[0]
        grad_weight *= inverse
        slope = -scale * inverse * grad_weight / len(x)
        offset = -scale * grad_bias / len(x) - slope * mean
        for rows, inner in zip(x.split(ROWS), grad_x.split(ROWS), strict=True):
            inner.mul_(scale).add_(torch.addcmul(offset, rows, slope))
        return grad_x, grad_weight, grad_bias, None

"""Batch normalisation and gating in one go, keeping only the layer's input for the backward pass."""

from typing import Any

import torch
from einops import rearrange
from gnm_core.precision import at_least_float32, without_autocast
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

ROWS = 4096
"""Pixels handled at a time: few enough to stay in the cache between passes."""


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


class NormGLU(nn.Module):
    """Batch normalisation of value and gate, then value * sigmoid(gate), on rows (pixels) of channels.

    Statistics are those of the batch while learning (training mode with gradients), and the running ones else: a model
    that samples or reconstructs during training neither depends on the batch nor changes.

    Args:
        channels: C, channels of the result; the input has 2 C, values first.
        momentum: share of the newest batch in the running statistics.
        eps: added to the variance.
    """

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, *, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.momentum, self.eps = momentum, eps
        self.weight = nn.Parameter(torch.ones(2 * channels))
        self.bias = nn.Parameter(torch.zeros(2 * channels))
        self.register_buffer("running_mean", torch.zeros(2 * channels))
        self.register_buffer("running_var", torch.ones(2 * channels))

    def forward(self, rows: Tensor) -> Tensor:
        """(N, 2 C) → (N, C)."""
        if not (self.training and torch.is_grad_enabled()):
            scale = self.weight * (self.running_var + self.eps).rsqrt()
            return F.glu(torch.addcmul(self.bias - self.running_mean * scale, rows, scale), 1)
        out: Tensor
        with without_autocast(rows):
            out, mean, variance = _NormGLU.apply(at_least_float32(rows), self.weight, self.bias, self.eps)
        with torch.no_grad():
            unbiased = variance * (len(rows) / max(len(rows) - 1, 1))
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(unbiased, self.momentum)
        return out


def to_rows(x: Tensor) -> Tensor:
    """(B, C, H, W) → (B * H * W, C); a view where the memory is channels-last."""
    return rearrange(x, "b c h w -> (b h w) c")


def from_rows(rows: Tensor, batch: int, height: int) -> Tensor:
    """(B * H * W, C) → (B, C, H, W), a view that is channels-last in memory."""
    return rearrange(rows, "(b h w) c -> b h w c", b=batch, h=height).permute(0, 3, 1, 2)

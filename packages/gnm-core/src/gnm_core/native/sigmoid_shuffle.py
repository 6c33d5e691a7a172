"""Sigmoid and pixel shuffle by `sigmoid_shuffle.c`, with gradients."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from gnm_core.native.call import call


class NativeSigmoidShuffle(torch.autograd.Function):
    """(B, H, W, r * r * C) → (B, C, r H, r W); keeps the picture alone."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, upscale: int) -> Tensor:  # noqa: D102 (autograd's)
        x = x.contiguous()
        batch, height, width, wide = x.shape
        channels, left = divmod(wide, upscale**2)
        if left:
            raise ValueError(f"{wide} channels cannot be shuffled into {upscale} x {upscale} pixels each")
        picture = x.new_empty(batch, channels, height * upscale, width * upscale)
        ctx.sizes = (batch, height, width, upscale, channels)
        call("sigmoid_shuffle_forward", x, picture, *ctx.sizes)
        ctx.save_for_backward(picture)
        return picture

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:  # noqa: D102
        (picture,) = ctx.saved_tensors
        batch, height, width, upscale, channels = ctx.sizes
        x_gradient = picture.new_empty(batch, height, width, upscale * upscale * channels)
        call("sigmoid_shuffle_backward", gradient.contiguous(), picture, x_gradient, *ctx.sizes)
        return x_gradient, None

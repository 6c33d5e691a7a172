"""Gated layers as products that processors are fast at."""

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from gnm_baselines.fused.norm_glu import from_rows, norm_glu, norm_glu_of_rows
from gnm_baselines.layers.gated import GatedDense, GatedExpand, GatedTransposed


def gated_transposed(layer: GatedTransposed, x: Tensor) -> Tensor:
    """(B, inputs, H, W) → (B, outputs, H * stride, W * stride), channels-last in memory.

    With a stride of 2 it is computed as a 3x3 convolution at the low resolution, for all four pixels that each pixel
    becomes at once: the same sums, where a transposed convolution reaches half the speed of a plain one.
    """
    batch, _, height, _ = x.shape
    weight, bias = layer.conv.weight, layer.conv.bias
    assert bias is not None
    if layer.stride == 1:
        flipped = rearrange(weight, "i o h w -> o i h w").flip(2, 3)
        return norm_glu(layer.norm, F.conv2d(x, flipped, bias, padding=2))
    y = F.conv2d(x, subpixel_weight(weight), bias.repeat(4), padding=1)
    rows = norm_glu_of_rows(layer.norm, rearrange(y, "b (py px c) h w -> (b h w py px) c", py=2, px=2))
    shuffled = rearrange(rows, "(b h w py px) c -> (b h py w px) c", b=batch, h=height, py=2, px=2)
    return from_rows(shuffled, batch, 2 * height)


def gated_dense(layer: GatedDense, x: Tensor) -> Tensor:
    """(B, inputs, side, side) → (B, outputs), as one matrix product."""
    return F.glu(F.linear(rearrange(x, "b c h w -> b (c h w)"), layer.conv.weight.flatten(1), layer.conv.bias), 1)


def gated_expand(layer: GatedExpand, code: Tensor) -> Tensor:
    """(B, inputs) → (B, outputs, side, side), as one matrix product; channels-last in memory."""
    bias = layer.conv.bias
    assert bias is not None
    expanded = rearrange(code @ layer.conv.weight.flatten(1), "b (c h w) -> b c h w", h=layer.side, w=layer.side)
    return F.glu(expanded + bias[:, None, None], 1).contiguous(memory_format=torch.channels_last)


def subpixel_weight(weight: Tensor) -> Tensor:
    """(I, O, 5, 5) of a transposed convolution of stride 2 → (4 O, I, 3, 3) of a convolution before a pixel shuffle.

    Output pixel 2 q + p (p = 0, 1) gets input q + t - 1 with tap 4 + p - 2 t, for t = 0, 1, 2; there is no tap 5.
    """
    taps = rearrange(F.pad(weight, (0, 1, 0, 1)), "i o (ty py) (tx px) -> (py px o) i ty tx", py=2, px=2)
    return taps.flip(2, 3)

"""Sub-pixel convolution computed channels last: the shuffle moves whole runs of channels."""

from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from gnm_core.layers.subpixel import SubpixelConv


def subpixel_conv(layer: SubpixelConv, x: Tensor) -> Tensor:
    """(B, inputs, H, W) → (B, outputs, r H, r W)."""
    y = rearrange(unshuffled(layer, x), "b o h w -> b h w o")
    return rearrange(shuffle(y, layer.upscale), "b h w c -> b c h w")


def unshuffled(layer: SubpixelConv, x: Tensor) -> Tensor:
    """(B, inputs, H, W) → (B, r * r * outputs, H, W), channels ordered (r, r, outputs), in channels-last memory.

    Only the taps that can meet a pixel are multiplied: one pixel meets only the middle tap.
    """
    r, kernel = layer.upscale, layer.conv.kernel_size[0]
    weight, bias = layer.conv.weight, layer.conv.bias
    assert bias is not None
    if r > 1:
        weight = rearrange(weight, "(c r s) i k l -> (r s c) i k l", r=r, s=r)
        bias = rearrange(bias, "(c r s) -> (r s c)", r=r, s=r)
    if kernel == 1 or x.shape[2:] == (1, 1):
        middle = weight[:, :, kernel // 2, kernel // 2]
        return rearrange(F.linear(rearrange(x, "b i h w -> b h w i"), middle, bias), "b h w o -> b o h w")
    return F.conv2d(x, weight, bias, padding=kernel // 2)


def shuffle(x: Tensor, upscale: int) -> Tensor:
    """(B, H, W, r * r * C), the last axis ordered (r, r, C) → (B, r H, r W, C)."""
    if upscale == 1:
        return x
    return rearrange(x, "b h w (r s c) -> b (h r) (w s) c", r=upscale, s=upscale)

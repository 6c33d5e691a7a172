"""Gated convolutions with batch norm (van den Berg et al., 2018, arXiv:1803.05649), as GENESIS uses them."""

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_baselines.layers.norm_glu import NormGLU, from_rows, to_rows


class GatedConv(nn.Module):
    """5x5 convolution to value and gate, batch norm on both, value * sigmoid(gate).

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: 1 or 2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 2 * outputs, 5, stride, 2)
        self.norm = NormGLU(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H / stride, W / stride), channels-last in memory."""
        y = self.conv(x)
        return from_rows(self.norm(to_rows(y)), len(y), y.shape[2])


class GatedTransposed(nn.Module):
    """5x5 transposed convolution to value and gate, batch norm on both, value * sigmoid(gate).

    With a stride of 2 it is computed as a 3x3 convolution at the low resolution, for all four pixels that each pixel
    becomes at once: the same sums, where a transposed convolution reaches half the speed of a plain one.

    Args:
        inputs: channels in.
        outputs: channels out.
        stride: 1 or 2.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, 2 * outputs, 5, stride, 2, stride - 1)
        self.norm = NormGLU(outputs)
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H * stride, W * stride), channels-last in memory."""
        batch, _, height, _ = x.shape
        weight, bias = self.conv.weight, self.conv.bias
        assert bias is not None
        if self.stride == 1:
            y = F.conv2d(x, rearrange(weight, "i o h w -> o i h w").flip(2, 3), bias, padding=2)
            return from_rows(self.norm(to_rows(y)), batch, height)
        y = F.conv2d(x, subpixel_weight(weight), bias.repeat(4), padding=1)
        rows = self.norm(rearrange(y, "b (py px c) h w -> (b h w py px) c", py=2, px=2))
        shuffled = rearrange(rows, "(b h w py px) c -> (b h py w px) c", b=batch, h=height, py=2, px=2)
        return from_rows(shuffled, batch, 2 * height)


def subpixel_weight(weight: Tensor) -> Tensor:
    """(I, O, 5, 5) of a transposed convolution of stride 2 → (4 O, I, 3, 3) of a convolution before a pixel shuffle.

    Output pixel 2 q + p (p = 0, 1) gets input q + t - 1 with tap 4 + p - 2 t, for t = 0, 1, 2; there is no tap 5.
    """
    taps = rearrange(F.pad(weight, (0, 1, 0, 1)), "i o (ty py) (tx px) -> (py px o) i ty tx", py=2, px=2)
    return taps.flip(2, 3)


class GatedDense(nn.Module):
    """A valid convolution from the whole map to one pixel, gated, without norm; as one matrix product.

    Args:
        inputs: channels in.
        outputs: numbers out.
        side: of the map.
    """

    def __init__(self, inputs: int, outputs: int, side: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, 2 * outputs, side)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, side, side) → (B, outputs)."""
        return F.glu(F.linear(rearrange(x, "b c h w -> b (c h w)"), self.conv.weight.flatten(1), self.conv.bias), 1)


class GatedExpand(nn.Module):
    """A transposed convolution from one pixel to the whole map, gated, without norm; as one matrix product.

    Args:
        inputs: numbers in.
        outputs: channels out.
        side: of the map.
    """

    def __init__(self, inputs: int, outputs: int, side: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, 2 * outputs, side)
        self.side = side

    def forward(self, code: Tensor) -> Tensor:
        """(B, inputs) → (B, outputs, side, side), channels-last in memory."""
        bias = self.conv.bias
        assert bias is not None
        expanded = rearrange(code @ self.conv.weight.flatten(1), "b (c h w) -> b c h w", h=self.side, w=self.side)
        return F.glu(expanded + bias[:, None, None], 1).contiguous(memory_format=torch.channels_last)

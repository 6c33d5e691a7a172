"""Sub-pixel convolution (Shi et al., 2016, arXiv:1609.05158): convolution to r * r times the channels, then shuffle."""

from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F


class SubpixelConv(nn.Module):
    """Convolution followed by a pixel shuffle, computed channels last.

    The weights are those of `nn.Conv2d` followed by `nn.PixelShuffle`. The convolution's output channels are reordered
    so that the shuffle moves whole runs of channels, and only the taps that can meet a pixel are multiplied: one pixel
    meets only the middle tap.

    Args:
        inputs: channels in.
        outputs: channels out.
        kernel: odd side of the kernel.
        upscale: r, by which the image grows along each side.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, upscale: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs * upscale**2, kernel, padding=kernel // 2)
        self.upscale = upscale

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, r H, r W)."""
        y = rearrange(self.unshuffled(x), "b o h w -> b h w o")
        return rearrange(shuffle(y, self.upscale), "b h w c -> b c h w")

    def unshuffled(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, r * r * outputs, H, W), channels ordered (r, r, outputs), in channels-last memory."""
        r, kernel = self.upscale, self.conv.kernel_size[0]
        weight, bias = self.conv.weight, self.conv.bias
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

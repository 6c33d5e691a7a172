"""Sub-pixel convolution (Shi et al., 2016, arXiv:1609.05158): convolution to r * r times the channels, then shuffle."""

from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core import kernels


class SubpixelConv(nn.Module):
    """Convolution followed by a pixel shuffle.

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
        made: Tensor | None = kernels.run("subpixel-conv", self, x)
        return F.pixel_shuffle(self.conv(x), self.upscale) if made is None else made

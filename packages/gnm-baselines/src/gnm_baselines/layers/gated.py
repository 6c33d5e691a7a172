"""Gated convolutions with batch norm (van den Berg et al., 2018, arXiv:1803.05649), as GENESIS uses them."""

from gnm_core import kernels
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_baselines.layers.norm_glu import NormGLU


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
        """(B, inputs, H, W) → (B, outputs, H / stride, W / stride)."""
        gated: Tensor = self.norm(self.conv(x))
        return gated


class GatedTransposed(nn.Module):
    """5x5 transposed convolution to value and gate, batch norm on both, value * sigmoid(gate).

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
        """(B, inputs, H, W) → (B, outputs, H * stride, W * stride)."""
        made: Tensor | None = kernels.run("gated-transposed", self, x)
        return self.norm(self.conv(x)) if made is None else made


class GatedDense(nn.Module):
    """A valid convolution from the whole map to one pixel, gated, without norm.

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
        made: Tensor | None = kernels.run("gated-dense", self, x)
        return F.glu(self.conv(x), 1).flatten(1) if made is None else made


class GatedExpand(nn.Module):
    """A transposed convolution from one pixel to the whole map, gated, without norm.

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
        """(B, inputs) → (B, outputs, side, side)."""
        made: Tensor | None = kernels.run("gated-expand", self, code)
        return F.glu(self.conv(code[:, :, None, None]), 1) if made is None else made

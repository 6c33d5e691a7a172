"""The two small networks that look at pictures for the judges."""

from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class ConvBlock(nn.Module):
    """Convolution, batch norm, ReLU; `dilation` widens the view, `stride` shrinks the map."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        padding = dilation * (kernel - 1) // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, dilation, bias=False)
        self.norm: nn.Module = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, H, W) → (B, outputs, H / stride, W / stride)."""
        y: Tensor = self.norm(self.conv(x)).relu_()
        return y

    def fuse(self) -> None:
        """Put the batch norm into the convolution, for good."""
        if isinstance(self.norm, nn.BatchNorm2d):
            self.conv, self.norm = fuse_conv_bn_eval(self.conv.eval(), self.norm.eval()), nn.Identity()


class Detector(nn.Module):
    """Looks at a picture in 16 x 16 places: is an object near each, where, and whatever else is asked.

    Source: Zhou, Wang and Krähenbühl, Objects as Points, 2019, arXiv:1904.07850.

    Args:
        channels: C of the pictures.
        outputs: numbers at every place.
        widths: channels inside, each at half the resolution of the one before, down to the 16 x 16 places.
    """

    places = 16
    """Side of the map."""

    def __init__(self, channels: int, outputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.side = self.places * 2 ** len(widths)
        """Side of the pictures, in pixels."""
        width = widths[-1]
        self.body = nn.Sequential(
            ConvBlock(channels, widths[0], 5, stride=2),
            *(ConvBlock(wide, deep, stride=2) for wide, deep in pairwise(widths)),
            *(ConvBlock(width, width, dilation=dilation) for dilation in (1, 2, 1, 2)),
        )
        self.head = nn.Conv2d(width, outputs, 1)
        with torch.no_grad():
            cast(Tensor, self.head.bias)[0] = -3.0  # nearly every place is far from any object

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, side, side) → (B, outputs, 16, 16)."""
        y: Tensor = self.head(self.body(image))
        return y


class Classifier(nn.Module):
    """One crop → logits.

    Args:
        channels: C of the crops, which are 28 pixels a side.
        classes: number of logits.
        widths: channels inside.
    """

    side = 28

    def __init__(
        self, channels: int, classes: int, widths: tuple[int, int, int, int, int] = (32, 48, 96, 96, 128)
    ) -> None:
        super().__init__()
        a, b, c, d, e = widths
        self.body = nn.Sequential(
            ConvBlock(channels, a, 5, stride=2),
            ConvBlock(a, b),
            ConvBlock(b, c, stride=2),
            ConvBlock(c, d),
            ConvBlock(d, e, stride=2),
        )
        self.head = nn.Linear(e * 4 * 4, classes)

    def forward(self, crop: Tensor) -> Tensor:
        """(N, C, 28, 28) → (N, classes)."""
        y: Tensor = self.head(self.body(crop).flatten(1))
        return y


def fuse(network: nn.Module) -> None:
    """Ready a network for use: evaluation mode, batch norms in the convolutions."""
    network.eval().requires_grad_(False)
    for module in network.modules():
        if isinstance(module, ConvBlock):
            module.fuse()

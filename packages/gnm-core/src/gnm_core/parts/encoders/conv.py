"""The paper's image encoder."""

from math import log2
from typing import Annotated

import torch
from annotated_types import Ge, Le
from torch import Tensor, nn

from gnm_core.contracts import Encoder
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.layers.celu_norm import CeluNorm2d
from gnm_core.layers.stack import ConvStack


class ConvEncoder(Encoder):
    """Convolutional encoder of Table 4: pairs of a halving 4x4 and a 3x3 convolution, each with CELU and norm.

    Args:
        dims: `size / grid` must be a power of two, 2 ** n; n halvings, the last one to `features` channels.
        widths: channels of the n - 1 resolutions in between; by default 16, 32, 64, ... up to `features`, which is
            Table 4 for 128 features, and the published widths of the MNIST models for 64.

    Raises:
        OptionError: `size / grid` is no power of two, or `widths` has the wrong length.
    """

    def __init__(self, dims: Dims, *, widths: tuple[Annotated[int, Ge(1), Le(65536)], ...] | None = None) -> None:
        super().__init__()
        halvings = log2(dims.size / dims.grid)
        if halvings < 1 or halvings != int(halvings):
            raise OptionError(
                "dims",
                f"a {dims.size} px image cannot be halved down to a grid of {dims.grid}: "
                "size / grid must be 2, 4, 8, ...",
            )
        between = int(halvings) - 1
        if widths is None:
            widths = tuple(min(16 * 2**i, dims.features) for i in range(between))
        if len(widths) != between:
            raise OptionError(
                "widths",
                f"{len(widths)} widths, but {dims.size} px to a grid of {dims.grid} has {between} resolutions "
                "in between",
            )
        layers: list[nn.Module] = []
        before = dims.channels
        for width in widths:
            layers += [nn.Conv2d(before, width, 4, 2, 1), CeluNorm2d(width)]
            layers += [nn.Conv2d(width, width, 3, 1, 1), CeluNorm2d(width)]
            before = width
        layers += [nn.Conv2d(before, dims.features, 4, 2, 1), CeluNorm2d(dims.features)]
        self.layers = ConvStack(*layers)

    def forward(self, image: Tensor) -> Tensor:
        """(B, C, H, W) → (B, E, G, G)."""
        features: Tensor = self.layers(image.contiguous(memory_format=torch.channels_last))
        return features

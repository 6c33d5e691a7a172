"""Reads the background from what lies around the objects, blurred."""

from typing import Annotated

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor
from torch.nn import functional as F

from gnm_core.contracts import BackgroundEncoder
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.layers.mlp import mlp


class Surroundings(BackgroundEncoder):
    """Mean colours of the picture's tiles, pixels in objects' boxes counting less, → hidden layers → q(z^b).

    Objects cannot hide in a background that is read past them, nor anything small in one that is read blurred.

    Args:
        dims: `channels`, `size`, `background`.
        side: tiles along one side.
        inside: weight of a pixel in a box, against 1 of one outside.
        hidden: sizes of the hidden layers; by default none, a linear map.

    Raises:
        OptionError: the image's side is no multiple of `side`.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        side: Annotated[int, Ge(1), Le(4096)] = 8,
        inside: Annotated[float, Gt(0), Le(1)] = 0.02,
        hidden: tuple[Annotated[int, Ge(1), Le(65536)], ...] = (),
    ) -> None:
        super().__init__()
        if dims.size % side:
            raise OptionError("side", f"{side} tiles do not divide a side of {dims.size} px")
        self.side, self.inside = side, inside
        self.layers = mlp([dims.channels * side**2, *hidden, 2 * dims.background])

    def forward(self, image: Tensor, cover: Tensor) -> Tensor:
        """(B, C, H, W) and (B, 1, H, W) → (B, 2 Z)."""
        parameters: Tensor = self.layers(self.tiles(image, cover).flatten(1))
        return parameters

    def tiles(self, image: Tensor, cover: Tensor) -> Tensor:
        """(B, C, side, side): the weighted mean colour of each tile, a tile that is all covered looking beside it."""
        weight = 1 - (1 - self.inside) * cover
        seen = F.adaptive_avg_pool2d(torch.cat([image * weight, weight], 1), self.side)
        seen = seen + 0.05 * F.avg_pool2d(seen, 3, stride=1, padding=1, count_include_pad=False)
        return seen[:, :-1] / seen[:, -1:] - 0.5

"""Reads the background from what lies around the objects, blurred."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor
from torch.nn import functional as F

from gnm_core.contracts import BackgroundEncoder
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.layers.mlp import mlp


FAR = 0.25
"""Weight of what coarser tiles say, as a share of the picture's mean weight."""


class Surroundings(BackgroundEncoder):
    """Mean colours of the picture's tiles, pixels in objects' boxes counting less, → hidden layers → q(z^b).

    Objects cannot hide in a background that is read past them, nor anything small in one that is read blurred.

    Args:
        dims: `channels`, `size`, `background`.
        side: tiles along one side.
        inside: weight of a pixel in a box, against 1 of one outside.
        fill: where a tile that is all covered looks: `beside` it, as far as the next tile, or `far`, as far as it has to,
            so that an object larger than a tile is seen past too.
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
        fill: Literal["beside", "far"] = "beside",
        hidden: tuple[Annotated[int, Ge(1), Le(65536)], ...] = (),
    ) -> None:
        super().__init__()
        if dims.size % side:
            raise OptionError("side", f"{side} tiles do not divide a side of {dims.size} px")
        self.side, self.inside, self.fill = side, inside, fill
        self.layers = mlp([dims.channels * side**2, *hidden, 2 * dims.background])

    def forward(self, image: Tensor, cover: Tensor) -> Tensor:
        """(B, C, H, W) and (B, 1, H, W) → (B, 2 Z)."""
        parameters: Tensor = self.layers(self.tiles(image, cover).flatten(1))
        return parameters

    def tiles(self, image: Tensor, cover: Tensor) -> Tensor:
        """(B, C, side, side): the weighted mean colour of each tile, a tile that is all covered looking beside it."""
        weight = 1 - (1 - self.inside) * cover
        seen = F.adaptive_avg_pool2d(torch.cat([image * weight, weight], 1), self.side)
        if self.fill == "far":
            return _filled(seen, FAR * seen[:, -1:].mean((2, 3), keepdim=True)) - 0.5
        seen = seen + 0.05 * F.avg_pool2d(seen, 3, stride=1, padding=1, count_include_pad=False)
        return seen[:, :-1] / seen[:, -1:] - 0.5


def _filled(seen: Tensor, trust: Tensor) -> Tensor:
    """(B, C + 1, T, T), colours times weights and the weights → (B, C, T, T): what has little weight asks coarser tiles.

    Args:
        seen: the tiles.
        trust: (B, 1, 1, 1): weight of what coarser tiles say.
    """
    if seen.shape[-1] == 1:
        return seen[:, :-1] / seen[:, -1:]
    around = _filled(F.adaptive_avg_pool2d(seen, (seen.shape[-1] + 1) // 2), trust)
    around = F.interpolate(around, size=seen.shape[-2:], mode="bilinear", align_corners=False)
    return (seen[:, :-1] + trust * around) / (seen[:, -1:] + trust)

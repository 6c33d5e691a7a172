"""Reads the background from what lies around the objects, blurred."""

from typing import Annotated, Literal

import torch
from annotated_types import Ge, Gt, Le
from torch import Tensor, nn
from torch.nn import functional as F

from gnm_core.contracts import BackgroundEncoder
from gnm_core.dims import Dims
from gnm_core.errors import OptionError
from gnm_core.layers.mlp import mlp

SPAN = 5.0
"""From black to white in a code that begins as colours."""
SURE = -2.0
"""The deviation that such a code begins with, before its softplus: 0.13, a fortieth of it."""
FAR = 0.25
"""Weight of what coarser tiles say, as a share of the picture's mean weight."""


class Surroundings(BackgroundEncoder):
    """Mean colours of the picture's tiles, pixels in objects' boxes counting less, → hidden layers → q(z^b).

    Objects cannot hide in a background that is read past them, nor anything small in one that is read blurred.
    With `begin: colours`, here and in `smooth-background`, there is nothing to learn first: the code is the tiles.

    Args:
        dims: `channels`, `size`, `background`.
        side: tiles along one side.
        inside: weight of a pixel in a box, against 1 of one outside.
        fill: where a tile that is all covered looks: `beside` it, as far as the next tile, or `far`, as far as it has
            to, so that an object larger than a tile is seen past too.
        past: whether pixels count less in `boxes`, or behind `masks`, which are the objects themselves once they have
            shapes.
        begin: `fresh` weights, or weights with which the code is the tiles' `colours`, from black at -2.5 to white at
            2.5.
        hidden: sizes of the hidden layers; by default none, a linear map.

    Raises:
        OptionError: the image's side is no multiple of `side`; or the code is to begin as colours, and has not one
            number for each, or there are hidden layers.
    """

    def __init__(
        self,
        dims: Dims,
        *,
        side: Annotated[int, Ge(1), Le(4096)] = 8,
        inside: Annotated[float, Gt(0), Le(1)] = 0.02,
        fill: Literal["beside", "far"] = "beside",
        past: Literal["boxes", "masks"] = "boxes",
        begin: Literal["fresh", "colours"] = "fresh",
        hidden: tuple[Annotated[int, Ge(1), Le(65536)], ...] = (),
    ) -> None:
        super().__init__()
        if dims.size % side:
            raise OptionError("side", f"{side} tiles do not divide a side of {dims.size} px")
        self.side, self.inside, self.fill, self.past = side, inside, fill, past
        self.layers = mlp([dims.channels * side**2, *hidden, 2 * dims.background])
        if begin == "colours":
            last = colours_alone(self.layers, dims, side)
            with torch.no_grad():
                last.weight.copy_(torch.eye(2 * dims.background, dims.background) * SPAN)
                last.bias.copy_(torch.tensor([0.0, SURE]).repeat_interleave(dims.background))

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
    """(B, C + 1, T, T) → (B, C, T, T): colours, where what has little weight asks coarser tiles.

    Args:
        seen: the tiles: colours times weights, and the weights.
        trust: (B, 1, 1, 1): weight of what coarser tiles say.
    """
    if seen.shape[-1] == 1:
        return seen[:, :-1] / seen[:, -1:]
    around = _filled(F.adaptive_avg_pool2d(seen, (seen.shape[-1] + 1) // 2), trust)
    around = F.interpolate(around, size=seen.shape[-2:], mode="bilinear", align_corners=False)
    return (seen[:, :-1] + trust * around) / (seen[:, -1:] + trust)


def colours_alone(layers: nn.Sequential, dims: Dims, side: int) -> nn.Linear:
    """The one layer between a code and the colours of `side` x `side` tiles, each a number of the code.

    Raises:
        OptionError: there are more layers, or more or fewer numbers.
    """
    numbers = dims.channels * side**2
    if len(layers) != 1 or dims.background != numbers:
        raise OptionError(
            "begin", f"a code that begins as colours takes no hidden layers, and dims.background = {numbers} numbers"
        )
    layer = layers[0]
    assert isinstance(layer, nn.Linear)
    return layer
